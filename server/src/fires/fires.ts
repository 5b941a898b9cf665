/** The door of this room: what a schedule will do, said before it does it. The host decides by itself when a run starts. */
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { walkFires } from './next-fire.ts';

export { type CronCheck, checkCron } from './check-cron.ts';
export { type ClockChangeNote, listClockChanges } from './clock-changes.ts';
export { describeCron } from './describe-cron.ts';
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
