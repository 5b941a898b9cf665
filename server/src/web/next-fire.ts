/** The next fire of each schedule, counted once until it has passed: many plans share one, and lists ask for all of them. */
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { FireCalendar } from './api/fire-calendar.ts';

/** Schedules that are remembered; beyond that all are counted anew. */
const MOST_KNOWN = 20_000;

interface Known {
  from: number;
  /** Infinity: it never fires again, or cannot be read here. */
  at: number;
}

const known = new WeakMap<FireCalendar, Map<string, Known>>();

function count(calendar: FireCalendar, schedule: Schedule, now: number): number {
  if (!calendar.checkCron(schedule.cron, schedule.zone, now).ok) return Number.POSITIVE_INFINITY;
  return calendar.listNextFires(schedule, now, 1)[0] ?? Number.POSITIVE_INFINITY;
}

/** Gives the next fire after `now`, epoch milliseconds; undefined for a schedule that never fires again or cannot be read here. */
export function createNextFire(calendar: FireCalendar, now: number): (schedule: Schedule) => number | undefined {
  const kept = known.get(calendar) ?? new Map<string, Known>();
  known.set(calendar, kept);
  return (schedule) => {
    const key = `${schedule.zone} ${schedule.cron}`;
    let found = kept.get(key);
    if (found === undefined || now < found.from || now >= found.at) {
      if (kept.size >= MOST_KNOWN) kept.clear();
      found = { from: now, at: count(calendar, schedule, now) };
      kept.set(key, found);
    }
    return found.at === Number.POSITIVE_INFINITY ? undefined : found.at;
  };
}
