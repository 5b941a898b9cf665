/** What a schedule does on the nights on which its zone's clocks change. */
import { isEveryHour } from '@holdfast/shared/domain/fire-walk.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { Cron } from 'croner';

/** Wall times looked at around one change. */
const WALLS = 3000;

export interface ClockChangeNote {
  /** When it is due instead, epoch milliseconds. */
  at: number;
  /** A whole sentence. */
  text: string;
}

/**
 * Notes for the changes in (from, through], epoch milliseconds, at most one a day. A schedule of every hour has none: it
 * keeps its interval.
 */
export function listClockChanges(schedule: Schedule, from: number, through: number): ClockChangeNote[] {
  if (isEveryHour(schedule)) return [];
  const zone = openZone(schedule.zone);
  const notes: ClockChangeNote[] = [];
  for (let day = from; day < through; day += DAY_MS) {
    if (zone.offsetMs(day) === zone.offsetMs(day + DAY_MS)) continue;
    const note = describeChange(schedule, day, day + DAY_MS);
    if (note) notes.push(note);
  }
  return notes;
}

function describeChange(schedule: Schedule, from: number, through: number): ClockChangeNote | undefined {
  const zone = openZone(schedule.zone);
  const cron = new Cron(schedule.cron, { mode: '5-part', utcOffset: 0 });
  const end = through + Math.max(zone.offsetMs(from), zone.offsetMs(through));
  let wall = from + Math.min(zone.offsetMs(from), zone.offsetMs(through)) - 1;
  for (let step = 0; step < WALLS; step += 1) {
    const next = cron.nextRun(new Date(wall))?.getTime();
    if (next === undefined || next <= wall || next > end) return undefined;
    wall = next;
    const reading = zone.readWall(wall);
    const { date, time } = formatWall(wall);
    if (reading.kind === 'never') {
      const resumes = formatWall(reading.resumesAt + zone.offsetMs(reading.resumesAt));
      const other = resumes.date === date ? '' : ` on ${resumes.date}`;
      return {
        at: reading.resumesAt,
        text: `On ${date} ${time} does not exist in ${schedule.zone}: fires at ${resumes.time}${other}.`,
      };
    }
    if (reading.kind === 'twice') {
      return { at: reading.first, text: `On ${date} ${time} comes twice in ${schedule.zone}: fires the first time only.` };
    }
  }
  return undefined;
}

const DATE = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'long' });
const TIME = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', timeStyle: 'short' });

function formatWall(wall: number): { date: string; time: string } {
  return { date: DATE.format(wall), time: TIME.format(wall) };
}
