/** One JSON question over HTTP, for the time before there is a socket. */
import type { IncomingMessage } from 'node:http';
import { WIRE } from '@holdfast/shared/limits.ts';

export interface JsonAnswer {
  status: number;
  /** Undefined when the answer is not JSON. */
  content: unknown;
}

/**
 * Posts `body` and reads the answer, at most `WIRE.frameBytes` of it, within `WIRE.handshakeTimeoutMs`; redirects are answers
 * like others. Rejects with what the network, TLS or the signal says.
 *
 * `fetch`, and also an `import` of node:http, which looks at every name it exports, load a second HTTP client of which an agent that
 * waits would keep 6 to 10 MB for good. ws already holds this one.
 */
export async function postJson(url: URL, body: object, signal: AbortSignal): Promise<JsonAnswer> {
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const text = JSON.stringify(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(text) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(WIRE.handshakeTimeoutMs)]),
    });
    sent.once('response', resolve);
    // What comes after the answer began reaches its reader too; without a listener here it would end the process.
    sent.on('error', reject);
    sent.end(text);
  });
  return { status: response.statusCode ?? 0, content: parseJson(await readText(response)) };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > WIRE.frameBytes) throw new Error(`the answer is larger than ${WIRE.frameBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
