/** Dates that a schedule names and that some months do not have: no fire comes in those. */
import { MONTH_NAMES } from '@holdfast/shared/domain/calendar.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { type CronFields, findCronFields } from './cron-fields.ts';

/** Days of each month of a year that is no leap year. */
const LENGTHS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** They hold the longest time without a 29 February that there is. */
const YEARS = { from: Date.UTC(2095, 0, 1), to: Date.UTC(2106, 0, 1) };

/**
 * What a person would not expect of the schedule: months in which it does not fire although it names them, and the longest time between two of
 * its days. Undefined where every month it names has one of its days, or days of the week fill in.
 */
export function describeMissingDates({ cron }: Schedule): string | undefined {
  const fields = findCronFields(cron);
  if (!fields || fields.anyDayOfMonth || !fields.anyDayOfWeek) return undefined;
  const missing = fields.month.filter((month) => fields.dayOfMonth.every((day) => day > (LENGTHS[month - 1] ?? 0)));
  if (missing.length === 0) return undefined;
  const names = missing.map((month) => MONTH_NAMES[month - 1] ?? '');
  const hasLeapDay = fields.dayOfMonth.includes(29) && missing.includes(2);
  const where = `${joinNames(names)}${hasLeapDay ? ', but for leap years' : ''}`;
  const way = missing.length < fields.month.length || !hasLeapDay ? ' Write L for the last day of each month.' : '';
  return `No fire comes in ${where}: there is no such day. Up to ${describeDays(findLongestGap(fields))} pass between two fires.${way}`;
}

/** Whole days between two days on which it fires, at most. */
function findLongestGap({ month, dayOfMonth }: CronFields): number {
  let [last, longest] = [0, 0];
  for (let at = YEARS.from; at < YEARS.to; at += DAY_MS) {
    const date = new Date(at);
    if (!month.includes(date.getUTCMonth() + 1) || !dayOfMonth.includes(date.getUTCDate())) continue;
    if (last > 0) longest = Math.max(longest, (at - last) / DAY_MS);
    last = at;
  }
  return longest;
}

function describeDays(days: number): string {
  return days < 700 ? `${days} days` : `${Math.round(days / 365.25)} years`;
}

function joinNames(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
