/**
 * Looks at things of one kind: what the ledger says of them is judged, and their signs become exactly that.
 *
 * A new sign is three small things: a row in `conditions.ts` (gravity, words); a pure judge in a file of its own, `x-signs.ts`, from facts to
 * signs, with a unit test; and a call in the look of its scope here. A look replaces all signs of its scope and ids, so what is judged of one
 * thing is stored together, by one look. `thing` decides which alert a sign belongs to: signs of one condition and thing are one alert with a
 * list. `holdBack` comes last, so that maintenance windows hold for every sign.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import {
  DEFAULT_TENANT,
  type HostId,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import { isTerminal, type RunKind } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { ALERTS, WIRE } from '@holdfast/shared/limits.ts';
import type { AlertSign, HostGlance, NewestForget } from '../../store/alerts.ts';
import type { Plan } from '../../store/plans.ts';
import { findAuditFault } from '../audit-chain.ts';
import type { Caller } from '../caller.ts';
import { DRILL_NEWS_MS } from '../drills/proof-trouble.ts';
import type { JudgedSource } from '../fleet/look.ts';
import type { CoreContext } from '../ports.ts';
import { isFreshLook } from '../repositories/repository-looks.ts';
import { findLateRetention } from '../routine/late-retention.ts';
import { readRoutine } from '../routine/routine.ts';
import type { AlertCondition } from './conditions.ts';
import { FLEET, FLEET_CONDITIONS, judgeHosts } from './host-signs.ts';
import { judgePasswordProof } from './password-signs.ts';
import { judgePlace, type PlaceFacts } from './place-signs.ts';
import { judgePlans } from './plan-signs.ts';
import { judgeRepository } from './repository-signs.ts';
import { type AlertRules, resolveFailuresInARow, resolveHostLimits } from './rules.ts';
import { judgeChannels, judgeServer, type ServerFacts } from './server-signs.ts';
import { judgeSnapshots } from './snapshot-signs.ts';
import { judgeSource } from './source-signs.ts';
import type { Thresholds } from './thresholds.ts';
import { judgeUpkeep } from './upkeep-signs.ts';
import { findSecondWord, holdBack, type OpenWindows } from './windows.ts';

const tenant = DEFAULT_TENANT;
const WATCHER: Caller = { actor: { kind: 'system', id: 'alerts', name: 'alerts' }, tenant, role: 'viewer' };
/** Hosts come back within this time after the server began. */
const SETTLING_MS = 2 * WIRE.offlineAfterMs;
/** What retention did longer ago says nothing of today. */
const FORGETS_MS = 40 * DAY_MS;
const MISSES_READ = 2000;
/** Runs that say nothing may stand before the one that does. */
const UPKEEP_READ = 10;
const UNREADABLE_READ = 20;
/** Runs that say something of their repository. */
const REPOSITORY_KINDS: ReadonlySet<RunKind> = new Set(['check', 'prune', 'verify', 'copy', 'delete_snapshot']);

/** What every look goes by. */
export interface Looking {
  context: CoreContext;
  thresholds: Thresholds;
  rules: AlertRules;
  /** Maintenance windows that are on at this look. */
  windows: OpenWindows;
  serverVersion: string;
  /** When this server began. */
  beganAt: number;
}

/** In short steps. */
export async function lookAtSources(looking: Looking, ids: readonly SourceId[]): Promise<void> {
  const { store, clock } = looking.context;
  for (let at = 0; at < ids.length; at += ALERTS.sourcesPerStep) {
    const some = ids.slice(at, at + ALERTS.sourcesPerStep);
    const range = { scope: 'source' as const, ids: some };
    await store.alerts.replaceSigns(tenant, range, await findSourceSigns(looking, some), clock.now());
    await giveWay();
  }
}

