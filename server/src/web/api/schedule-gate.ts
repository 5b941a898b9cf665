/** What every end-point that stores a schedule asks first. */
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import { type Caller, demand } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { FireCalendar } from './fire-calendar.ts';

/**
 * Refuses an expression that cannot be read or never comes, naming the part at fault, before anything is stored. Whoever may not write is told so
 * first, and nothing about the schedule.
 */
export function createScheduleGate(
  calendar: FireCalendar,
): (context: CoreContext, caller: Caller, schedule: Schedule | null | undefined) => void {
  return (context, caller, schedule) => {
    demand(caller, 'plan.manage');
    if (!schedule) return;
    const check = calendar.checkCron(schedule.cron, schedule.zone, context.clock.now());
    if (!check.ok) throw createFieldsError({ [`schedule.${check.field}`]: check.message });
  };
}
