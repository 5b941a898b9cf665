/**
 * Which instants a schedule is due at. Whoever calls brings the calendar, on plain wall time; the zone is read here, so that the
 * two nights a year on which clocks change follow rules of our own, the same on host and server:
 *
 * - A schedule that names its hours (`30 2 * * *`, `0 8-18/2 * * *`) is about a time of day. A time that does not exist is due
 *   at the first instant after the gap, and a time that happens twice is due the first time only.
 * - A schedule of every hour (`0 * * * *`, `0,30 * * * *`) is about an interval. It is due as often as its minutes come by.
 */
import { HOUR_MS } from '../durations.ts';
import { AppError } from '../errors.ts';
import type { Schedule } from './schedule.ts';
import { openZone, type ZoneReader } from './wall-time.ts';

/** Longer than any change of clocks, so that a look this far ahead sees one that is under way. */
const CHANGE_MS = 4 * HOUR_MS;
/** 29 February is at most eight years away; whatever has no fire for longer than this has none. */
const HORIZON_MS = 9 * 366 * 24 * HOUR_MS;
/** Wall times in a row that give no fire before the search ends; a gap of a whole day has 1440. */
const BARREN_STEPS = 5000;
const EVERY_HOUR = /^(?:\*|\?|0-23)(?:\/0*1)?$/u;

/** The first wall time after `wall` (exclusive) that an expression names; undefined when none comes any more. */
export type NextWall = (wall: number) => number | undefined;

/** Reads a cron expression of five fields; throws whatever it likes for one that cannot be read. */
export type ReadCron = (cron: string) => NextWall;

/** What can be asked of schedules, once somebody reads cron expressions. */
export interface FireWalk {
  /** The first fire after `after` (exclusive), in epoch milliseconds; undefined when the schedule never comes due. */
  computeNextFire(schedule: Schedule, after: number): number | undefined;
  /** Fires in (afterExclusive, throughInclusive], oldest first, at most `max` of them. */
  listFires(schedule: Schedule, afterExclusive: number, throughInclusive: number, max: number): number[];
  /** All fires after `after` in rising order, each once. Throws `invalid` for an expression or zone that cannot be read. */
  walkFires(schedule: Schedule, after: number): Generator<number, void, undefined>;
}

export function createFireWalk(readCron: ReadCron): FireWalk {
  const walkFires = function* (schedule: Schedule, after: number): Generator<number, void, undefined> {
    yield* walk(readSchedule(schedule, readCron), isEveryHour(schedule), after);
  };
  return {
    walkFires,
    computeNextFire(schedule, after) {
      for (const at of walkFires(schedule, after)) return at;
      return undefined;
    },
    listFires(schedule, afterExclusive, throughInclusive, max) {
      const found: number[] = [];
      if (max < 1 || throughInclusive <= afterExclusive) return found;
      for (const at of walkFires(schedule, afterExclusive)) {
        if (at > throughInclusive) break;
        found.push(at);
        if (found.length >= max) break;
      }
      return found;
    },
  };
}

/** Whether the hour field leaves the hour open, so that the schedule is about an interval. */
export function isEveryHour(schedule: Schedule): boolean {
  return EVERY_HOUR.test(schedule.cron.trim().split(/\s+/u)[1] ?? '');
}

interface ReadSchedule {
  nextWall: NextWall;
  zone: ZoneReader;
}

function readSchedule(schedule: Schedule, readCron: ReadCron): ReadSchedule {
  try {
    return { nextWall: readCron(schedule.cron), zone: openZone(schedule.zone) };
  } catch (error) {
    throw new AppError('invalid', `the schedule "${schedule.cron}" in ${schedule.zone} cannot be read`, { cause: error });
  }
}

function* walk({ nextWall, zone }: ReadSchedule, everyHour: boolean, after: number): Generator<number, void, undefined> {
  // Where clocks are about to go back, wall times before the present one are still to come a second time.
  let wall = Math.min(after + zone.offsetMs(after), after + zone.offsetMs(after + CHANGE_MS));
  let last = after;
  let held: number[] = [];
  for (let barren = 0; barren < BARREN_STEPS; barren += 1) {
    const next = nextWall(wall);
    if (next === undefined || next <= wall || next - last > HORIZON_MS) break;
    wall = next;
    const reading = zone.readWall(wall);
    if (reading.kind === 'twice') {
      // Later wall times of the same fold may come before this one's second pass: hold until the fold is over.
      held.push(reading.first, ...(everyHour ? [reading.second] : []));
      continue;
    }
    if (reading.kind === 'once') held.push(reading.at);
    else if (!everyHour) held.push(reading.resumesAt);
    for (const at of held.sort((a, b) => a - b)) {
      if (at <= last) continue;
      last = at;
      barren = 0;
      yield at;
    }
    held = [];
  }
  yield* held.sort((a, b) => a - b).filter((at) => at > last);
}
