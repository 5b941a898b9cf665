/**
 * Many open tabs without a browser: each holds an event stream of its own over HTTP/1.1, and those in front fetch what changed as the
 * page's script does (live.js): so long after the event, each live element by its own address, once more when it changed meanwhile.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Stack } from '../harness/stack.ts';
import { signIn } from './sign-in.ts';

export type TabCrowd = {
  readonly streams: number;
  /** Tabs that fetch what changed. */
  readonly inFront: number;
  /** What was heard and fetched by all of them so far. */
  count(): { readonly events: number; readonly fetches: number; readonly bytes: number };
  /** Streams that ended although nobody closed them, and fetches that went wrong. */
  listTroubles(): readonly string[];
  close(): void;
};

export type CrowdSize = { readonly browsers: number; readonly tabsEach: number };

const CONNECTIONS = 6;
const REFRESH_DELAY_MS = 150;
const LINES_DELAY_MS = 800;

/** An element of a page that is kept up to date. */
type LiveElement = {
  readonly id: string;
  readonly topics: readonly string[];
  readonly lineTopics: readonly string[];
  readonly url: string;
};

/** Opens tabs of these pages in turn; the first tab of each browser is in front. Resolves when every stream is open. */
export async function openTabCrowd(stack: Stack, paths: readonly string[], size: CrowdSize): Promise<TabCrowd> {
  const total = { events: 0, fetches: 0, bytes: 0 };
  const troubles: string[] = [];
  const closers: (() => void)[] = [];
  let isClosed = false;
  for (let browser = 0; browser < size.browsers; browser += 1) {
    const cookie = await signIn(stack, `127.200.0.${browser + 1}`);
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    closers.push(() => agent.destroy());
    const load = (path: string, headers: Readonly<Record<string, string>>) =>
      fetchText(stack, agent, path, { cookie, ...headers });
    for (let tab = 0; tab < size.tabsEach; tab += 1) {
      const path = paths[(browser + tab) % paths.length] ?? '/';
      const page = await load(path, { accept: 'text/html' });
      const elements = findLiveElements(page);
      const topics = findTopics(page);
      const fetchOne = async (element: LiveElement): Promise<void> => {
        total.fetches += 1;
        const headers = { accept: 'text/html', 'hx-request': 'true', 'hx-target': element.id };
        total.bytes += (await load(element.url, headers)).length;
      };
      const onTrouble = (text: string) => void (isClosed || troubles.push(`${path}: ${text}`));
      const refresh = tab === 0 ? createRefresher(elements, fetchOne, onTrouble) : () => undefined;
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

/** One timer and one fetch at a time for each element, as in a page. */
function createRefresher(
  elements: readonly LiveElement[],
  fetchOne: (element: LiveElement) => Promise<void>,
  onTrouble: (text: string) => void,
): (topic: string, message: LiveMessage) => void {
  const states = new Map(elements.map((element) => [element, { isWaiting: false, isBusy: false, isAgain: false }]));
  const schedule = (element: LiveElement, delayMs: number): void => {
    const state = states.get(element);
    if (state === undefined || state.isWaiting) return;
    if (state.isBusy) {
      state.isAgain = true;
      return;
    }
    state.isWaiting = true;
    setTimeout(async () => {
      Object.assign(state, { isWaiting: false, isBusy: true, isAgain: false });
      await fetchOne(element).catch((error: unknown) => onTrouble(error instanceof Error ? error.message : String(error)));
      state.isBusy = false;
      if (state.isAgain) schedule(element, delayMs);
    }, delayMs);
  };
  return (topic, { kind }) => {
    for (const element of elements) {
      const delayMs = element.lineTopics.length > 0 ? LINES_DELAY_MS : REFRESH_DELAY_MS;
      const isMeant = kind === 'refresh' ? element.topics.includes(topic) : kind === 'log' && element.lineTopics.includes(topic);
      if (isMeant) schedule(element, delayMs);
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
    return [{ id, topics, lineTopics: splitTopics(readAttribute(tag, 'data-live-lines')), url }];
  });
}

function findTopics(page: string): readonly string[] {
  const all = [...page.matchAll(/ data-live(?:-log|-progress)?="([^"]*)"/g)].flatMap((match) => splitTopics(match[1]));
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

function fetchText(stack: Stack, agent: Agent, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    request(new URL(path, stack.server.url), { agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${path} was answered with ${response.statusCode}`));
      });
      response.once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}
