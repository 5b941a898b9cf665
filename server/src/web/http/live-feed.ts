/**
 * What the bus tells, as numbered events that browsers can miss and catch up on: refreshes of one topic are merged, the
 * newest events are kept for a while, and a viewer that cannot keep up is told to look again instead of being left wrong.
 * No sockets here.
 */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import { LIVE } from '@holdfast/shared/limits.ts';
import type { Bus, LiveEvent } from '../../core/ports.ts';
import { progressBrief, progressText, ratioOf, toProgressFigures } from '../ui/progress.ts';

export interface FeedEvent {
  topic: string;
  /** As it is written to an event stream. */
  wire: string;
}

export interface FeedViewer {
  topics: ReadonlySet<string>;
  deliver(event: FeedEvent): void;
}

export interface LiveFeed {
  /**
   * Shows the viewer what comes from now on, after what it missed since `lastId`; when that is not known any more, a
   * refresh of each of its topics. Returns how to stop.
   */
  watch(tenant: TenantId, viewer: FeedViewer, lastId?: string): () => void;
  /** The newest event's id, from which `watch` goes on: a page that was read after asking for it misses nothing. */
  findPosition(tenant: TenantId): string;
  /** A refresh with the newest id, for a viewer that lost events of the topic. */
  makeRefresh(tenant: TenantId, topic: string): FeedEvent;
  /** As it is written to a stream: everything up to the newest id has been told. */
  makePosition(tenant: TenantId): string;
  close(): void;
}

/**
 * What a topic's refresh says itself, so that nobody needs to ask: an event's data, the same for all who may see the topic.
 * Asked only while somebody looks.
 */
export type LiveTellers = Readonly<Record<string, (tenant: TenantId) => Promise<object>>>;

interface Kept extends FeedEvent {
  n: number;
}

interface TenantFeed {
  tenant: TenantId;
  n: number;
  kept: Kept[];
  keptBytes: number;
  /** The newest event that is not kept any more. */
  forgotten: number;
  viewers: Map<string, Set<FeedViewer>>;
  /** Topics of which something is to be told, or was just now; `again` when there is something to tell at the timer's end. */
  waiting: Map<string, { again: boolean; timer: ReturnType<typeof setTimeout> }>;
  /** The last thing that a teller was asked for: they are told in the order in which they were read. */
  telling: Promise<void>;
  unsubscribe(): void;
}

export type LiveLimits = { [K in keyof typeof LIVE]: number };

/** `boot` names this process: an id of another one is not known here. */
export function createLiveFeed(bus: Bus, boot: string, tellers: LiveTellers = {}, limits: LiveLimits = LIVE): LiveFeed {
  const feeds = new Map<TenantId, TenantFeed>();

  function emit(feed: TenantFeed, topic: string, message: object, isKept: boolean): void {
    feed.n += 1;
    const event: Kept = { n: feed.n, topic, wire: format(boot, feed.n, topic, message) };
    if (isKept) keep(feed, event, limits);
    for (const viewer of feed.viewers.get(topic) ?? []) viewer.deliver(event);
  }

  function wait(feed: TenantFeed, topic: string, again: boolean, ms: number): void {
    const timer = setTimeout(() => passOn(feed, topic), ms);
    timer.unref();
    feed.waiting.set(topic, { again, timer });
  }

  /** What one report says of a topic in several words is told once. */
  function refresh(feed: TenantFeed, topic: string): void {
    const waiting = feed.waiting.get(topic);
    if (waiting === undefined) wait(feed, topic, true, limits.gatherMs);
    else waiting.again = true;
  }

  function passOn(feed: TenantFeed, topic: string): void {
    const isMore = feed.waiting.get(topic)?.again === true;
    feed.waiting.delete(topic);
    if (!isMore) return;
    wait(feed, topic, false, limits.refreshGapMs);
    const teller = Object.hasOwn(tellers, topic) && feed.viewers.has(topic) ? tellers[topic] : undefined;
    if (teller === undefined) emit(feed, topic, REFRESH, true);
    else feed.telling = feed.telling.then(() => tell(feed, topic, teller));
  }

  async function tell(feed: TenantFeed, topic: string, teller: LiveTellers[string]): Promise<void> {
    // Who cannot be told looks by themselves.
    emit(feed, topic, await teller(feed.tenant).catch(() => REFRESH), true);
  }

  function take(feed: TenantFeed, event: LiveEvent): void {
    if (event.kind === 'refresh') refresh(feed, event.topic);
    else if (event.kind === 'log') emit(feed, event.topic, { kind: 'log', lines: event.lines }, true);
    else emit(feed, event.topic, describeProgress(event), false);
  }

  function getFeed(tenant: TenantId): TenantFeed {
    const known = feeds.get(tenant);
    if (known !== undefined) return known;
    const feed: TenantFeed = {
      tenant,
      n: 0,
      kept: [],
      keptBytes: 0,
      forgotten: 0,
      viewers: new Map(),
      waiting: new Map(),
      telling: Promise.resolve(),
      unsubscribe: () => undefined,
    };
    feed.unsubscribe = bus.subscribe(tenant, (event) => take(feed, event));
    feeds.set(tenant, feed);
    return feed;
  }

  return {
    watch(tenant, viewer, lastId) {
      const feed = getFeed(tenant);
      if (lastId !== undefined) catchUp(feed, viewer, readId(boot, lastId), boot);
      for (const topic of viewer.topics) addTo(feed.viewers, topic, viewer);
      return () => {
        for (const topic of viewer.topics) removeFrom(feed.viewers, topic, viewer);
      };
    },
    findPosition: (tenant) => `${boot}-${getFeed(tenant).n}`,
    makeRefresh: (tenant, topic) => ({ topic, wire: format(boot, getFeed(tenant).n, topic, GAP) }),
    makePosition: (tenant) => format(boot, getFeed(tenant).n, 'position', { kind: 'position' }),
    close() {
      for (const feed of feeds.values()) {
        feed.unsubscribe();
        for (const { timer } of feed.waiting.values()) clearTimeout(timer);
      }
      feeds.clear();
    },
  };
}

