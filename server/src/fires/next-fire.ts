/**
 * Which instants a schedule is due at. croner does the calendar, on plain wall time; the zone is read here, so that the
 * two nights a year on which clocks change follow rules of our own:
 *
 * - A schedule that names its hours (`30 2 * * *`, `0 8-18/2 * * *`) is about a time of day. A time that does not exist is due
 *   at the first instant after the gap, and a time that happens twice is due the first time only.
 * - A schedule of every hour (`0 * * * *`, `0,30 * * * *`) is about an interval. It is due as often as its minutes come by.
 */

import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { Cron } from 'croner';
import { openZone } from './wall-time.ts';

const HOUR = 3_600_000;
/** Longer than any change of clocks, so that a look this far ahead sees one that is under way. */
const CHANGE_MS = 4 * HOUR;
/** 29 February is at most eight years away; whatever has no fire for longer than this has none. */
const HORIZON_MS = 9 * 366 * 24 * HOUR;
/** Wall times in a row that give no fire before the search ends; a gap of a whole day has 1440. */
const BARREN_STEPS = 5000;
const EVERY_HOUR = /^(?:\*|\?|0-23)(?:\/0*1)?$/u;

/** The first fire after `after` (exclusive), in epoch milliseconds; undefined when the schedule never comes due. */
export function computeNextFire(schedule: Schedule, after: number): number | undefined {
  for (const at of walkFires(schedule, after)) return at;
  return undefined;
}

/** Fires in (afterExclusive, throughInclusive], oldest first, at most `max` of them. */
export function listFires(schedule: Schedule, afterExclusive: number, throughInclusive: number, max: number): number[] {
  const found: number[] = [];
  if (max < 1 || throughInclusive <= afterExclusive) return found;
  for (const at of walkFires(schedule, afterExclusive)) {
    if (at > throughInclusive) break;
    found.push(at);
    if (found.length >= max) break;
  }
  return found;
}

/** All fires after `after` in rising order, each once. Throws `invalid` for an expression or zone that cannot be read. */
export function* walkFires(schedule: Schedule, after: number): Generator<number, void, undefined> {
  const { cron, zone } = readSchedule(schedule);
  const everyHour = isEveryHour(schedule);
  // Where clocks are about to go back, wall times before the present one are still to come a second time.
  let wall = Math.min(after + zone.offsetMs(after), after + zone.offsetMs(after + CHANGE_MS));
  let last = after;
  let held: number[] = [];
  for (let barren = 0; barren < BARREN_STEPS; barren += 1) {
    const next = cron.nextRun(new Date(wall))?.getTime();
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

/** Whether the hour field leaves the hour open, so that the schedule is about an interval. */
export function isEveryHour(schedule: Schedule): boolean {
  return EVERY_HOUR.test(schedule.cron.trim().split(/\s+/u)[1] ?? '');
}

function readSchedule(schedule: Schedule) {
  try {
    return { cron: new Cron(schedule.cron, { mode: '5-part', utcOffset: 0 }), zone: openZone(schedule.zone) };
  } catch (error) {
    throw new AppError('invalid', `the schedule "${schedule.cron}" in ${schedule.zone} cannot be read`, { cause: error });
  }
}
