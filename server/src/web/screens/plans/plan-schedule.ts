/** Schedules as the plan form has them: a preset, an expression of one's own, one that plans share, or none. */
import type { ScheduleId } from '@holdfast/shared/domain/ids.ts';
import { SCHEDULE_PRESETS, type Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { FiresView } from './plan-fires.view.ts';

const FIRES_SHOWN = 10;
const NOTES_SHOWN = 2;
/** Far enough to see the next change of clocks, whichever season it is. */
const CHANGES_AHEAD_MS = 200 * 86_400_000;

export const OWN = 'own';
export const BY_HAND = 'none';
export const SHARED = 'shared';

/** What was typed, as it was typed. */
export interface ScheduleText {
  /** The name of a preset, `own`, `shared` or `none`. */
  preset: string;
  cron: string;
  zone: string;
  /** The shared schedule that is chosen, which counts with `shared` only: its id, and what it says where there is such a one. */
  shared?: { id: string; schedule: Schedule | undefined } | undefined;
}

export function toScheduleText(schedule: Schedule | undefined, zone: string, shared?: ScheduleId): ScheduleText {
  if (schedule !== undefined && shared !== undefined)
    return { preset: SHARED, cron: '', zone: schedule.zone, shared: { id: shared, schedule } };
  if (schedule === undefined) return { preset: BY_HAND, cron: '', zone };
  const preset = SCHEDULE_PRESETS.find((one) => one.cron === schedule.cron);
  if (preset !== undefined) return { preset: preset.name, cron: '', zone: schedule.zone };
  return { preset: OWN, cron: schedule.cron, zone: schedule.zone };
}

/** The schedule that was chosen; undefined for none. Not checked yet. */
export function findSchedule(text: ScheduleText): Schedule | undefined {
  if (text.preset === BY_HAND) return undefined;
  if (text.preset === SHARED) return text.shared?.schedule;
  const preset = SCHEDULE_PRESETS.find((one) => one.name === text.preset);
  return { cron: preset?.cron ?? text.cron.trim(), zone: text.zone.trim() };
}

/** What is wrong with a schedule, by the field that must change; undefined when it can be used. */
export function findScheduleProblem(
  calendar: FireCalendar,
  text: ScheduleText,
  now: number,
): { field: 'cron' | 'zone' | 'sharedSchedule'; message: string } | undefined {
  const schedule = findSchedule(text);
  if (text.preset === SHARED && schedule === undefined)
    return { field: 'sharedSchedule', message: 'Choose one of the shared schedules.' };
  if (schedule === undefined) return undefined;
  const check = calendar.checkCron(schedule.cron, schedule.zone, now);
  if (check.ok) return undefined;
  return { field: text.preset === SHARED ? 'sharedSchedule' : check.field, message: check.message };
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
function listUpcoming(calendar: FireCalendar, schedule: Schedule, now: number, count: number): FiresView {
  const fires = calendar.listNextFires(schedule, now, count);
  const through = Math.max(fires.at(-1) ?? now, now + CHANGES_AHEAD_MS);
  const notes = calendar.listClockChanges(schedule, now, through).slice(0, NOTES_SHOWN);
  const missing = calendar.describeMissingDates(schedule);
  return {
    words: calendar.describeCron(schedule),
    fires,
    zone: schedule.zone,
    notes: [...(missing === undefined ? [] : [missing]), ...notes.map((note) => note.text)],
  };
}

/** The next fires of a stored schedule; none where this system cannot read it any more. */
export function listStoredFires(calendar: FireCalendar, schedule: Schedule | undefined, now: number, count: number): FiresView {
  if (schedule === undefined || !calendar.checkCron(schedule.cron, schedule.zone, now).ok)
    return { fires: [], zone: 'UTC', notes: [] };
  return listUpcoming(calendar, schedule, now, count);
}

/** All zones this system knows, for the list behind the zone field. */
export function listZones(): readonly string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
}