export async function lookAtPlans({ context, windows }: Looking, ids: readonly PlanId[]): Promise<void> {
  const { store, clock } = context;
  const plans = await store.plans.findPlans(tenant, ids);
  const [misses, forgets, newest] = await Promise.all([
    store.fires.listOpenMisses(tenant, { plans: ids }, MISSES_READ),
    store.alerts.listNewestForgets(tenant, ids, clock.now() - FORGETS_MS),
    store.runs.lastRunOfPlans(tenant, ids),
  ]);
  const hosts = await store.hosts.findHosts(tenant, [...misses.map(({ host }) => host), ...forgets.map(({ host }) => host)]);
  const hostNames = new Map(hosts.filter(({ state }) => state === 'active').map(({ id, name }) => [id, name]));
  const removedFrom = await store.repositories.findRepositories(tenant, [
    ...new Set(forgets.map(({ repository }) => repository)),
  ]);
  const repositories = new Map(removedFrom.map((repository) => [repository.id, repository]));
  const sourceHosts = await readSourceHosts(context, plans, forgets);
  const cleanAt = new Map<PlanId, number>();
  for (const { plan, state, createdAt } of newest) if (plan !== undefined && state === 'succeeded') cleanAt.set(plan, createdAt);
  const range = { scope: 'plan' as const, ids };
  const found = judgePlans({ plans, misses, forgets, cleanAt, hostNames, repositories, sourceHosts });
  const tagsOf = new Map<string | undefined, readonly string[]>(hosts.map(({ id, tags }) => [id, tags]));
  const signs = holdBack(found, await store.alerts.listSigns(tenant, range), windows, (sign) => ({
    plans: [sign.scopeId],
    tags: tagsOf.get(findSecondWord(sign)) ?? [],
  }));
  await store.alerts.replaceSigns(tenant, range, signs, clock.now());
}

/** Where the sources of plans are of which some removal did not go well. */
async function readSourceHosts(
  { store }: CoreContext,
  plans: readonly Plan[],
  forgets: readonly NewestForget[],
): Promise<ReadonlyMap<PlanId, ReadonlySet<HostId>>> {
  const troubled = new Set(forgets.flatMap(({ plan, failure }) => (failure === undefined ? [] : [plan])));
  const found = new Map<PlanId, ReadonlySet<HostId>>();
  for (const { id, sources } of plans) {
    if (!troubled.has(id)) continue;
    found.set(id, new Set((await store.sources.findSources(tenant, sources)).map(({ host }) => host)));
  }
  return found;
}

export async function lookAtRepositories(looking: Looking, ids: readonly RepositoryId[]): Promise<void> {
  const { store, clock } = looking.context;
  const range = { scope: 'repository' as const, ids };
  const before = await store.alerts.listSigns(tenant, range);
  const places = await readPlaces(looking, ids);
  const found: AlertSign[] = [];
  for (const repository of await store.repositories.findRepositories(tenant, ids)) {
    const list = (kind: 'check' | 'prune') => store.maintenance.listMaintenanceRuns(tenant, repository.id, kind, UPKEEP_READ);
    found.push(...judgeRepository({ repository, checks: await list('check'), prunes: await list('prune') }));
    const here = { repository: repository.id };
    const unreadable = await store.snapshots.listSnapshots(tenant, { ...here, unreadable: true }, { limit: UNREADABLE_READ });
    const copies = await store.runs.listRuns(tenant, { ...here, kind: 'copy' }, { limit: UPKEEP_READ });
    found.push(...judgeSnapshots({ repository, unreadable: unreadable.rows, copies: copies.rows }));
    const routine = await readRoutine(looking.context, WATCHER, repository.id);
    if (routine) {
      const late = await findLateRetention(looking.context, WATCHER, repository, routine);
      found.push(...judgeUpkeep(repository, late ? [...routine.duties, late] : routine.duties));
    }
    const looks = places.filter((look) => look.repository === repository.id);
    const known = before.filter((sign) => sign.scopeId === repository.id);
    const { certificateDays } = looking.thresholds;
    const locks = await store.repositoryLooks.findLockLook(tenant, repository.id);
    found.push(...judgePasswordProof(repository, clock.now()));
    const storedGib = looking.rules.repositories.find((rule) => rule.repository === repository.id)?.storedGib;
    const [size] = storedGib === undefined ? [] : await store.maintenance.listSizes(tenant, repository.id, 1);
    const stored = { storedBytes: size?.sizeBytes, storedGib };
    found.push(...judgePlace({ now: clock.now(), repository, looks, certificateDays, locks, before: known, ...stored }));
  }
  const signs = holdBack(found, before, looking.windows, () => ({ plans: [], tags: [] }));
  await store.alerts.replaceSigns(tenant, range, signs, clock.now());
}

