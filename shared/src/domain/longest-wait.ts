/** What a schedule promises. Pure but for the calendar it is given. */
import type { Schedule } from './schedule.ts';

/** Fires looked ahead: a week of working days with its week-end between. */
const FIRES_AHEAD = 8;

/** The next `count` fires after an instant, epoch milliseconds, oldest first; throws for a schedule that cannot be read. */
export type ListFires = (schedule: Schedule, after: number, count: number) => readonly number[];

/** The longest wait between two of the next fires, milliseconds; undefined for a schedule that ends or cannot be read. */
export function findLongestWait(listFires: ListFires, schedule: Schedule, now: number): number | undefined {
  let fires: readonly number[];
  try {
    fires = listFires(schedule, now, FIRES_AHEAD);
  } catch {
    // What cannot be read promises nothing that could be measured; the plan's own page says so.
    return undefined;
  }
  const waits = fires.slice(1).map((at, index) => at - (fires[index] ?? at));
  return waits.length === 0 ? undefined : Math.max(...waits);
}
