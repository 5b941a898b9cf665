/**
 * The server's look for trouble. What changed is looked at within seconds, everything else in turn, a bounded part of it each minute.
 * Looks read the ledger and leave signs; alerts are made of them. One look goes on at a time, in short steps.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import {
  DEFAULT_TENANT,
  type HostId,
  idSchema,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { HostGlance } from '../../store/alerts.ts';
import { TOPICS } from '../bus.ts';
import type { CoreContext } from '../ports.ts';
import { escalateAlerts } from './escalate.ts';
import {
  glanceAt,
  type Looking,
  lookAtChannels,
  lookAtHosts,
  lookAtPlans,
  lookAtRepositories,
  lookAtRuns,
  lookAtServer,
  lookAtSources,
} from './looks.ts';
import { readRules } from './rule-settings.ts';
import type { ServerFacts } from './server-signs.ts';
import { settleAlerts } from './settle.ts';
import type { Settling } from './settling.ts';
import { readThresholds } from './thresholds.ts';
import { openWindows } from './windows.ts';

const tenant = DEFAULT_TENANT;
/** Runs and hosts that were spoken of and are looked at together. */
const TOUCHED_PER_STEP = 50;
const PRUNED_PER_ROUND = 500;

export interface AlertWatch {
  /** Looks at the runs and hosts that were spoken of since the last time. */
  lookAtChanges(): Promise<void>;
  /** The next part of everything, the server itself, and what waits for a time. */
  runRound(): Promise<void>;
  /** Begins no further look, and resolves when the one that goes on has ended, which is soon. */
  close(): Promise<void>;
}

export interface WatchOptions extends Pick<Settling, 'linkAlert' | 'listensToAlerts'> {
  serverVersion: string;
  measureServer(): Promise<ServerFacts>;
}

const runId = idSchema('run');
const hostId = idSchema('host');
const sourceId = idSchema('source');

/** Ids of a topic such as `run:run_…` as they are published. */
function collectTouched(context: CoreContext) {
  const runs = new Set<RunId>();
  const hosts = new Set<HostId>();
  const sources = new Set<SourceId>();
  let isChannelTouched = false;
  const unsubscribe = context.bus.subscribe(tenant, (event) => {
    if (event.kind !== 'refresh') return;
    if (event.topic === TOPICS.channels) isChannelTouched = true;
    const [noun, id] = event.topic.split(':');
    if (noun === 'run') {
      const run = runId.safeParse(id).data;
      if (run !== undefined) runs.add(run);
    }
    if (noun === 'host') {
      const host = hostId.safeParse(id).data;
      if (host !== undefined) hosts.add(host);
    }
    if (noun === 'source') {
      const source = sourceId.safeParse(id).data;
      if (source !== undefined) sources.add(source);
    }
  });
  const take = <T>(from: Set<T>): T[] => {
    const taken = [...from].slice(0, TOUCHED_PER_STEP);
    for (const one of taken) from.delete(one);
    return taken;
  };
  const takeChannels = (): boolean => {
    const was = isChannelTouched;
    isChannelTouched = false;
    return was;
  };
  return {
    takeRuns: () => take(runs),
    takeHosts: () => take(hosts),
    takeSources: () => take(sources),
    takeChannels,
    unsubscribe,
  };
}

/** What cannot be looked at must not keep anything else from being seen. */
async function attempt({ log }: CoreContext, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error({ what, err: error }, 'a look for trouble failed');
  }
}

/** Where the walks over everything stand. */
type Cursors = Record<'source' | 'plan' | 'repository' | 'host', string>;

interface Walk<T extends string> {
  scope: keyof Cursors;
  perStep: number;
  list(after: string, limit: number): Promise<readonly T[]>;
  look(ids: readonly T[]): Promise<void>;
}

/** What lay in a span and is no longer there loses its signs. */
async function dropStrays(
  { store, clock }: CoreContext,
  scope: keyof Cursors,
  span: { after: string; through: string | undefined; ids: readonly string[] },
): Promise<void> {
  const { ids, ...ends } = span;
  const there = new Set(ids);
  const signs = await store.alerts.listSigns(tenant, { scope, ...ends });
  const strays = [...new Set(signs.map(({ scopeId }) => scopeId).filter((id) => !there.has(id)))];
  if (strays.length > 0) await store.alerts.replaceSigns(tenant, { scope, ids: strays }, [], clock.now());
}

