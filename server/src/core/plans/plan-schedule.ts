/** When a plan is due: by a schedule of its own, by one that it shares with others, or by hand. */
import type { ScheduleId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Plan } from '../../store/plans.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

type Due = Pick<Plan, 'schedule' | 'sharedSchedule'>;

interface DueChange {
  schedule?: Schedule | null | undefined;
  sharedSchedule?: ScheduleId | null | undefined;
}

/** `invalid` naming the field `schedule` when the expression cannot be read or never comes. */
export function checkSchedule(context: CoreContext, schedule: Schedule): void {
  const fault = context.findScheduleFault(schedule);
  if (fault !== undefined) throw createFieldsError({ schedule: `Schedule: ${fault}` });
}

/** What holds after a change; a shared schedule with what it says now. `invalid` naming the field at fault. */
export async function resolveSchedule(context: CoreContext, caller: Caller, before: Due, change: DueChange): Promise<Due> {
  const { schedule, sharedSchedule } = change;
  if (sharedSchedule) {
    if (schedule) throw createFieldsError({ sharedSchedule: 'Shared schedule: give it, or a schedule of the plan, not both' });
    const shared = await context.store.sharedSchedules.findSharedSchedule(caller.tenant, sharedSchedule);
    if (!shared) throw createFieldsError({ sharedSchedule: 'Shared schedule: there is no such shared schedule' });
    return { schedule: shared.schedule, sharedSchedule };
  }
  if (schedule !== undefined) {
    if (schedule) checkSchedule(context, schedule);
    return { schedule: schedule ?? undefined, sharedSchedule: undefined };
  }
  return { schedule: before.schedule, sharedSchedule: sharedSchedule === null ? undefined : before.sharedSchedule };
}
