/**
 * The server's look for trouble. What changed is looked at within seconds, everything else in turn, a bounded part of it each minute.
 * Looks read the ledger and leave signs; alerts are made of them. One look goes on at a time, in short steps.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import { DEFAULT_TENANT, type HostId, idSchema, type PlanId, type RunId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { ALERTS, WIRE } from '@holdfast/shared/limits.ts';
import type { AlertSign, HostGlance } from '../../store/alerts.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { judgeSources, type ProtectedSource } from '../protected-sources.ts';
import type { AlertCondition } from './conditions.ts';
import { FLEET, FLEET_CONDITIONS, judgeHosts } from './host-signs.ts';
import { judgePlans } from './plan-signs.ts';
import { judgeChannels, judgeServer, type ServerFacts } from './server-signs.ts';
import { type Settling, settleAlerts } from './settle.ts';
import { judgeSource } from './source-signs.ts';
import { readThresholds, type Thresholds } from './thresholds.ts';

const tenant = DEFAULT_TENANT;
const WATCHER: Caller = { actor: { kind: 'system', id: 'alerts', name: 'alerts' }, tenant, role: 'viewer' };
const DAY_MS = 24 * 60 * 60_000;
/** Hosts come back within this time after the server began. */
const SETTLING_MS = 2 * WIRE.offlineAfterMs;
/** What retention did longer ago says nothing of today. */
const FORGETS_MS = 40 * DAY_MS;
const MISSES_READ = 2000;
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

/** Ids of a topic such as `run:run_…` as they are published. */
function collectTouched(context: CoreContext) {
  const runs = new Set<RunId>();
  const hosts = new Set<HostId>();
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
  return { takeRuns: () => take(runs), takeHosts: () => take(hosts), takeChannels, unsubscribe };
}

