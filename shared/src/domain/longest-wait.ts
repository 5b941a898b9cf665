/** What a schedule promises. Pure but for the calendar it is given. */
import { DAY_MS } from '../durations.ts';
import type { Schedule } from './schedule.ts';

/** Of a schedule that is the same every day, or fires once a day at most: a week of working days with its week-end between. */
const FIRES_AHEAD = 8;
/** Of others, such as every quarter of an hour of working hours: nights and the week-end have to be in sight. */
const DAYS_AHEAD = 8;
const FIRES_AT_ONCE = 64;
/** Every five minutes of all of them. */
const MOST_FIRES = DAYS_AHEAD * 24 * 12;

/** The next `count` fires after an instant, epoch milliseconds, oldest first; throws for a schedule that cannot be read. */
export type ListFires = (schedule: Schedule, after: number, count: number) => readonly number[];

/** The longest wait between two of the next fires, milliseconds; undefined for a schedule that ends or cannot be read. */
export function findLongestWait(listFires: ListFires, schedule: Schedule, now: number): number | undefined {
  const fires: number[] = [];
  try {
    fires.push(...listFires(schedule, now, FIRES_AHEAD));
    const until = now + DAYS_AHEAD * DAY_MS;
    // The first one beyond ends the last wait.
    for (let last = fires.at(-1); hasPauses(schedule) && last !== undefined && last < until && fires.length < MOST_FIRES; ) {
      const more = listFires(schedule, last, FIRES_AT_ONCE);
      fires.push(...more);
      last = more.at(-1);
    }
  } catch {
    // What cannot be read promises nothing that could be measured; the plan's own page says so.
    return undefined;
  }
  const waits = fires.slice(1).map((at, index) => at - (fires[index] ?? at));
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** Whether it leaves out hours or days, so that what comes next tells little of what comes later. */
function hasPauses({ cron }: Schedule): boolean {
  const [hours = '*', ...days] = cron.trim().split(/\s+/).slice(-4);
  return !cron.startsWith('@') && !(/^\*(?:\/\d+)?$/.test(hours) && days.every((field) => field === '*' || field === '?'));
}