const REFRESH = { kind: 'refresh' } as const;

/** Something of the topic was lost: what only ever grows, such as a log, is to be fetched again too. */
const GAP = { kind: 'refresh', gap: true } as const;

function format(boot: string, n: number, topic: string, message: object): string {
  return `id: ${boot}-${n}\nevent: ${topic}\ndata: ${JSON.stringify(message)}\n\n`;
}

/** The number of an id that this process gave out. */
function readId(boot: string, id: string): number | undefined {
  const [, of, n] = /^([A-Za-z0-9]{1,40})-(\d{1,15})$/.exec(id) ?? [];
  return of === boot ? Number(n) : undefined;
}

function catchUp(feed: TenantFeed, viewer: FeedViewer, last: number | undefined, boot: string): void {
  if (last !== undefined && last >= feed.forgotten && last <= feed.n) {
    for (const event of feed.kept) if (event.n > last && viewer.topics.has(event.topic)) viewer.deliver(event);
    return;
  }
  for (const topic of viewer.topics) viewer.deliver({ topic, wire: format(boot, feed.n, topic, GAP) });
}

function keep(feed: TenantFeed, event: Kept, limits: { keptEvents: number; keptBytes: number }): void {
  feed.kept.push(event);
  feed.keptBytes += event.wire.length;
  let drop = 0;
  while (drop < feed.kept.length && (feed.kept.length - drop > limits.keptEvents || feed.keptBytes > limits.keptBytes)) {
    const oldest = feed.kept[drop];
    feed.keptBytes -= oldest?.wire.length ?? 0;
    feed.forgotten = oldest?.n ?? feed.forgotten;
    drop += 1;
  }
  if (drop > 0) feed.kept.splice(0, drop);
}

function addTo(map: Map<string, Set<FeedViewer>>, topic: string, viewer: FeedViewer): void {
  const set = map.get(topic) ?? new Set();
  map.set(topic, set);
  set.add(viewer);
}

function removeFrom(map: Map<string, Set<FeedViewer>>, topic: string, viewer: FeedViewer): void {
  const set = map.get(topic);
  set?.delete(viewer);
  if (set?.size === 0) map.delete(topic);
}

/** The bar's percentage and the very text that the page rendered it with. */
function describeProgress(event: Extract<LiveEvent, { kind: 'progress' }>): object {
  const view = toProgressFigures(event.progress);
  const ratio = ratioOf(view);
  const brief = progressBrief(view);
  return {
    kind: 'progress',
    ...(ratio === undefined ? {} : { percent: Math.round(ratio * 1000) / 10 }),
    text: progressText(view),
    ...(brief === undefined ? {} : { brief }),
  };
}
