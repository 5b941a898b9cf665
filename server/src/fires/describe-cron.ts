/** A schedule in plain words, so that whoever typed it sees what it will do. */
import { DAY_NAMES, MONTH_NAMES } from '@holdfast/shared/domain/calendar.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { type CronFields, findCronFields } from './cron-fields.ts';

/** More times of day than this are told as minutes and hours. */
const LISTED_TIMES = 6;

/** Such as "every day at 02:00, Europe/Berlin". An expression without plain words is quoted as it is. */
export function describeCron({ cron, zone }: Schedule): string {
  const fields = findCronFields(cron);
  if (!fields) return `by the expression "${cron.trim().split(/\s+/u).join(' ')}", ${zone}`;
  const days = describeDays(fields);
  const times = describeTimes(fields);
  const everyDay = days === 'every day';
  const text = fields.anyHour ? (everyDay ? times : `${times}, ${days}`) : `${days} ${times}`;
  return `${text}, ${zone}`;
}

function describeTimes({ minute, hour, anyHour }: CronFields): string {
  if (anyHour) return describeMinutes(minute);
  if (minute.length * hour.length <= LISTED_TIMES) {
    return `at ${joinWords(hour.flatMap((h) => minute.map((m) => formatTime(h, m))))}`;
  }
  return `${describeMinutes(minute)}, in the ${hour.length === 1 ? 'hour' : 'hours'} ${joinWords(listRanges(hour).map(([from, to]) => formatHours(from, to)))}`;
}

function describeMinutes(minute: readonly number[]): string {
  if (minute.length === 60) return 'every minute';
  const step = findStep(minute, 60);
  if (step !== undefined && minute[0] === 0) return `every ${step} minutes`;
  if (minute.length === 1) return minute[0] === 0 ? 'every hour' : `every hour at ${pad(minute[0] ?? 0)} minutes past`;
  return `every hour at ${joinWords(minute.map(pad))} minutes past`;
}

function describeDays({ dayOfMonth, month, dayOfWeek, anyDayOfMonth, anyDayOfWeek }: CronFields): string {
  const weekdays = anyDayOfWeek ? undefined : describeWeekdays(dayOfWeek);
  const dates = anyDayOfMonth ? undefined : `on day ${joinWords(dayOfMonth.map(String))}`;
  const months = month.length === 12 ? undefined : joinWords(month.map((number) => MONTH_NAMES[number - 1] ?? ''));
  const which = dates && weekdays ? `${dates} of the month and also ${weekdays}` : (dates ?? weekdays ?? 'every day');
  if (months) return `${which} ${dates && !weekdays ? 'of' : 'in'} ${months}`;
  return dates && !weekdays ? `${dates} of every month` : which;
}

function describeWeekdays(days: readonly number[]): string {
  const key = days.join('');
  if (days.length === 7) return 'every day';
  if (key === '12345') return 'Monday to Friday';
  if (key === '06') return 'every Saturday and Sunday';
  return `every ${joinWords(days.map((day) => DAY_NAMES[day] ?? ''))}`;
}

/** The distance of numbers that go round a circle of `size` evenly; undefined when they do not. */
function findStep(numbers: readonly number[], size: number): number | undefined {
  const step = (numbers[1] ?? 0) - (numbers[0] ?? 0);
  if (numbers.length < 2 || step * numbers.length !== size) return undefined;
  return numbers.every((number, index) => number === (numbers[0] ?? 0) + index * step) ? step : undefined;
}

function listRanges(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

function formatHours(from: number, to: number): string {
  return from === to ? `${pad(from)}` : `${pad(from)} to ${pad(to)}`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

function formatTime(hour: number, minute: number): string {
  return `${pad(hour)}:${pad(minute)}`;
}

function joinWords(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