/** The next part of all things of a kind, in short steps; the next round goes on where this one stopped. */
async function walkOn<T extends string>(
  context: CoreContext,
  cursors: Cursors,
  walk: Walk<T>,
  isClosed: () => boolean,
): Promise<void> {
  const { scope, perStep, list, look } = walk;
  for (let step = 0; step < ALERTS.stepsPerRound && !isClosed(); step += 1) {
    const after = cursors[scope];
    const ids = await list(after, perStep);
    await attempt(context, scope, () => look(ids));
    const isLast = ids.length < perStep;
    const through = isLast ? undefined : ids.at(-1);
    await dropStrays(context, scope, { after, through, ids });
    cursors[scope] = through ?? '';
    await giveWay();
    if (isLast) return;
  }
}

function walkHosts({ store }: CoreContext, looking: Looking): Walk<HostId> {
  let glances: readonly HostGlance[] = [];
  return {
    scope: 'host',
    perStep: ALERTS.hostsPerStep,
    async list(after, limit) {
      glances = await store.alerts.listHostGlances(tenant, after, limit);
      return glances.map(({ id }) => id);
    },
    look: (ids) => lookAtHosts(looking, glances, ids),
  };
}

export function createAlertWatch(context: CoreContext, options: WatchOptions): AlertWatch {
  const { store, clock } = context;
  const { serverVersion } = options;
  const beganAt = clock.now();
  const touched = collectTouched(context);
  const cursors: Cursors = { source: '', plan: '', repository: '', host: '' };
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;
  const isOver = () => isClosed;

  /** One look at a time, so that none replaces what another one is finding. */
  function inTurn(work: (looking: Looking) => Promise<void>): Promise<void> {
    const next = last.then(async () => {
      if (isClosed) return;
      const [thresholds, rules] = [await readThresholds(context), await readRules(context)];
      await work({ context, serverVersion, beganAt, thresholds, rules, windows: openWindows(rules, clock.now()) });
    });
    last = next.catch(() => undefined);
    return next;
  }

  const settle = async () => void (await settleAlerts({ context, tenant, ...options }));

  return {
    lookAtChanges: () =>
      inTurn(async (looking) => {
        let looked = touched.takeChannels();
        if (looked) await lookAtChannels(looking);
        while (!isClosed) {
          const runs = touched.takeRuns();
          const hosts = touched.takeHosts();
          const sources = touched.takeSources();
          if (runs.length + hosts.length + sources.length === 0) break;
          looked = true;
          await attempt(context, 'runs', () => lookAtRuns(looking, runs));
          await attempt(context, 'sources', () => lookAtSources(looking, sources));
          if (hosts.length > 0)
            await attempt(context, 'hosts', async () => lookAtHosts(looking, await glanceAt(looking, hosts), hosts));
          await giveWay();
        }
        if (looked) await settle();
      }),
    runRound: () =>
      inTurn(async (looking) => {
        const { listPlanIds, listRepositoryIds, listSourceIds } = store.alerts;
        const plans: Walk<PlanId> = {
          ...{ scope: 'plan', perStep: ALERTS.plansPerStep, look: (ids) => lookAtPlans(looking, ids) },
          list: (after, limit) => listPlanIds(tenant, after, limit),
        };
        const sources: Walk<SourceId> = {
          ...{ scope: 'source', perStep: ALERTS.sourcesPerStep, look: (ids) => lookAtSources(looking, ids) },
          list: (after, limit) => listSourceIds(tenant, after, limit),
        };
        const repositories: Walk<RepositoryId> = {
          ...{ scope: 'repository', perStep: ALERTS.plansPerStep, look: (ids) => lookAtRepositories(looking, ids) },
          list: (after, limit) => listRepositoryIds(tenant, after, limit),
        };
        await attempt(context, 'server', async () => lookAtServer(looking, await options.measureServer()));
        await attempt(context, 'channels', () => lookAtChannels(looking));
        await walkOn(context, cursors, walkHosts(context, looking), isOver);
        await walkOn(context, cursors, plans, isOver);
        await walkOn(context, cursors, repositories, isOver);
        await walkOn(context, cursors, sources, isOver);
        await settle();
        await escalateAlerts({ context, tenant, ...options });
        await store.alerts.pruneAlerts(clock.now() - ALERTS.keptMs, PRUNED_PER_ROUND);
      }),
    close() {
      touched.unsubscribe();
      isClosed = true;
      return last;
    },
  };
}
