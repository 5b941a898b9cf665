/** Drills as plans say when they are due, for sources that have no rhythm of their own. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { PlanDrills } from '@holdfast/shared/domain/plan-drills.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { DrillSettings } from '../../store/drills.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** Sources that are settled at once; the ticker goes on with the rest. */
const SETTLED_AT_ONCE = 5000;

/** Where drills of a source take place: where its own settings say, then where the plan says that it follows, and else at home. */
export function findDrillHost(source: Pick<Source, 'host'>, settings: DrillSettings | undefined): HostId {
  if (settings?.host !== undefined) return settings.host;
  // A server of its own settings is one of its own host.
  const ofPlan = settings?.server === undefined ? settings?.followed?.drills.host : undefined;
  return ofPlan ?? source.host;
}

type Calendar = Pick<CoreContext, 'listFires' | 'findScheduleFault'>;

/**
 * When a drill is due that no number of backups brings about: at the first fire after `after`, which is when the last one began or the
 * rhythm was made, however many fires were missed since. Epoch milliseconds; undefined where backups alone decide, and for a schedule that
 * this system cannot read any more.
 */
function findNextOfPlan({ listFires, findScheduleFault }: Calendar, { schedule }: PlanDrills, after: number): number | undefined {
  if (schedule === undefined || findScheduleFault(schedule) !== undefined) return undefined;
  return listFires(schedule, after, 1)[0];
}

/** When the next is due once one has begun at `now`; undefined where only backups or people bring one about. Epoch milliseconds. */
export function findNextDue(calendar: Calendar, { everyDays, followed }: DrillSettings, now: number): number | undefined {
  if (everyDays !== undefined) return now + everyDays * DAY_MS;
  return followed === undefined ? undefined : findNextOfPlan(calendar, followed.drills, now);
}

/** Makes sources go by what their plans say by now, and tells how many did not: fires of a rhythm that is new to them count from now on. */
export async function settlePlanDrills(context: CoreContext): Promise<number> {
  const { drills } = context.store;
  const now = context.clock.now();
  const unsettled = await drills.listUnsettledDrills(SETTLED_AT_ONCE);
  if (unsettled.length === 0) return 0;
  await drills.settleDrills(
    unsettled.map(({ followed, ...one }) => ({ ...one, nextAt: followed && findNextOfPlan(context, followed.drills, now) })),
  );
  return unsettled.length;
}

/** `invalid` naming the field at fault. */
export async function checkPlanDrills(
  context: CoreContext,
  caller: Caller,
  drills: PlanDrills | null | undefined,
): Promise<void> {
  const { schedule, host } = drills ?? {};
  const fault = schedule && context.findScheduleFault(schedule);
  if (fault !== undefined) throw createFieldsError({ drillCron: `Schedule of drills: ${fault}` });
  if (host === undefined) return;
  const found = await context.store.hosts.findHost(caller.tenant, host);
  if (found?.state !== 'active') throw createFieldsError({ drillHost: 'Host of drills: there is no such approved host' });
}
