/**
 * Keeps in memory what the protection of every source is judged by, so that a page of a big fleet reads of it only what changed.
 *
 * The store tells what was written; those sources, hosts and plans are read anew before anybody is answered. What changes by time alone
 * needs no word: every look says how all sources stand at its instant, by the one judge there is, who is asked again about each as soon as
 * his word may be another. Nothing is stored: a new process reads everything once, and so does one that failed in between or was written
 * past.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import type { HostId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { findHostStanding } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';
import { readObjectives } from '../protection/objective-settings.ts';
import { createFireKnowledge, MISSES_READ } from '../protection/protected-sources.ts';
import { judgeProtection, judgeVerdict } from '../protection/protection.ts';
import { buildFacts, type FireKnowledge } from '../protection/protection-facts.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import { readHosts, readPlans, readSources, resolveObjectives } from './kept.ts';
import type { FleetKeeper, FleetLook, JudgedSource, KeptFleet } from './look.ts';
import { createSchedulePromises, type SchedulePromises } from './promises.ts';

export type KeeperContext = Pick<CoreContext, 'store' | 'clock' | 'directory' | 'listFires'>;

/** Things read in one step: some milliseconds of the event loop. */
const STEP = 100;
/** A look younger than this is given again while nothing was written. */
const FRESH_MS = 1000;

export function createFleetKeeper(context: KeeperContext): FleetKeeper {
  const keepers = new Map<TenantId, TenantKeeper>();
  const keep = (tenant: TenantId): TenantKeeper => {
    const keeper = keepers.get(tenant) ?? createTenantKeeper(context, tenant);
    keepers.set(tenant, keeper);
    return keeper;
  };
  return {
    look: (tenant) => keep(tenant).look(),
    judge: (tenant, ids) => keep(tenant).judge(ids),
    follow: (tenant) => keep(tenant).follow(),
  };
}

interface TenantKeeper {
  look(): Promise<FleetLook>;
  judge(ids: readonly SourceId[]): Promise<readonly JudgedSource[]>;
  follow(): Promise<void>;
}

function createTenantKeeper(context: KeeperContext, tenant: TenantId): TenantKeeper {
  const promises = createSchedulePromises(context.listFires);
  const judgements = createJudgements(context, promises);
  let kept: KeptFleet | undefined;
  /** Undefined when anything was written since. */
  let newest: FleetLook | undefined;
  /** Hosts that were connected at the newest look: no row tells of it. */
  let online: ReadonlySet<HostId> = new Set();
  let last: Promise<unknown> = Promise.resolve();

  async function catchUp(): Promise<KeptFleet> {
    const before = kept;
    // Whatever fails on the way, the next call reads everything.
    kept = undefined;
    const changes = await context.store.changes.takeChanges(tenant);
    const fleet = before === undefined || changes.isAllStale ? await readAll(context, tenant) : before;
    if (fleet !== before || (await readChanges(context, tenant, fleet, changes))) newest = undefined;
    kept = fleet;
    return fleet;
  }

  async function look(): Promise<FleetLook> {
    const fleet = await catchUp();
    const now = context.clock.now();
    const connected = new Set(context.directory.listOnline());
    const isSame = connected.size === online.size && connected.isSubsetOf(online);
    if (newest !== undefined && isSame && now >= newest.at && now - newest.at < FRESH_MS) return newest;
    online = connected;
    newest = lookAt(context, fleet, promises, judgements, now);
    return newest;
  }

  /** One after the other, so that each call counts whatever was written before it. */
  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  }

  return {
    look: () => enqueue(look),
    judge: (ids) => enqueue(async () => judgeAt(context, await catchUp(), promises, ids)),
    follow: () => enqueue(async () => void (await catchUp())),
  };
}