export function createAlertWatch(context: CoreContext, options: WatchOptions): AlertWatch {
  const { store, clock } = context;
  const beganAt = clock.now();
  const touched = collectTouched(context);
  const cursors = { source: '', plan: '', host: '' };
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;

  async function lookAtSources(ids: readonly SourceId[], thresholds: Thresholds): Promise<void> {
    for (let at = 0; at < ids.length && !isClosed; at += ALERTS.sourcesPerStep) {
      const some = ids.slice(at, at + ALERTS.sourcesPerStep);
      const range = { scope: 'source' as const, ids: some };
      await store.alerts.replaceSigns(tenant, range, await findSourceSigns(context, some, thresholds), clock.now());
      await giveWay();
    }
  }

  async function lookAtPlans(ids: readonly PlanId[]): Promise<void> {
    const plans = await store.catalog.findPlans(tenant, ids);
    const [misses, forgets, newest] = await Promise.all([
      store.fires.listOpenMisses(tenant, { plans: ids }, MISSES_READ),
      store.alerts.listNewestForgets(tenant, ids, clock.now() - FORGETS_MS),
      store.runs.lastRunOfPlans(tenant, ids),
    ]);
    const hosts = await store.hosts.findHosts(tenant, [...misses.map(({ host }) => host), ...forgets.map(({ host }) => host)]);
    const hostNames = new Map(hosts.filter(({ state }) => state === 'active').map(({ id, name }) => [id, name]));
    const cleanAt = new Map<PlanId, number>();
    for (const { plan, state, createdAt } of newest)
      if (plan !== undefined && state === 'succeeded') cleanAt.set(plan, createdAt);
    const signs = judgePlans({ plans, misses, forgets, cleanAt, hostNames });
    await store.alerts.replaceSigns(tenant, { scope: 'plan', ids }, signs, clock.now());
  }

  async function lookAtHosts(hosts: readonly HostGlance[], ids: readonly string[], thresholds: Thresholds): Promise<void> {
    const range = { scope: 'host' as const, ids };
    const now = clock.now();
    const fleetConditions = new Set<AlertCondition>();
    for (const condition of FLEET_CONDITIONS)
      if ((await store.alerts.listSignsOf(tenant, condition, FLEET, 1)).length > 0) fleetConditions.add(condition);
    const signs = judgeHosts({
      now,
      fleetConditions,
      hosts,
      before: await store.alerts.listSigns(tenant, range),
      isSettled: now - beganAt > SETTLING_MS,
      isOnline: (host) => context.directory.isOnline(host),
      findFreeBytes: (host) => context.directory.findHeartbeat(host)?.stateDiskFreeBytes,
      serverVersion: options.serverVersion,
      silentMinutes: thresholds.silentMinutes,
      diskGib: thresholds.hostDiskGib,
    });
    await store.alerts.replaceSigns(tenant, range, signs, now);
  }

  async function glanceAt(ids: readonly HostId[]): Promise<readonly HostGlance[]> {
    const hosts = await store.hosts.findHosts(tenant, ids);
    return hosts
      .filter(({ state }) => state !== 'revoked')
      .map(({ facts, ...host }) => ({ ...host, agentVersion: facts?.agentVersion }));
  }

  async function lookAtServer(thresholds: Thresholds): Promise<void> {
    const range = { scope: 'server' as const, ids: [''] };
    const before = await store.alerts.listSigns(tenant, range);
    const now = clock.now();
    const signs = judgeServer(await options.measureServer(), thresholds.serverDiskGib, before, now);
    await store.alerts.replaceSigns(tenant, range, signs, now);
    await lookAtChannels();
  }

  async function lookAtChannels(): Promise<void> {
    const channels = await store.channels.listChannels(tenant);
    const now = clock.now();
    await store.alerts.replaceSigns(tenant, { scope: 'channel', after: '', through: undefined }, judgeChannels(channels), now);
  }

  /** The next ids after a cursor; what lies between them and is no longer there loses its signs as well. */
  async function walk<T extends string>(
    scope: 'source' | 'plan' | 'host',
    list: (after: string, limit: number) => Promise<readonly T[]>,
    perStep: number,
    look: (ids: readonly T[]) => Promise<void>,
  ): Promise<void> {
    for (let step = 0; step < ALERTS.stepsPerRound && !isClosed; step += 1) {
      const after = cursors[scope];
      const ids = await list(after, perStep);
      await look(ids);
      const isLast = ids.length < perStep;
      const through = isLast ? undefined : ids.at(-1);
      await dropStrays(scope, { after, through }, new Set<string>(ids));
      cursors[scope] = through ?? '';
      await giveWay();
      if (isLast) return;
    }
  }

  async function dropStrays(
    scope: AlertSign['scope'],
    span: { after: string; through: string | undefined },
    there: ReadonlySet<string>,
  ): Promise<void> {
    const signs = await store.alerts.listSigns(tenant, { scope, ...span });
    const strays = [...new Set(signs.map(({ scopeId }) => scopeId).filter((id) => !there.has(id)))];
    if (strays.length > 0) await store.alerts.replaceSigns(tenant, { scope, ids: strays }, [], clock.now());
  }

  async function walkHosts(thresholds: Thresholds): Promise<void> {
    let glances: readonly HostGlance[] = [];
    const list = async (after: string, limit: number) => {
      glances = await store.alerts.listHostGlances(tenant, after, limit);
      return glances.map(({ id }) => id);
    };
    await walk('host', list, ALERTS.hostsPerStep, (ids) => lookAtHosts(glances, ids, thresholds));
  }

  const settle = () => settleAlerts({ context, tenant, ...options });

  async function lookAtRuns(ids: readonly RunId[], thresholds: Thresholds): Promise<void> {
    const backups: RunId[] = [];
    const plans = new Set<PlanId>();
    for (const id of ids) {
      const run = await store.runs.findRun(tenant, id);
      if (run === undefined || !isTerminal(run.state)) continue;
      if (run.kind === 'backup') backups.push(id);
      if (run.plan !== undefined) plans.add(run.plan);
    }
    if (backups.length > 0) {
      const parts = await store.runs.listPartsOf(tenant, backups);
      await lookAtSources([...new Set(parts.map(({ source }) => source))], thresholds);
    }
    if (plans.size > 0) await lookAtPlans([...plans]);
  }

  /** One look at a time, so that none replaces what another one is finding. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const next = last.then(() => (isClosed ? undefined : work()));
    last = next.catch(() => undefined);
    return next;
  }

  return {
    lookAtChanges: () =>
      inTurn(async () => {
        let looked = touched.takeChannels();
        if (looked) await lookAtChannels();
        const thresholds = await readThresholds(context);
        while (!isClosed) {
          const runs = touched.takeRuns();
          const hosts = touched.takeHosts();
          if (runs.length === 0 && hosts.length === 0) break;
          looked = true;
          await lookAtRuns(runs, thresholds);
          if (hosts.length > 0) await lookAtHosts(await glanceAt(hosts), hosts, thresholds);
          await giveWay();
        }
        if (looked) await settle();
      }),
    runRound: () =>
      inTurn(async () => {
        const thresholds = await readThresholds(context);
        await lookAtServer(thresholds);
        await walkHosts(thresholds);
        await walk('plan', (after, limit) => store.alerts.listPlanIds(tenant, after, limit), ALERTS.plansPerStep, lookAtPlans);
        const listSources = (after: string, limit: number) => store.alerts.listSourceIds(tenant, after, limit);
        await walk('source', listSources, ALERTS.sourcesPerStep, (ids) => lookAtSources(ids, thresholds));
        await settle();
        await store.alerts.pruneAlerts(clock.now() - ALERTS.keptMs, PRUNED_PER_ROUND);
      }),
    close() {
      touched.unsubscribe();
      isClosed = true;
      return last;
    },
  };
}

/** The signs of these sources, those that are gone left out. */
async function findSourceSigns(
  context: CoreContext,
  ids: readonly SourceId[],
  thresholds: Thresholds,
): Promise<readonly AlertSign[]> {
  const { store } = context;
  const judged = await judgeSources(context, WATCHER, await store.catalog.findSources(tenant, ids));
  const perSource = Math.max(8, 2 * thresholds.failuresInARow);
  const [recent, before] = await Promise.all([
    store.alerts.listRecentParts(tenant, ids, perSource),
    store.alerts.listSigns(tenant, { scope: 'source', ids }),
  ]);
  return judged.flatMap((one: ProtectedSource) => {
    const { source, host, plans, standing, protection } = one;
    const facts = {
      source: source.id,
      name: source.name,
      host,
      enabled: source.enabled,
      plans: plans.filter((plan) => plan.enabled).map((plan) => plan.id),
      recent: recent.filter((part) => part.source === source.id),
      lastGoodAt: standing?.lastGoodAt,
      suspicion: standing?.lastGoodSuspicion?.kind,
      overdue: protection.isOverdue === true ? protection.reason : undefined,
      before: before.filter((sign) => sign.scopeId === source.id),
    };
    return judgeSource(facts, thresholds.failuresInARow);
  });
}
