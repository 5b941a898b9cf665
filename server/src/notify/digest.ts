/** Digests: the state of everything at an hour of the day. They come whether or not anything is wrong, and so say that this server lives. */
import { setImmediate as giveWay } from 'node:timers/promises';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { RunState } from '@holdfast/shared/domain/run.ts';
import { HTTP, OUTGOING } from '@holdfast/shared/limits.ts';
import { type DigestPeriod, findDigestDue, readDigestSettings, spanOf } from '../core/alerts/digest-settings.ts';
import type { ChannelMessage, DigestNews } from '../core/alerts/message.ts';
import { readSubscription } from '../core/alerts/subscription.ts';
import { redactLine } from '../core/alerts/text.ts';
import type { Caller } from '../core/caller.ts';
import type { CoreContext } from '../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../core/protection/protected-sources.ts';
import { countProtections } from '../core/protection/protection.ts';
import { countFindings } from '../core/sources/findings.ts';
import type { Page } from '../store/page.ts';
import type { ChannelKind } from './channel.ts';

const tenant = DEFAULT_TENANT;
const READER: Caller = { actor: { kind: 'system', id: 'digest', name: 'digest' }, tenant, role: 'viewer' };
/** A digest of what is longer ago than this would say nothing of now. */
const LATE_MS = 12 * 60 * 60_000;
/** Pages of one list that are read at most; in a fleet beyond it the figures are of so many. */
const PAGES_MOST = 100;
const PERIODS: readonly DigestPeriod[] = ['daily', 'weekly'];
const GRAVITY = ['unprotected', 'unknown', 'at_risk'];

/** All rows of a list, in short steps, until there are no more or `isEnough`. */
async function readAll<T>(read: (after: string | undefined) => Promise<Page<T>>, isEnough: (row: T) => boolean): Promise<T[]> {
  const rows: T[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES_MOST; page += 1) {
    const found = await read(after);
    rows.push(...found.rows);
    after = found.next;
    const last = found.rows.at(-1);
    if (after === undefined || last === undefined || isEnough(last)) break;
    await giveWay();
  }
  return rows;
}

const limit = HTTP.pageSizeMax;

async function judgeAll(context: CoreContext): Promise<readonly ProtectedSource[]> {
  const { sources } = context.store;
  const judged: ProtectedSource[] = [];
  await readAll(
    async (after) => {
      const page = await sources.listSources(tenant, {}, { limit, after });
      judged.push(...(await judgeSources(context, READER, page.rows)));
      return page;
    },
    () => false,
  );
  return judged;
}

function listWorst(judged: readonly ProtectedSource[]): DigestNews['worst'] {
  return judged
    .filter(({ protection }) => GRAVITY.includes(protection.status))
    .toSorted((a, b) => GRAVITY.indexOf(a.protection.status) - GRAVITY.indexOf(b.protection.status))
    .slice(0, OUTGOING.namedMembers)
    .map(({ source, host, protection }) => ({
      name: `${host.name} / ${source.name}`.slice(0, 300),
      text: redactLine(protection.reason, 300),
    }));
}

function listAnomalies(judged: readonly ProtectedSource[]): DigestNews['anomalies'] {
  return judged
    .flatMap(({ source, host, standing }) => {
      const kind = standing?.lastGoodSuspicion?.kind;
      if (kind === undefined) return [];
      const text = `its newest backup is far ${kind === 'shrunk' ? 'smaller' : 'larger'} than those before it`;
      return [{ name: `${host.name} / ${source.name}`.slice(0, 300), text }];
    })
    .slice(0, OUTGOING.namedMembers);
}

