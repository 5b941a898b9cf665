/** Looks at things of one kind: what the ledger says of them is judged, and their signs become exactly that. */
import { setImmediate as giveWay } from 'node:timers/promises';
import {
  DEFAULT_TENANT,
  type HostId,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { ALERTS, WIRE } from '@holdfast/shared/limits.ts';
import type { AlertSign, HostGlance } from '../../store/alerts.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { judgeSources, type ProtectedSource } from '../protected-sources.ts';
import type { AlertCondition } from './conditions.ts';
import { FLEET, FLEET_CONDITIONS, judgeHosts } from './host-signs.ts';
import { judgePlans } from './plan-signs.ts';
import { judgeRepository } from './repository-signs.ts';
import { judgeChannels, judgeServer, type ServerFacts } from './server-signs.ts';
import { judgeSource } from './source-signs.ts';
import type { Thresholds } from './thresholds.ts';

const tenant = DEFAULT_TENANT;
const WATCHER: Caller = { actor: { kind: 'system', id: 'alerts', name: 'alerts' }, tenant, role: 'viewer' };
const DAY_MS = 24 * 60 * 60_000;
/** Hosts come back within this time after the server began. */
const SETTLING_MS = 2 * WIRE.offlineAfterMs;
/** What retention did longer ago says nothing of today. */
const FORGETS_MS = 40 * DAY_MS;
const MISSES_READ = 2000;
/** Runs that say nothing may stand before the one that does. */
const UPKEEP_READ = 10;

/** What every look goes by. */
export interface Looking {
  context: CoreContext;
  thresholds: Thresholds;
  serverVersion: string;
  /** When this server began. */
  beganAt: number;
}

/** In short steps. */
export async function lookAtSources({ context, thresholds }: Looking, ids: readonly SourceId[]): Promise<void> {
  const { store, clock } = context;
  for (let at = 0; at < ids.length; at += ALERTS.sourcesPerStep) {
    const some = ids.slice(at, at + ALERTS.sourcesPerStep);
    const range = { scope: 'source' as const, ids: some };
    await store.alerts.replaceSigns(tenant, range, await findSourceSigns(context, some, thresholds), clock.now());
    await giveWay();
  }
}

export async function lookAtPlans({ context }: Looking, ids: readonly PlanId[]): Promise<void> {
  const { store, clock } = context;
  const plans = await store.catalog.findPlans(tenant, ids);
  const [misses, forgets, newest] = await Promise.all([
    store.fires.listOpenMisses(tenant, { plans: ids }, MISSES_READ),
    store.alerts.listNewestForgets(tenant, ids, clock.now() - FORGETS_MS),
    store.runs.lastRunOfPlans(tenant, ids),
  ]);
  const hosts = await store.hosts.findHosts(tenant, [...misses.map(({ host }) => host), ...forgets.map(({ host }) => host)]);
  const hostNames = new Map(hosts.filter(({ state }) => state === 'active').map(({ id, name }) => [id, name]));
  const cleanAt = new Map<PlanId, number>();
  for (const { plan, state, createdAt } of newest) if (plan !== undefined && state === 'succeeded') cleanAt.set(plan, createdAt);
  const signs = judgePlans({ plans, misses, forgets, cleanAt, hostNames });
  await store.alerts.replaceSigns(tenant, { scope: 'plan', ids }, signs, clock.now());
}

export async function lookAtRepositories({ context: { store, clock } }: Looking, ids: readonly RepositoryId[]): Promise<void> {
  const signs: AlertSign[] = [];
  for (const repository of await store.catalog.findRepositories(tenant, ids)) {
    const list = (kind: 'check' | 'prune') => store.maintenance.listMaintenanceRuns(tenant, repository.id, kind, UPKEEP_READ);
    signs.push(...judgeRepository({ repository, checks: await list('check'), prunes: await list('prune') }));
  }
  await store.alerts.replaceSigns(tenant, { scope: 'repository', ids }, signs, clock.now());
}

/** `ids` may hold hosts that are no longer there: they lose their signs. */
export async function lookAtHosts(looking: Looking, hosts: readonly HostGlance[], ids: readonly string[]): Promise<void> {
  const { context, thresholds, serverVersion, beganAt } = looking;
  const { store, clock } = context;
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
    serverVersion,
    silentMinutes: thresholds.silentMinutes,
    diskGib: thresholds.hostDiskGib,
  });
  await store.alerts.replaceSigns(tenant, range, signs, now);
}

export async function glanceAt({ context: { store } }: Looking, ids: readonly HostId[]): Promise<readonly HostGlance[]> {
  const hosts = await store.hosts.findHosts(tenant, ids);
  return hosts
    .filter(({ state }) => state !== 'revoked')
    .map(({ facts, ...host }) => ({ ...host, agentVersion: facts?.agentVersion }));
}

export async function lookAtServer({ context, thresholds }: Looking, facts: ServerFacts): Promise<void> {
  const { store, clock } = context;
  const range = { scope: 'server' as const, ids: [''] };
  const before = await store.alerts.listSigns(tenant, range);
  const now = clock.now();
  const signs = judgeServer(facts, thresholds.serverDiskGib, before, now);
  await store.alerts.replaceSigns(tenant, range, signs, now);
}

export async function lookAtChannels({ context: { store, clock } }: Looking): Promise<void> {
  const channels = await store.channels.listChannels(tenant);
  const now = clock.now();
  await store.alerts.replaceSigns(tenant, { scope: 'channel', after: '', through: undefined }, judgeChannels(channels), now);
}

/** At what runs that ended were about; others are left for when they end. */
export async function lookAtRuns(looking: Looking, ids: readonly RunId[]): Promise<void> {
  const { store } = looking.context;
  const backups: RunId[] = [];
  const plans = new Set<PlanId>();
  const repositories = new Set<RepositoryId>();
  for (const id of ids) {
    const run = await store.runs.findRun(tenant, id);
    if (run === undefined || !isTerminal(run.state)) continue;
    if (run.kind === 'backup' || run.kind === 'drill') backups.push(id);
    if (run.kind === 'check' || run.kind === 'prune') repositories.add(run.repository);
    if (run.plan !== undefined) plans.add(run.plan);
  }
  if (backups.length > 0) {
    const parts = await store.runs.listPartsOf(tenant, backups);
    await lookAtSources(looking, [...new Set(parts.map(({ source }) => source))]);
  }
  if (plans.size > 0) await lookAtPlans(looking, [...plans]);
  if (repositories.size > 0) await lookAtRepositories(looking, [...repositories]);
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
    const { source, host, plans, standing, protection, proofTrouble } = one;
    const facts = {
      now: context.clock.now(),
      source: source.id,
      name: source.name,
      host,
      enabled: source.enabled,
      plans: plans.filter((plan) => plan.enabled).map((plan) => plan.id),
      recent: recent.filter((part) => part.source === source.id),
      lastGoodAt: standing?.lastGoodAt,
      suspicion: standing?.lastGoodSuspicion?.kind,
      overdue: protection.isOverdue === true ? protection.reason : undefined,
      proofTrouble,
      before: before.filter((sign) => sign.scopeId === source.id),
    };
    return judgeSource(facts, thresholds.failuresInARow);
  });
}
