/** A browser's event stream that is opened and not read, until one looks what it was told. */
import { type IncomingMessage, request } from 'node:http';

export type StalledBrowser = {
  /** Reads what waits in the line, up to a place in the stream where `isEnough` says so. @throws Error after `deadlineMs`. */
  readAll(isEnough: (heard: Heard) => boolean, deadlineMs: number): Promise<Heard>;
  close(): void;
};

/** What the page was told of one run's log. */
export type Heard = {
  /** Lines in a row from the first. */
  readonly lines: number;
  /** A line was left out and the page not told so before the next one. */
  readonly hasHole: boolean;
  /** The last thing it was told is to fetch again what it may have missed. */
  readonly isToldToLookAgain: boolean;
};

/** Opens the stream of one topic; the answer's head is read, and nothing else. */
export async function openStalledBrowser(serverUrl: string, key: string, topic: string): Promise<StalledBrowser> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream' };
    request(`${serverUrl}/api/v1/stream?topics=${encodeURIComponent(topic)}`, { agent: false, headers }, resolve)
      .once('error', reject)
      .end();
  });
  if (response.statusCode !== 200) throw new Error(`the stream was answered with ${response.statusCode}`);
  // A server that ends the stream is found out when it is read.
  response.on('error', () => undefined);
  return {
    async readAll(isEnough, deadlineMs) {
      const listener = createListener();
      response.setEncoding('utf8');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(
        () => reject(new Error(`the stream said no more than ${JSON.stringify(listener.hear())}`)),
        deadlineMs,
      );
      response.on('data', (text: string) => {
        listener.read(text);
        if (isEnough(listener.hear())) resolve();
      });
      response.once('close', () => resolve());
      await promise.finally(() => clearTimeout(timer));
      return listener.hear();
    },
    close: () => void response.destroy(),
  };
}

/** Follows a stream of one run's topic. */
export function createListener(): { read(text: string): void; hear(): Heard } {
  let rest = '';
  let lines = 0;
  let hasHole = false;
  let isToldToLookAgain = false;
  const take = (event: string): void => {
    const text = /^data: (.*)$/m.exec(event)?.[1];
    if (text === undefined) return;
    const message = JSON.parse(text) as { kind: string; gap?: boolean; lines?: readonly { n: number }[] };
    if (message.kind === 'refresh' && message.gap === true) isToldToLookAgain = true;
    if (message.kind !== 'log') return;
    for (const { n } of message.lines ?? []) {
      if (n !== lines + 1 && !isToldToLookAgain) hasHole = true;
      lines = n;
    }
    // What follows is whole again, once the page has looked.
    isToldToLookAgain = false;
  };
  return {
    read(text) {
      rest += text;
      const events = rest.split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) take(event);
    },
    hear: () => ({ lines, hasHole, isToldToLookAgain }),
  };
}
