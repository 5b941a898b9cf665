import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type SinkMessage = {
  readonly id: string;
  /** The signature is right for this body. */
  readonly isSigned: boolean;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export type WebhookSink = {
  readonly url: string;
  /** What it was posted, in order. */
  readonly messages: readonly SinkMessage[];
  /** When it was asked with GET, epoch milliseconds. */
  readonly pings: readonly number[];
  stop(): Promise<void>;
};

/** A loopback program that takes webhooks and checks their signatures, and is asked for signs of life. */
export async function startWebhookSink(key: Buffer): Promise<WebhookSink> {
  const messages: SinkMessage[] = [];
  const pings: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      if (request.method === 'GET') pings.push(Date.now());
      else {
        const id = String(request.headers['webhook-id']);
        const signed = `${id}.${String(request.headers['webhook-timestamp'])}.${body}`;
        const signature = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
        const { type, data } = JSON.parse(body) as Pick<SinkMessage, 'type' | 'data'>;
        messages.push({ id, isSigned: request.headers['webhook-signature'] === signature, type, data });
      }
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    messages,
    pings,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
