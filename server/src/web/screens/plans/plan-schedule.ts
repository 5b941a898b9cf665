/** Schedules as the plan form has them: a preset, an expression of one's own, or none. */
import { SCHEDULE_PRESETS, type Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { FiresView } from './plan-fires.view.ts';

const FIRES_SHOWN = 10;
const NOTES_SHOWN = 2;
/** Far enough to see the next change of clocks, whichever season it is. */
const CHANGES_AHEAD_MS = 200 * 86_400_000;

export const OWN = 'own';
export const BY_HAND = 'none';

/** What was typed, as it was typed. */
export interface ScheduleText {
  /** The name of a preset, `own` or `none`. */
  preset: string;
  cron: string;
  zone: string;
}

export function toScheduleText(schedule: Schedule | undefined, zone: string): ScheduleText {
  if (schedule === undefined) return { preset: BY_HAND, cron: '', zone };
  const preset = SCHEDULE_PRESETS.find((one) => one.cron === schedule.cron);
  if (preset !== undefined) return { preset: preset.name, cron: '', zone: schedule.zone };
  return { preset: OWN, cron: schedule.cron, zone: schedule.zone };
}

/** The schedule that was chosen; undefined for none. Not checked yet. */
export function findSchedule(text: ScheduleText): Schedule | undefined {
  if (text.preset === BY_HAND) return undefined;
  const preset = SCHEDULE_PRESETS.find((one) => one.name === text.preset);
  return { cron: preset?.cron ?? text.cron.trim(), zone: text.zone.trim() };
}

/** What is wrong with a schedule, by the field that must change; undefined when it can be used. */
export function findScheduleProblem(
  calendar: FireCalendar,
  text: ScheduleText,
  now: number,
): { field: 'cron' | 'zone'; message: string } | undefined {
  const schedule = findSchedule(text);
  if (schedule === undefined) return undefined;
  const check = calendar.checkCron(schedule.cron, schedule.zone, now);
  return check.ok ? undefined : { field: check.field, message: check.message };
}

export function previewSchedule(calendar: FireCalendar, text: ScheduleText, now: number): FiresView {
  const hint =
    text.cron.trim() !== '' && text.preset !== OWN
      ? 'The expression is used once “An expression of my own” is chosen.'
      : undefined;
  const problem = findScheduleProblem(calendar, text, now);
  const schedule = findSchedule(text);
  if (problem !== undefined || schedule === undefined)
    return { problem: problem?.message, fires: [], zone: 'UTC', notes: [], hint };
  return { ...listUpcoming(calendar, schedule, now, FIRES_SHOWN), hint };
}

/** The next fires of a schedule that is in use. */
export function listUpcoming(calendar: FireCalendar, schedule: Schedule, now: number, count: number): FiresView {
  const fires = calendar.listNextFires(schedule, now, count);
  const through = Math.max(fires.at(-1) ?? now, now + CHANGES_AHEAD_MS);
  const notes = calendar.listClockChanges(schedule, now, through).slice(0, NOTES_SHOWN);
  return {
    words: calendar.describeCron(schedule),
    fires,
    zone: schedule.zone,
    notes: notes.map((note) => note.text),
  };
}

/** All zones this system knows, for the list behind the zone field. */
export function listZones(): readonly string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
}
