/** People who look on while a system is soaked: pages, live streams and metrics, with no regard to what is done to the server. */
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Stack } from '../../../harness/stack.ts';

const METRICS_TOKEN = 'looked-at-by-the-laboratory';
/** For the environment of the server. */
export const VISITED_ENV: Readonly<Record<string, string>> = { HOLDFAST_METRICS_TOKEN: METRICS_TOKEN };

const PAGES = ['/', '/hosts', '/runs', '/plans', '/sources', '/repositories', '/snapshots', '/navigation'];
const STREAMS = 8;
const TOPICS = 'hosts,runs,plans,overview';
const VISIT_EVERY_MS = 3_000;

export type Visitors = {
  /** Opens live streams, and reads every page again and again, until `leave`. */
  come(): void;
  /** Resolves when no line of theirs is open any more. */
  leave(): Promise<void>;
  /** Answers that were read to their end. */
  readonly answered: number;
};

type Asked = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal };

/** Signs in once. @throws Error when that is refused. */
export async function inviteVisitors({ server, api, admin }: Stack): Promise<Visitors> {
  const cookie = await signIn(server.url, admin);
  let answered = 0;
  let leaving: AbortController | undefined;
  let rounds: readonly Promise<void>[] = [];
  const get = async (path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> => {
    if (await readAnswer({ url: `${server.url}${path}`, headers, signal })) answered += 1;
  };
  const readPages = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      for (const path of PAGES) await get(path, { cookie }, signal);
      await get('/metrics', { authorization: `Bearer ${METRICS_TOKEN}` }, signal);
      await pause(VISIT_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const watch = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await get(`/api/v1/stream?topics=${TOPICS}`, { authorization: `Bearer ${api.key}` }, signal);
      await pause(VISIT_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  return {
    come() {
      leaving = new AbortController();
      const { signal } = leaving;
      rounds = [readPages(signal), ...Array.from({ length: STREAMS }, () => watch(signal))];
    },
    async leave() {
      leaving?.abort();
      await Promise.all(rounds);
      rounds = [];
    },
    get answered() {
      return answered;
    },
  };
}

/** True when it was a good answer and came whole; a line that breaks is nobody's fault here. Each has a line of its own. */
async function readAnswer({ url, headers, signal }: Asked): Promise<boolean> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { agent: false, headers, signal }, resolve).once('error', reject).end();
    });
    for await (const chunk of answer as AsyncIterable<Buffer>) void chunk;
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

async function signIn(url: string, { name, password }: Stack['admin']): Promise<string> {
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ name, password }),
    headers: { origin: url },
    redirect: 'manual',
  });
  const cookie = response.headers.getSetCookie().map((text) => text.split(';', 1)[0]);
  if (response.status >= 400 || cookie.length === 0) throw new Error(`signing in gave ${response.status}`);
  return cookie.join('; ');
}