/** What hosts saw lately where these repositories lie. */
async function readPlaces(
  { context: { store, clock }, rules, thresholds }: Looking,
  ids: readonly RepositoryId[],
): Promise<PlaceFacts['looks']> {
  const now = clock.now();
  const looks = (await store.repositoryLooks.listRepositoryLooks(tenant, ids)).filter((look) => isFreshLook(look, now));
  const hosts = await store.hosts.findHosts(tenant, [...new Set(looks.map(({ host }) => host))]);
  return looks.flatMap((look) => {
    const host = hosts.find(({ id }) => id === look.host);
    if (host === undefined) return [];
    return [{ ...look, hostName: host.name, diskGib: resolveHostLimits(rules, thresholds, host.tags).diskGib }];
  });
}

/** `ids` may hold hosts that are no longer there: they lose their signs. */
export async function lookAtHosts(looking: Looking, hosts: readonly HostGlance[], ids: readonly string[]): Promise<void> {
  const { context, thresholds, rules, windows, serverVersion, beganAt } = looking;
  const { store, clock } = context;
  const range = { scope: 'host' as const, ids };
  const now = clock.now();
  const fleetConditions = new Set<AlertCondition>();
  for (const condition of FLEET_CONDITIONS)
    if ((await store.alerts.listSignsOf(tenant, condition, FLEET, 1)).length > 0) fleetConditions.add(condition);
  const before = await store.alerts.listSigns(tenant, range);
  const found = judgeHosts({
    now,
    fleetConditions,
    hosts,
    before,
    isSettled: now - beganAt > SETTLING_MS,
    isOnline: (host) => context.directory.isOnline(host),
    findFreeBytes: (host) => context.directory.findHeartbeat(host)?.stateDiskFreeBytes,
    serverVersion,
    limitsOf: ({ tags }) => resolveHostLimits(rules, thresholds, tags),
  });
  const tagsOf = new Map<string, readonly string[]>(hosts.map(({ id, tags }) => [id, tags]));
  const signs = holdBack(found, before, windows, ({ scopeId }) => ({ plans: [], tags: tagsOf.get(scopeId) ?? [] }));
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
  const auditFault = await findAuditFault(context, tenant);
  const signs = judgeServer({ ...facts, auditFault }, thresholds, before, now);
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
    if (REPOSITORY_KINDS.has(run.kind)) repositories.add(run.repository);
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
  { context, rules, thresholds, windows }: Looking,
  ids: readonly SourceId[],
): Promise<readonly AlertSign[]> {
  const { store, clock } = context;
  const now = clock.now();
  const judged = await context.fleet.judge(tenant, ids);
  const perSource = Math.max(8, 2 * findMostFailures(rules, thresholds));
  const [recent, before, health, drills, drillSettings] = await Promise.all([
    store.alerts.listRecentParts(tenant, ids, perSource),
    store.alerts.listSigns(tenant, { scope: 'source', ids }),
    store.health.listHealth(tenant, ids),
    store.alerts.listNewestDrills(tenant, ids, now - DRILL_NEWS_MS),
    store.drills.listDrillSettings(tenant, ids),
  ]);
  const found = judged.flatMap(({ source, host, protection, proofTrouble }) => {
    const { plans, standing } = source;
    const facts = {
      now,
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
      newestDrill: drills.find((drill) => drill.source === source.id),
      missedDrill: drillSettings.find((settings) => settings.source === source.id)?.missed,
      health: health.find((one) => one.source === source.id),
      before: before.filter((sign) => sign.scopeId === source.id),
    };
    return judgeSource(facts, (plan) => resolveFailuresInARow(rules, thresholds, { plan, tags: host.tags }));
  });
  const ownOf = new Map<string, JudgedSource>(judged.map((one) => [one.source.id, one]));
  return holdBack(found, before, windows, (sign) => {
    const own = ownOf.get(sign.scopeId);
    const plan = findSecondWord(sign);
    const plans = own?.source.plans.filter(({ enabled }) => enabled).map(({ id }) => id) ?? [];
    return { plans: plan === undefined ? plans : [plan], tags: own?.host.tags ?? [] };
  });
}

function findMostFailures(rules: AlertRules, thresholds: Thresholds): number {
  const numbers = [...rules.plans, ...rules.tags].flatMap(({ failuresInARow }) => failuresInARow ?? []);
  return Math.max(thresholds.failuresInARow, ...numbers);
}
