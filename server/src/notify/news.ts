/**
 * News of backups, of restores that are over, and of alerts that somebody took, for the channels that want them. What changed is spoken of on the bus and looked up
 * in the ledger; each channel is told of each thing once, because its topic is. What ended while this server was away is told after it.
 */
import { DEFAULT_TENANT, idSchema, type RunId } from '@holdfast/shared/domain/ids.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { HTTP, OUTGOING } from '@holdfast/shared/limits.ts';
import { chooseListeners } from '../core/alerts/escalate.ts';
import { type ChannelMessage, composeMessage, readLastLines } from '../core/alerts/message.ts';
import {
  findConcern,
  isConcerned,
  isNarrowed,
  readSubscription,
  type Subscription,
  wantsAlert,
  wantsRun,
} from '../core/alerts/subscription.ts';
import { redactLine, shortenText } from '../core/alerts/text.ts';
import { TOPICS } from '../core/bus.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Alert } from '../store/alerts.ts';
import type { Channel } from '../store/channels.ts';
import type { Run } from '../store/runs.ts';
import type { ChannelKind } from './channel.ts';
import { composeRestoreMessage, isEndedRestore, topicOfEnd } from './restore-news.ts';

const tenant = DEFAULT_TENANT;
const PER_ROUND = 50;
const SEEN_SETTING = 'notify.seen';
const SEEN_EVERY_MS = 60_000;
/** A run that ended while this server was away may have begun so long before. */
const BEGUN_BEFORE_MS = 7 * 24 * 60 * 60_000;
/** Longer ago than this, a beginning is no news; an acknowledgement neither. */
const BEGUN_MS = 10 * 60_000;
const TAKEN_MS = 24 * 60 * 60_000;
const MISSED_PAGES = 10;
/** Topics remembered as told, so that a run that is spoken of each second asks the store once. */
const REMEMBERED = 5000;

type RunType = Extract<ChannelMessage['type'], `run.${string}`>;
interface Listener {
  channel: Channel;
  kind: ChannelKind;
  subscription: Subscription;
}

export interface NewsOptions {
  context: CoreContext;
  kinds: readonly ChannelKind[];
  /** Where the pages are, for messages. */
  linkRun(run: Run): string;
  linkAlert(alert: Alert): string;
}

export interface NewsTeller {
  /** Tells of what was spoken of since the last round; the first round also of what ended while this server was away. */
  runRound(): Promise<void>;
  close(): void;
}

/** What a run is worth telling; undefined for what is no news. */
function judgeRun(
  { kind, plan, state, startedAt }: Pick<Run, 'kind' | 'plan' | 'state' | 'startedAt'>,
  now: number,
): RunType | undefined {
  if (kind !== 'backup' || plan === undefined) return undefined;
  if (state === 'succeeded' || state === 'partial' || state === 'failed') return `run.${state}`;
  return state === 'running' && startedAt !== undefined && now - startedAt < BEGUN_MS ? 'run.started' : undefined;
}

async function composeRunMessage(
  context: CoreContext,
  run: Run,
  type: RunType,
  link: string,
): Promise<ChannelMessage | undefined> {
  const { store, clock } = context;
  const [plan] = run.plan === undefined ? [] : await store.plans.findPlans(tenant, [run.plan]);
  if (plan === undefined) return undefined;
  const [host, repository, parts] = await Promise.all([
    store.hosts.findHost(tenant, run.host),
    store.repositories.findRepository(tenant, run.repository),
    store.runs.listParts(tenant, run.id),
  ]);
  const some = parts.slice(0, OUTGOING.namedMembers);
  const sources = await store.sources.findSources(
    tenant,
    some.map(({ source }) => source),
  );
  const failure = run.failure ?? parts.find((part) => part.failure !== undefined)?.failure;
  const hostName = shortenText(host?.name ?? 'a deleted host', 200);
  const verb = type === 'run.started' ? 'began' : type === 'run.partial' ? 'is only partial' : type.slice('run.'.length);
  const { id, startedAt, finishedAt, durationMs, bytes } = run;
  return {
    type,
    at: run.finishedAt ?? clock.now(),
    text: `Backup ${plan.name} on ${hostName} ${verb}`,
    link,
    run: {
      id,
      plan: { id: plan.id, name: plan.name },
      host: hostName,
      repository: shortenText(repository?.name ?? 'a deleted repository', 200),
      sources: sources.map(({ name, kind }) => ({ name, kind })),
      count: parts.length,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(finishedAt === undefined ? {} : { finishedAt }),
      ...(durationMs === undefined ? {} : { durationMs: Math.max(0, Math.round(durationMs)) }),
      bytes: Math.max(0, Math.round(bytes)),
      ...(failure === undefined || type === 'run.succeeded' ? {} : { failure: redactLine(failure.message, 1000) }),
      log: type === 'run.failed' || type === 'run.partial' ? await readLastLines(context, { tenant, run: id }) : [],
    },
  };
}

