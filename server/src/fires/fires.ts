/** The door of this room: what a schedule will do, said before it does it. The host decides by itself when a run starts. */
import { type Forecast, forecastBegins, openDueTimes, type TimedPlan } from '@holdfast/shared/domain/due-time.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { walkFires } from './next-fire.ts';

export { type Begin, type Forecast, openDueTimes, type TimedPlan } from '@holdfast/shared/domain/due-time.ts';
export { type CronCheck, checkCron } from './check-cron.ts';
export { type ClockChangeNote, listClockChanges } from './clock-changes.ts';
export { describeCron } from './describe-cron.ts';
export { describeMissingDates } from './missing-dates.ts';
export { computeNextFire, listFires } from './next-fire.ts';

/** Fires a preview shows at most. */
export const MAX_PREVIEW = 100;

/**
 * The next `count` (at most 100) fires after `from`, epoch milliseconds, oldest first; fewer when the schedule ends. Throws
 * `invalid` for a schedule that cannot be read.
 */
export function listNextFires(schedule: Schedule, from: number, count: number): number[] {
  const found: number[] = [];
  const wanted = Math.min(count, MAX_PREVIEW);
  if (wanted < 1) return found;
  for (const at of walkFires(schedule, from)) {
    found.push(at);
    if (found.length >= wanted) break;
  }
  return found;
}

/** A plan with the instant from which its schedule counts (epoch milliseconds). */
export interface ForecastPlan extends TimedPlan {
  effectiveFrom: number;
}

/**
 * What one host will begin after `from` (exclusive, epoch milliseconds): the next `count` (at most 100) beginnings, spread and blackout
 * windows included, and the fires that windows keep back for longer than the plan's grace. Throws `invalid` for a schedule that cannot
 * be read.
 */
export function listNextBegins(plan: ForecastPlan, host: HostId, from: number, count: number): Forecast {
  return forecastBegins(walkFires, plan.schedule, openDueTimes(plan, host), {
    after: from,
    firesAfter: plan.effectiveFrom - 1,
    count: Math.min(count, MAX_PREVIEW),
  });
}
