/** Sources with what a person asks about them: their host, their plans, their newest backups, and whether they are protected. */
import type { HostId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { SourceProof } from '../../store/drills.ts';
import type { Plan } from '../../store/plans.ts';
import type { Source } from '../../store/sources.ts';
import type { SourceStanding } from '../../store/standings.ts';
import { type Caller, demand } from '../caller.ts';
import type { ProofTrouble } from '../drills/proof-trouble.ts';
import { type HostView, toHostView } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';
import { findSourceObjectives, readObjectives } from './objective-settings.ts';
import type { SourceObjectives } from './objectives.ts';
import { judgeProtection, type Protection } from './protection.ts';
import { buildFacts, type FireKnowledge } from './protection-facts.ts';

export interface ProtectedSource {
  source: Source;
  host: HostView;
  /** All plans that have it, switched off or not. */
  plans: readonly Plan[];
  standing: SourceStanding | undefined;
  protection: Protection;
  /** What its drills came to; undefined before the first. */
  proof: SourceProof | undefined;
  proofTrouble: ProofTrouble | undefined;
  /** How old its newest backup and proof may be, and who says so. */
  objectives: SourceObjectives;
}

/** Plans on hosts that owe a fire, the newest first. */
export const MISSES_READ = 2000;
/** Of each plan with a second repository. */
const UNCOPIED_READ = 500;

/** The first fire in (after, through]; undefined when there is none, or the schedule cannot be read. */
function findFireBetween(
  listFires: CoreContext['listFires'],
  schedule: Schedule,
  after: number,
  through: number,
): number | undefined {
  try {
    const [at] = listFires(schedule, after, 1);
    return at !== undefined && at <= through ? at : undefined;
  } catch {
    // Such a schedule is said on the plan's own page.
    return undefined;
  }
}

/** Judges sources of any hosts, in their order; a source whose host is gone is left out. Seven reads, however many sources, and one for each plan with a second repository. */
export async function judgeSources(
  context: CoreContext,
  caller: Caller,
  sources: readonly Source[],
): Promise<readonly ProtectedSource[]> {
  demand(caller, 'view');
  const { store, clock, listFires } = context;
  const { tenant } = caller;
  const now = clock.now();
  const hostIds = [...new Set(sources.map((source) => source.host))];
  const sourceIds = sources.map((source) => source.id);
  const [hosts, allPlans, standings, misses, proofs, drills, wanted] = await Promise.all([
    store.hosts.findHosts(tenant, hostIds),
    store.plans.listPlansOfSources(tenant, sourceIds),
    store.standings.listStandings(tenant, sourceIds),
    store.fires.listOpenMisses(tenant, {}, MISSES_READ),
    store.drills.listProofs(tenant, sourceIds),
    store.drills.listDrillSettings(tenant, sourceIds),
    readObjectives(context),
  ]);
  const uncopied = await findUncopied(context, tenant, allPlans, standings);
  const proofBySource = new Map(proofs.map((proof) => [proof.source, proof]));
  const withinDays = new Map(drills.map((settings) => [settings.source, settings.withinDays]));
  const hostById = new Map<HostId, HostView>();
  for (const host of hosts) hostById.set(host.id, toHostView(context, host));
  const plansBySource = groupPlans(allPlans);
  const standingById = new Map(standings.map((standing) => [standing.source, standing]));
  const fires = createFireKnowledge(listFires, now, new Map(misses.map((miss) => [`${miss.plan} ${miss.host}`, miss.newestAt])));
  return sources.flatMap((source) => {
    const host = hostById.get(source.host);
    if (host === undefined) return [];
    const plans = plansBySource.get(source.id) ?? [];
    const standing = standingById.get(source.id);
    const proof = proofBySource.get(source.id);
    const heirs = { plans, tags: host.tags, proofDays: withinDays.get(source.id) };
    const objectives = findSourceObjectives(wanted, source, heirs);
    const { enabled } = source;
    const facts = buildFacts({ enabled, plans, standing, proof, objectives, uncopiedAt: uncopied.get(source.id) }, host, fires);
    return [
      { source, host, plans, standing, protection: judgeProtection(facts), proof, proofTrouble: facts.proofTrouble, objectives },
    ];
  });
}

/** What schedules say at this instant, each asked once. `misses` is by plan and host, with a blank between. */
export function createFireKnowledge(
  listFires: CoreContext['listFires'],
  now: number,
  misses: ReadonlyMap<string, number>,
): FireKnowledge {
  const waits = new Map<string, number | undefined>();
  const unknowns = new Map<string, number | undefined>();
  return {
    now,
    findLongestWait(schedule) {
      const key = `${schedule.zone} ${schedule.cron}`;
      if (!waits.has(key)) waits.set(key, findLongestWait(listFires, schedule, now));
      return waits.get(key);
    },
    findMissedAt: (plan, host) => (misses.size === 0 ? undefined : misses.get(`${plan.id} ${host}`)),
    findUnknownAt({ schedule, effectiveFrom }, host) {
      if (schedule === undefined) return undefined;
      const since = Math.max(host.lastSeenAt ?? 0, effectiveFrom - 1);
      const key = `${schedule.zone} ${schedule.cron} ${since}`;
      if (!unknowns.has(key)) unknowns.set(key, findFireBetween(listFires, schedule, since, now));
      return unknowns.get(key);
    },
  };
}

/** Newest clean backups that the second repository of an enabled plan does not have, late or not: when each was made, by source. */
export async function findUncopied(
  { store }: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  plans: readonly Plan[],
  standings: readonly SourceStanding[],
): Promise<ReadonlyMap<SourceId, number>> {
  const newest = new Set(standings.map(({ lastGoodSnapshot }) => lastGoodSnapshot));
  const found = new Map<SourceId, number>();
  for (const { id, enabled, repository: from, copyRepository: to } of plans) {
    if (!enabled || to === undefined) continue;
    for (const snapshot of await store.snapshots.listUncopied(tenant, id, { from, to }, UNCOPIED_READ))
      if (newest.has(snapshot.id)) found.set(snapshot.source, snapshot.createdAt);
  }
  return found;
}

/** Plans by the sources they have. */
export function groupPlans(plans: readonly Plan[]): ReadonlyMap<SourceId, readonly Plan[]> {
  const groups = new Map<SourceId, Plan[]>();
  for (const plan of plans) {
    for (const source of plan.sources) {
      const group = groups.get(source);
      if (group === undefined) groups.set(source, [plan]);
      else group.push(plan);
    }
  }
  return groups;
}
