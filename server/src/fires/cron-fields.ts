/** The five fields of an expression as sets of numbers, for saying in words what they mean. */

export interface CronFields {
  minute: readonly number[];
  hour: readonly number[];
  dayOfMonth: readonly number[];
  month: readonly number[];
  /** 0 is Sunday. */
  dayOfWeek: readonly number[];
  /** Fields written as a star, which leave the choice to the others. */
  anyDayOfMonth: boolean;
  anyDayOfWeek: boolean;
  anyHour: boolean;
}

export const FIELD_NAMES = ['minute', 'hour', 'day of month', 'month', 'day of week'] as const;

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface Range {
  low: number;
  high: number;
  names: readonly string[];
  nameOffset: number;
}

const RANGES: readonly Range[] = [
  { low: 0, high: 59, names: [], nameOffset: 0 },
  { low: 0, high: 23, names: [], nameOffset: 0 },
  { low: 1, high: 31, names: [], nameOffset: 0 },
  { low: 1, high: 12, names: MONTHS, nameOffset: 1 },
  { low: 0, high: 7, names: DAYS, nameOffset: 0 },
];

/** The fields, or undefined where they use marks such as L, W or # that have no plain set. */
export function findCronFields(cron: string): CronFields | undefined {
  const texts = cron.trim().toUpperCase().split(/\s+/u);
  if (texts.length !== RANGES.length) return undefined;
  const sets = texts.map((text, index) => {
    const range = RANGES[index];
    return range && readField(text, range);
  });
  const [minute, hour, dayOfMonth, month, week] = sets;
  if (!minute || !hour || !dayOfMonth || !month || !week) return undefined;
  const dayOfWeek = [...new Set(week.map((day) => day % 7))].sort((a, b) => a - b);
  return {
    minute,
    hour,
    dayOfMonth,
    month,
    dayOfWeek,
    anyDayOfMonth: texts[2] === '*' || texts[2] === '?',
    anyDayOfWeek: texts[4] === '*' || texts[4] === '?',
    anyHour: hour.length === 24,
  };
}

function readField(text: string, range: Range): number[] | undefined {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const numbers = readPart(part, range);
    if (!numbers) return undefined;
    for (const number of numbers) found.add(number);
  }
  return [...found].sort((a, b) => a - b);
}

function readPart(part: string, range: Range): number[] | undefined {
  const match = /^(?:(\*|\?)|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:\/(\d{1,2}))?$/u.exec(part);
  if (!match) return undefined;
  const [, star, from, to, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  const low = star ? range.low : readNumber(from ?? '', range);
  const high = star ? range.high : to === undefined ? low : readNumber(to, range);
  if (low === undefined || high === undefined || step < 1 || low > high) return undefined;
  const numbers: number[] = [];
  for (let number = low; number <= high; number += step) numbers.push(number);
  return numbers;
}

function readNumber(text: string, range: Range): number | undefined {
  const name = range.names.indexOf(text);
  const number = name >= 0 ? name + range.nameOffset : /^\d{1,2}$/u.test(text) ? Number(text) : Number.NaN;
  return number >= range.low && number <= range.high ? number : undefined;
}
