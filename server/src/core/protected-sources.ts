/** Sources with what a person asks about them: their host, their plans, their newest backups, and whether they are protected. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Plan, Source } from '../store/catalog.ts';
import type { SourceProof } from '../store/drills.ts';
import type { SourceStanding } from '../store/runs.ts';
import { type Caller, demand } from './caller.ts';
import { type HostView, toHostView } from './hosts.ts';
import { findSourceObjectives, readObjectives } from './objective-settings.ts';
import type { SourceObjectives } from './objectives.ts';
import type { CoreContext } from './ports.ts';
import { findProofTrouble, type ProofTrouble } from './proof-trouble.ts';
import { judgeProtection, type Protection } from './protection.ts';

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

/** Fires looked ahead: a week of working days with its week-end between. */
const FIRES_AHEAD = 8;
const DAY_MS = 24 * 3_600_000;
/** Plans on hosts that owe a fire, the newest first. */
const MISSES_READ = 2000;
/** Of each plan with a second repository. */
const UNCOPIED_READ = 500;
/** A copy follows its backup at once, and takes its time. */
const COPY_GRACE_MS = 2 * 3_600_000;

/** The longest wait between two of the next fires, milliseconds; undefined for a schedule that ends or cannot be read. */
export function findLongestWait(listFires: CoreContext['listFires'], schedule: Schedule, now: number): number | undefined {
  let fires: readonly number[];
  try {
    fires = listFires(schedule, now, FIRES_AHEAD);
  } catch {
    // A schedule this server cannot read promises nothing that could be measured; the plan's own page says so.
    return undefined;
  }
  const waits = fires.slice(1).map((at, index) => at - (fires[index] ?? at));
  return waits.length === 0 ? undefined : Math.max(...waits);
}

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

function findExtreme(choose: (...values: number[]) => number, values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : choose(...known);
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
    store.catalog.listPlansOfSources(tenant, sourceIds),
    store.runs.listStandings(tenant, sourceIds),
    store.fires.listOpenMisses(tenant, {}, MISSES_READ),
    store.drills.listProofs(tenant, sourceIds),
    store.drills.listDrillSettings(tenant, sourceIds),
    readObjectives(context),
  ]);
  const uncopied = await findUncopied(context, caller, allPlans, standings);
  const proofBySource = new Map(proofs.map((proof) => [proof.source, proof]));
  const withinDays = new Map(drills.map((settings) => [settings.source, settings.withinDays]));
  const missedAt = new Map(misses.map((miss) => [`${miss.plan} ${miss.host}`, miss.newestAt]));
  const hostById = new Map<HostId, HostView>();
  for (const host of hosts) hostById.set(host.id, toHostView(context, host));
  const plansBySource = groupPlans(allPlans);
  const standingById = new Map(standings.map((standing) => [standing.source, standing]));
  const waits = new Map<string, number | undefined>();
  const waitOf = (schedule: Schedule | undefined): number | undefined => {
    if (schedule === undefined) return undefined;
    const key = `${schedule.zone} ${schedule.cron}`;
    if (!waits.has(key)) waits.set(key, findLongestWait(listFires, schedule, now));
    return waits.get(key);
  };
  const unknowns = new Map<string, number | undefined>();
  const unknownOf = ({ schedule, effectiveFrom }: Plan, host: HostView): number | undefined => {
    if (schedule === undefined) return undefined;
    const since = Math.max(host.lastSeenAt ?? 0, effectiveFrom - 1);
    const key = `${schedule.zone} ${schedule.cron} ${since}`;
    if (!unknowns.has(key)) unknowns.set(key, findFireBetween(listFires, schedule, since, now));
    return unknowns.get(key);
  };
  return sources.flatMap((source) => {
    const host = hostById.get(source.host);
    if (host === undefined) return [];
    const plans = plansBySource.get(source.id) ?? [];
    const standing = standingById.get(source.id);
    const enabled = plans.filter((plan) => plan.enabled);
    const heirs = { plans, tags: host.tags, proofDays: withinDays.get(source.id) };
    const objectives = findSourceObjectives(wanted, source, heirs);
    const proofTrouble = findProofTrouble(proofBySource.get(source.id), toDays(objectives.proof?.ms), now);
    const protection = judgeProtection({
      now,
      enabled: source.enabled,
      plans: plans.map((plan) => ({ enabled: plan.enabled, everyMs: waitOf(plan.schedule) })),
      host: host.standing,
      hostLastSeenAt: host.lastSeenAt,
      standing,
      uncopiedAt: uncopied.get(source.id),
      proofTrouble,
      objectiveMs: objectives.backup?.ms,
      missedAt: findExtreme(
        Math.max,
        enabled.map((plan) => missedAt.get(`${plan.id} ${host.id}`)),
      ),
      unknownAt:
        host.standing === 'offline'
          ? findExtreme(
              Math.min,
              enabled.map((plan) => unknownOf(plan, host)),
            )
          : undefined,
    });
    return [{ source, host, plans, standing, protection, proof: proofBySource.get(source.id), proofTrouble, objectives }];
  });
}

/** Newest clean backups that the second repository of an enabled plan should have by now and does not: when each was made, by source. */
async function findUncopied(
  { store, clock }: CoreContext,
  { tenant }: Caller,
  plans: readonly Plan[],
  standings: readonly SourceStanding[],
): Promise<ReadonlyMap<SourceId, number>> {
  const newest = new Set(standings.map(({ lastGoodSnapshot }) => lastGoodSnapshot));
  const found = new Map<SourceId, number>();
  for (const { id, enabled, repository: from, copyRepository: to } of plans) {
    if (!enabled || to === undefined) continue;
    for (const snapshot of await store.runs.listUncopied(tenant, id, { from, to }, UNCOPIED_READ))
      if (newest.has(snapshot.id) && clock.now() - snapshot.createdAt > COPY_GRACE_MS)
        found.set(snapshot.source, snapshot.createdAt);
  }
  return found;
}

function toDays(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / DAY_MS;
}

function groupPlans(plans: readonly Plan[]): ReadonlyMap<SourceId, readonly Plan[]> {
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
