/** Sources with what a person asks about them: their host, their plans, their newest backups, and whether they are protected. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Plan, Source } from '../store/catalog.ts';
import type { SourceStanding } from '../store/runs.ts';
import { type Caller, demand } from './caller.ts';
import { type HostView, toHostView } from './hosts.ts';
import type { CoreContext } from './ports.ts';
import { judgeProtection, type Protection } from './protection.ts';

export interface ProtectedSource {
  source: Source;
  host: HostView;
  /** All plans that have it, switched off or not. */
  plans: readonly Plan[];
  standing: SourceStanding | undefined;
  protection: Protection;
}

/** Fires looked ahead: a week of working days with its week-end between. */
const FIRES_AHEAD = 8;

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

/** Judges sources of any hosts, in their order; a source whose host is gone is left out. Three reads, however many sources. */
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
  const [hosts, allPlans, standings] = await Promise.all([
    store.hosts.findHosts(tenant, hostIds),
    store.catalog.listPlansOfSources(tenant, sourceIds),
    store.runs.listStandings(tenant, sourceIds),
  ]);
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
  return sources.flatMap((source) => {
    const host = hostById.get(source.host);
    if (host === undefined) return [];
    const plans = plansBySource.get(source.id) ?? [];
    const standing = standingById.get(source.id);
    const protection = judgeProtection({
      now,
      enabled: source.enabled,
      plans: plans.map((plan) => ({ enabled: plan.enabled, everyMs: waitOf(plan.schedule) })),
      host: host.standing,
      hostLastSeenAt: host.lastSeenAt,
      standing,
    });
    return [{ source, host, plans, standing, protection }];
  });
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