async function readGrowth({ store }: CoreContext, from: number): Promise<DigestNews['growth']> {
  const snapshots = await readAll(
    (after) => store.snapshots.listSnapshots(tenant, {}, { limit, after }),
    ({ createdAt }) => createdAt < from,
  );
  const grown = Map.groupBy(
    snapshots.filter(({ createdAt }) => createdAt >= from),
    ({ repository }) => repository,
  );
  const repositories = await store.repositories.findRepositories(tenant, [...grown.keys()]);
  return repositories
    .map(({ id, name }) => {
      const added = grown.get(id) ?? [];
      const addedBytes = added.reduce((sum, snapshot) => sum + (snapshot.addedBytes ?? snapshot.sizeBytes), 0);
      return { name: name.slice(0, 300), addedBytes, snapshots: added.length };
    })
    .toSorted((a, b) => b.addedBytes - a.addedBytes)
    .slice(0, OUTGOING.namedMembers);
}

/** However many there were: whole days of them are kept counted. */
async function countRuns({ store }: CoreContext, from: number, to: number): Promise<DigestNews['runs']> {
  const counts = await store.history.countRuns(tenant, from, to);
  const countOf = (state: RunState) => counts.find((one) => one.kind === 'backup' && one.state === state)?.count ?? 0;
  return { succeeded: countOf('succeeded'), partial: countOf('partial'), failed: countOf('failed') };
}

/** Of the time up to `to`. Reads in short steps; what it says of protection is of now. */
async function composeDigest(context: CoreContext, period: DigestPeriod, to: number): Promise<ChannelMessage> {
  const from = to - spanOf(period);
  const judged = await judgeAll(context);
  const counts = countProtections(judged.map(({ protection }) => protection));
  const { open } = await context.store.alerts.countAlerts(tenant, context.clock.now());
  const digest: DigestNews = {
    from,
    to,
    sources: {
      protected: counts.protected,
      atRisk: counts.at_risk,
      unprotected: counts.unprotected,
      unknown: counts.unknown,
      paused: counts.paused,
      withoutPlan: judged.filter(({ plans }) => !plans.some(({ enabled }) => enabled)).length,
    },
    uncovered: (await countFindings(context, READER)).open,
    worst: listWorst(judged),
    runs: await countRuns(context, from, to),
    growth: await readGrowth(context, from),
    anomalies: listAnomalies(judged),
    openAlerts: open,
  };
  const { sources } = digest;
  const bad = sources.atRisk + sources.unprotected + sources.unknown;
  const text = `${sources.protected} sources are protected, ${bad} are not; ${open} open alerts.`;
  return { type: `digest.${period}`, at: context.clock.now(), text, link: context.baseUrl, digest };
}

/**
 * Tells the digest that is due to the channels that want it, each once. A server that was away at the hour tells it when it is back, for
 * half a day; a channel that was changed since the hour waits for the next one.
 */
export async function tellDigests(context: CoreContext, kinds: readonly ChannelKind[]): Promise<void> {
  const { store, clock } = context;
  const now = clock.now();
  const settings = await readDigestSettings(context);
  for (const period of PERIODS) {
    const due = findDigestDue(context, settings, period, now);
    if (due === undefined || now - due > LATE_MS) continue;
    const channels = (await store.channels.listChannels(tenant)).filter((channel) => {
      const hears = kinds.find(({ kind }) => kind === channel.kind)?.hears ?? [];
      const wants = hears.includes(`digest.${period}`) && readSubscription(channel).digests.includes(period);
      return channel.enabled && wants && channel.updatedAt <= due;
    });
    const topic = `digest ${period} ${due}`;
    const waiting = [];
    for (const channel of channels) {
      const { rows } = await store.channels.listDeliveries(tenant, { channel: channel.id, topic }, { limit: 1 });
      if (rows.length === 0) waiting.push(channel);
    }
    if (waiting.length === 0) continue;
    const message = await composeDigest(context, period, due);
    const body = JSON.stringify(message);
    for (const { id: channel } of waiting)
      await store.channels.insertDelivery(
        tenant,
        { id: context.createId('delivery'), channel, topic, kind: message.type, body },
        clock.now(),
      );
  }
}
