/**
 * Many open tabs without a browser: each holds an event stream of its own over HTTP/1.1, and those in front fetch what changed by the
 * very script that pages do it with (looks.js), with the headers of a browser.
 */
import { readFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import vm from 'node:vm';
import type { Stack } from '../harness/stack.ts';
import { signIn } from './sign-in.ts';

export type TabCrowd = {
  readonly streams: number;
  /** Tabs that fetch what changed. */
  readonly inFront: number;
  /** What was heard and fetched by all of them so far; `same`: fetches that found nothing new. */
  count(): { readonly events: number; readonly fetches: number; readonly same: number; readonly bytes: number };
  /** Streams that ended although nobody closed them, and fetches that went wrong. */
  listTroubles(): readonly string[];
  close(): void;
};

export type CrowdSize = { readonly browsers: number; readonly tabsEach: number };

const CONNECTIONS = 6;
/** As in live.js. */
const REFRESH_DELAY_MS = 30;
const LINES_DELAY_MS = 800;
const LOOKS_SCRIPT = join(import.meta.dirname, '../../server/src/web/assets/js/looks.js');
/** What Chromium says of itself where a page of this server fetches. */
const BROWSER_HEADERS = { 'accept-encoding': 'gzip, deflate, br', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };

/** An element of a page that is kept up to date. */
type LiveElement = {
  readonly id: string;
  readonly topics: readonly string[];
  readonly lineTopics: readonly string[];
  /** Topics whose counts come with the event, so that only a refresh makes it fetch. */
  readonly countTopics: readonly string[];
  readonly url: string;
};

/** Of looks.js. */
type Looks = { want(url: string, id: string, delayMs: number): void };
type FetchPieces = (url: string, ids: readonly string[], tag: string) => Promise<{ tag: string; isSame: boolean }>;
type CreateLooks = (options: { now: () => number; isAway: () => boolean; fetchPieces: FetchPieces }) => Looks;

/** Opens tabs of these pages in turn; the first tab of each browser is in front. Resolves when every stream is open. */
export async function openTabCrowd(stack: Stack, paths: readonly string[], size: CrowdSize): Promise<TabCrowd> {
  const total = { events: 0, fetches: 0, same: 0, bytes: 0 };
  const createLooks = loadLooks();
  const troubles: string[] = [];
  const closers: (() => void)[] = [];
  let isClosed = false;
  for (let browser = 0; browser < size.browsers; browser += 1) {
    const cookie = await signIn(stack, `127.200.0.${browser + 1}`);
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    closers.push(() => agent.destroy());
    const load = (path: string, headers: Readonly<Record<string, string>>) =>
      fetchBody(stack, agent, path, { cookie, ...headers });
    for (let tab = 0; tab < size.tabsEach; tab += 1) {
      const path = paths[(browser + tab) % paths.length] ?? '/';
      const page = (await load(path, { accept: 'text/html' })).body.toString('utf8');
      const elements = findLiveElements(page);
      const topics = findTopics(page);
      const onTrouble = (text: string) => void (isClosed || troubles.push(`${path}: ${text}`));
      const fetchPieces: FetchPieces = async (url, ids, tag) => {
        total.fetches += 1;
        const asked = { accept: 'text/html', 'hx-request': 'true', 'holdfast-live': ids.join(' ') };
        const headers = { ...asked, ...BROWSER_HEADERS, ...(tag === '' ? {} : { 'if-none-match': tag }) };
        try {
          const { status, body, headers: said } = await load(url, headers);
          total.bytes += body.length;
          total.same += status === 304 ? 1 : 0;
          return { tag: said.etag ?? '', isSame: status === 304 };
        } catch (error) {
          onTrouble(error instanceof Error ? error.message : String(error));
          throw error;
        }
      };
      const looks = createLooks({ now: () => performance.now(), isAway: () => false, fetchPieces });
      const refresh = tab === 0 ? createRefresher(elements, looks) : () => undefined;
      const stream = await openStream(stack, topics, /data-live-from="([^"]+)"/.exec(page)?.[1], cookie);
      stream.setEncoding('utf8');
      stream.on('error', (error: Error) => onTrouble(error.message));
      stream.once('close', () => onTrouble('the stream ended'));
      readEvents(stream, (topic, message) => {
        total.events += 1;
        refresh(topic, message);
      });
      closers.push(() => stream.destroy());
    }
  }
  return {
    streams: size.browsers * size.tabsEach,
    inFront: size.browsers,
    count: () => ({ ...total }),
    listTroubles: () => troubles,
    close() {
      isClosed = true;
      for (const end of closers) end();
    },
  };
}