/** Channels that are on and have a form for this. */
function listListeners(
  channels: readonly Channel[],
  kinds: readonly ChannelKind[],
  hears: ChannelMessage['type'],
): readonly Listener[] {
  return channels.flatMap((channel) => {
    const kind = kinds.find((one) => one.kind === channel.kind);
    const isAble = channel.enabled && kind?.hears.includes(hears);
    return kind !== undefined && isAble ? [{ channel, kind, subscription: readSubscription(channel) }] : [];
  });
}

async function deliver(
  { store, clock, createId }: CoreContext,
  listeners: readonly Listener[],
  { message, topic, alert }: { message: ChannelMessage; topic: string; alert?: Alert },
): Promise<void> {
  const body = JSON.stringify(message);
  for (const { channel } of listeners) {
    const delivery = { id: createId('delivery'), channel: channel.id, alert: alert?.id, topic, kind: message.type, body };
    await store.channels.insertDelivery(tenant, delivery, clock.now());
  }
}

async function tellRun(
  { context, kinds, linkRun }: NewsOptions,
  channels: readonly Channel[],
  run: Run,
  type: RunType,
): Promise<void> {
  const heardAt = run.reportedAt ?? run.startedAt ?? run.receivedAt;
  const wanting = listListeners(channels, kinds, type).filter(
    ({ kind, subscription, channel }) => wantsRun(subscription, kind.hears, type) && channel.createdAt <= heardAt,
  );
  const isAsked = wanting.some(({ subscription }) => isNarrowed(subscription));
  const [host] = isAsked ? await context.store.hosts.findHosts(tenant, [run.host]) : [];
  const concern = { plans: new Set(run.plan === undefined ? [] : [run.plan]), tags: new Set(host?.tags ?? []) };
  const listeners = wanting.filter(({ subscription }) => isConcerned(subscription, concern));
  const message = listeners.length === 0 ? undefined : await composeRunMessage(context, run, type, linkRun(run));
  if (message !== undefined) await deliver(context, listeners, { message, topic: topicOf(run, type) });
}

function topicOf({ id }: Pick<Run, 'id'>, type: RunType): string {
  return `${id} ${type}`;
}

/** The end of a restore, for the channels that hear of restores, whatever plans and tags they chose. */
async function tellRestore(
  { context, kinds, linkRun }: NewsOptions,
  channels: readonly Channel[],
  run: Parameters<typeof composeRestoreMessage>[1],
): Promise<void> {
  const heardAt = run.reportedAt ?? run.receivedAt;
  const listeners = listListeners(channels, kinds, 'act.done').filter(
    ({ subscription, channel }) => subscription.acts.includes('restores') && channel.createdAt <= heardAt,
  );
  if (listeners.length === 0) return;
  const message = await composeRestoreMessage(context, run, linkRun(run));
  await deliver(context, listeners, { message, topic: topicOfEnd(run) });
}

/** Alerts that somebody takes, for the channels that keep a standing of their own. */
async function tellTaken({ context, kinds, linkAlert }: NewsOptions, channels: readonly Channel[]): Promise<void> {
  const { store, clock } = context;
  const able = listListeners(channels, kinds, 'alert.acknowledged');
  if (able.length === 0) return;
  const since = clock.now() - TAKEN_MS;
  const { rows } = await store.alerts.listAlerts(tenant, { state: 'acknowledged' }, clock.now(), { limit: HTTP.pageSizeMax });
  for (const alert of rows) {
    const { acknowledgedAt } = alert;
    if (acknowledgedAt === undefined || acknowledgedAt < since) continue;
    const concern = able.some(({ subscription }) => isNarrowed(subscription)) ? await findConcern(context, alert) : undefined;
    const there = able.filter(({ channel }) => channel.createdAt <= alert.raisedAt);
    const news = { alert, tells: 'acknowledged' } as const;
    const listeners = await chooseListeners({ context, tenant }, news, there, {
      idOf: ({ channel }) => channel.id,
      wants: ({ subscription }) => wantsAlert(subscription, alert, concern),
    });
    if (listeners.length === 0) continue;
    const message = await composeMessage(context, alert, { tells: 'acknowledged', at: acknowledgedAt, link: linkAlert(alert) });
    await deliver(context, listeners, { message, topic: `${alert.id} acknowledged ${acknowledgedAt}`, alert });
  }
}

