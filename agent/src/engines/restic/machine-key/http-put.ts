/** Sends one small object over HTTP(S). */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { PROCESS } from '@holdfast/shared/limits.ts';

export interface ObjectToSend {
  url: URL;
  method: 'PUT' | 'POST';
  headers: Readonly<Record<string, string>>;
  content: string;
  /** PEM; undefined: the authorities this runtime knows. */
  caCert?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Resolves when the storage has taken it (2xx); anything else, redirections included, is an Error that names the status. */
export function sendObject({ url, method, headers, content, caCert, signal }: ObjectToSend): Promise<void> {
  const limit = AbortSignal.timeout(PROCESS.toolTimeoutMs);
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const sent = request(
      url,
      {
        method,
        headers: { ...headers, 'content-length': String(Buffer.byteLength(content)) },
        agent: false,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        ...(caCert === undefined ? {} : { ca: caCert }),
      },
      (answer) => {
        const { statusCode = 0 } = answer;
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () =>
          statusCode >= 200 && statusCode < 300 ? resolve() : reject(new Error(`the storage answered ${statusCode}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(content);
  });
}