async function inSteps<T>(ids: readonly T[], read: (some: readonly T[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < ids.length; at += STEP) {
    if (at > 0) await giveWay();
    await read(ids.slice(at, at + STEP));
  }
}

async function readAll(context: KeeperContext, tenant: TenantId): Promise<KeptFleet> {
  const fleet: KeptFleet = {
    sources: new Map(),
    order: undefined,
    hosts: new Map(),
    plans: new Map(),
    misses: await readMisses(context, tenant),
    objectives: await readObjectives(context),
    changed: new Set(),
  };
  let after: string | undefined;
  do {
    const page = await context.store.sources.listSources(tenant, {}, { limit: STEP, after });
    const ids = page.rows.map(({ id }) => id);
    await readSources(context, tenant, fleet, ids);
    after = page.next;
    await giveWay();
  } while (after !== undefined);
  return fleet;
}

/** Hosts and plans before the sources that are judged by them. Says whether anything is another than before. */
async function readChanges(
  context: KeeperContext,
  tenant: TenantId,
  fleet: KeptFleet,
  { sources, hosts, plans, isMissChanged }: Awaited<ReturnType<KeeperContext['store']['changes']['takeChanges']>>,
): Promise<boolean> {
  await inSteps(hosts, (some) => readHosts(context, tenant, fleet, some));
  await inSteps(plans, (some) => readPlans(context, tenant, fleet, some));
  await inSteps(sources, (some) => readSources(context, tenant, fleet, some));
  if (isMissChanged) fleet.misses = await readMisses(context, tenant);
  const objectives = await readObjectives(context);
  const isRuledAnew = JSON.stringify(objectives) !== JSON.stringify(fleet.objectives);
  if (isRuledAnew) {
    fleet.objectives = objectives;
    resolveObjectives(fleet, () => true);
  }
  return isRuledAnew || isMissChanged || sources.length + hosts.length + plans.length > 0;
}

async function readMisses({ store }: KeeperContext, tenant: TenantId): Promise<KeptFleet['misses']> {
  const open = await store.fires.listOpenMisses(tenant, {}, MISSES_READ);
  return new Map(open.map((miss) => [`${miss.plan} ${miss.host}`, miss.newestAt]));
}

function sortSources({ sources }: KeptFleet): readonly SourceId[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...sources.values()].sort((a, b) => compare(a.nameKey, b.nameKey) || compare(a.id, b.id)).map(({ id }) => id);
}

function learnFires({ listFires }: KeeperContext, { misses }: KeptFleet, promises: SchedulePromises, now: number): FireKnowledge {
  const told = createFireKnowledge(listFires, now, misses);
  return { ...told, findLongestWait: (schedule) => promises.findLongestWait(schedule, now) };
}

function judgeAt(
  context: KeeperContext,
  fleet: KeptFleet,
  promises: SchedulePromises,
  ids: readonly SourceId[],
): readonly JudgedSource[] {
  const fires = learnFires(context, fleet, promises, context.clock.now());
  return ids.flatMap((id): JudgedSource[] => {
    const source = fleet.sources.get(id);
    const kept = source && fleet.hosts.get(source.host);
    if (source === undefined || kept === undefined) return [];
    const host = { ...kept, standing: findHostStanding(context, kept) };
    const facts = buildFacts(source, host, fires);
    return [{ source, host, protection: judgeProtection(facts), proofTrouble: facts.proofTrouble }];
  });
}

function lookAt(
  context: KeeperContext,
  fleet: KeptFleet,
  promises: SchedulePromises,
  judgements: Judgements,
  now: number,
): FleetLook {
  fleet.order ??= sortSources(fleet);
  const whole = learnFires(context, fleet, promises, now);
  // When a silent host was due is said in the sentence alone.
  const short: FireKnowledge = { ...whole, findUnknownAt: () => undefined };
  const { hosts, sources, counts } = judgements.judge(fleet, fleet.order, short);
  return {
    at: now,
    sources,
    counts,
    hosts,
    plans: [...fleet.plans.values()],
    explain: ({ source, host }) => judgeVerdict(buildFacts(source, host, whole)).explain(),
    findNextFire: ({ enabled, schedule }) =>
      enabled && schedule !== undefined ? promises.findNextFire(schedule, now) : undefined,
  };
}