/** Backups and restores whose end was reported since a server last looked. */
async function listMissed({ store, clock }: CoreContext): Promise<readonly RunId[]> {
  const since = Number((await store.settings.findSetting(SEEN_SETTING)) ?? clock.now());
  const missed: RunId[] = [];
  for (const kind of ['backup', 'restore'] as const) {
    let after: string | undefined;
    for (let page = 0; page < MISSED_PAGES; page += 1) {
      const filter = { kind, since: since - BEGUN_BEFORE_MS };
      const found = await store.runs.listRuns(tenant, filter, { limit: HTTP.pageSizeMax, after });
      for (const { id, reportedAt } of found.rows)
        if (reportedAt !== undefined && reportedAt >= since - SEEN_EVERY_MS) missed.push(id);
      after = found.next;
      if (after === undefined) break;
    }
  }
  return missed;
}

export function createNewsTeller(options: NewsOptions): NewsTeller {
  const { context } = options;
  const { store, clock, bus, log } = context;
  const touched = new Set<RunId>();
  const told = new Set<string>();
  let areAlertsTouched = true;
  let hasLookedBack = false;
  let seenAt: number | undefined;
  const runId = idSchema('run');
  const unsubscribe = bus.subscribe(tenant, (event) => {
    if (event.kind !== 'refresh') return;
    if (event.topic === TOPICS.alerts) areAlertsTouched = true;
    const [noun, id] = event.topic.split(':');
    const run = noun === 'run' ? runId.safeParse(id).data : undefined;
    if (run !== undefined) touched.add(run);
  });

  async function tellOnce(channels: readonly Channel[], id: RunId): Promise<void> {
    const run = await store.runs.findRun(tenant, id);
    if (run === undefined) return;
    const isRestore = isEndedRestore(run);
    const type = judgeRun(run, clock.now());
    const topic = isRestore ? topicOfEnd(run) : type && topicOf(run, type);
    if (topic === undefined || told.has(topic)) return;
    if (isRestore) await tellRestore(options, channels, run);
    else if (type !== undefined) await tellRun(options, channels, run, type);
    if (told.size >= REMEMBERED) told.clear();
    told.add(topic);
  }

  /** A store that takes nothing now takes it later; anything else would fail for ever, and is left. */
  async function tellSafely(channels: readonly Channel[], id: RunId): Promise<void> {
    touched.delete(id);
    try {
      await tellOnce(channels, id);
    } catch (error) {
      if (toAppError(error).code === 'unavailable') {
        touched.add(id);
        throw error;
      }
      log.error({ run: id, err: error }, 'news of a run could not be told');
    }
  }

  /** The mark never passes what is still to be told. */
  async function markSeen(): Promise<void> {
    const now = clock.now();
    if (touched.size > 0 || (seenAt !== undefined && now - seenAt < SEEN_EVERY_MS)) return;
    await store.settings.putSetting(SEEN_SETTING, String(now));
    seenAt = now;
  }

  return {
    async runRound() {
      if (!hasLookedBack) for (const id of await listMissed(context)) touched.add(id);
      hasLookedBack = true;
      if (touched.size > 0 || areAlertsTouched) {
        const channels = await store.channels.listChannels(tenant);
        for (const id of [...touched].slice(0, PER_ROUND)) await tellSafely(channels, id);
        if (areAlertsTouched) {
          areAlertsTouched = false;
          await tellTaken(options, channels).catch((error: unknown) => {
            areAlertsTouched = true;
            throw error;
          });
        }
      }
      await markSeen();
    },
    close: unsubscribe,
  };
}