type LiveMessage = { readonly kind: string; readonly gap?: boolean };

/** The page's own script. */
function loadLooks(): CreateLooks {
  const scope: Record<string, unknown> = { setTimeout, clearTimeout };
  vm.runInNewContext(readFileSync(LOOKS_SCRIPT, 'utf8'), scope);
  return scope['holdfastLooks'] as CreateLooks;
}

/** Which elements an event makes the page fetch, as in live.js. */
function createRefresher(elements: readonly LiveElement[], looks: Looks): (topic: string, message: LiveMessage) => void {
  return (topic, { kind }) => {
    for (const element of elements) {
      const isRefreshed = element.topics.includes(topic) || element.countTopics.includes(topic);
      const isMeant = kind === 'refresh' ? isRefreshed : kind === 'log' && element.lineTopics.includes(topic);
      const delayMs = element.lineTopics.length > 0 ? LINES_DELAY_MS : REFRESH_DELAY_MS;
      if (isMeant) looks.want(element.url, element.id, delayMs);
    }
  };
}

function readAttribute(tag: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll('&amp;', '&');
}

const splitTopics = (text: string | undefined): readonly string[] => (text ?? '').split(' ').filter((topic) => topic !== '');

export function findLiveElements(page: string): readonly LiveElement[] {
  return [...page.matchAll(/<[a-z]+[^>]* data-live="[^>]*>/g)].flatMap(([tag]) => {
    const [id, url] = [readAttribute(tag, 'id'), readAttribute(tag, 'data-live-get')];
    if (id === undefined || url === undefined) return [];
    const topics = splitTopics(readAttribute(tag, 'data-live'));
    const [lineTopics, countTopics] = ['data-live-lines', 'data-live-counts'].map((name) =>
      splitTopics(readAttribute(tag, name)),
    );
    return [{ id, topics, lineTopics: lineTopics ?? [], countTopics: countTopics ?? [], url }];
  });
}

function findTopics(page: string): readonly string[] {
  const all = [...page.matchAll(/ data-live(?:-counts|-log|-progress)?="([^"]*)"/g)].flatMap((match) => splitTopics(match[1]));
  return [...new Set(all)].sort();
}

async function openStream(
  stack: Stack,
  topics: readonly string[],
  from: string | undefined,
  cookie: string,
): Promise<IncomingMessage> {
  const query = new URLSearchParams({ topics: topics.join(','), ...(from === undefined ? {} : { lastEventId: from }) });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { cookie, accept: 'text/event-stream' };
    request(`${stack.server.url}/api/v1/stream?${query}`, { agent: false, headers }, resolve).once('error', reject).end();
  });
  if (response.statusCode !== 200) throw new Error(`a stream was answered with ${response.statusCode}`);
  return response;
}

function readEvents(stream: IncomingMessage, take: (topic: string, message: LiveMessage) => void): void {
  let rest = '';
  stream.on('data', (text: string) => {
    rest += text;
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const topic = /^event: (.*)$/m.exec(event)?.[1];
      const said = /^data: (.*)$/m.exec(event)?.[1];
      if (topic !== undefined && said !== undefined) take(topic, JSON.parse(said) as LiveMessage);
    }
  });
}

type Fetched = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

function fetchBody(stack: Stack, agent: Agent, path: string, headers: Readonly<Record<string, string>>): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    request(new URL(path, stack.server.url), { agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.once('end', () => {
        const status = response.statusCode ?? 0;
        if (status === 200 || status === 304) resolve({ status, headers: response.headers, body: Buffer.concat(chunks) });
        else reject(new Error(`${path} was answered with ${status}`));
      });
      response.once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}
