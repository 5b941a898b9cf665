/** Windows in which something may begin. Pure; a zone decides what its clocks on the wall show. */
import { createBlackoutCalendar } from '@holdfast/shared/domain/blackout.ts';
import type { Routine } from '@holdfast/shared/domain/routine.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import { DAY_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';

/** The first of January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4;
/** A window of one weekday comes within a week, and a week later where the clocks left it out. */
const DAYS_AHEAD = 15;

const readTimeOfDay = (text: string) => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))) * MINUTE_MS;

/**
 * The first instant from `at` on that is inside a window; `at` itself where there are none. Undefined when none comes within two weeks.
 * @throws RangeError for a zone this runtime does not know.
 */
export function findOpening({ windows, zone }: Pick<Routine, 'windows' | 'zone'>, at: number): number | undefined {
  if (windows.length === 0) return at;
  const reader = openZone(zone);
  // The calendar takes windows for what is not clear, which here is what is open.
  const calendar = createBlackoutCalendar(windows, reader);
  if (calendar.findClear(at) !== at) return at;
  const today = Math.floor((at + reader.offsetMs(at)) / DAY_MS);
  let first: number | undefined;
  for (let day = today - 1; day <= today + DAYS_AHEAD; day += 1) {
    const weekday = (((day + EPOCH_WEEKDAY) % 7) + 7) % 7;
    for (const { from, days } of windows) {
      if (!days.includes(weekday)) continue;
      const reading = reader.readWall(day * DAY_MS + readTimeOfDay(from));
      const begin = reading.kind === 'once' ? reading.at : reading.kind === 'twice' ? reading.first : reading.resumesAt;
      // Where clocks went forward over the whole window, nothing is open.
      if (begin > at && (first === undefined || begin < first) && calendar.findClear(begin) !== begin) first = begin;
    }
    if (first !== undefined && day > today) return first;
  }
  return first;
}
