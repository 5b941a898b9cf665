/** Windows as people type them, one a line: `22:00 to 06:00`, `Sat, Sun 08:00-20:00`, `Mon-Fri 20:00 to 06:00`. */
import { type Blackout, blackoutSchema } from '@holdfast/shared/domain/plan.ts';
import { joinDays, WEEK } from './window-words.ts';

const NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const SHOWN = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const LINE = /^(.*?)(\d{1,2}:\d{2})\s*(?:-|–|to)\s*(\d{1,2}:\d{2})$/u;

const padTime = (text: string) => text.padStart(5, '0');
/** Where in the week a day is by its name; three letters are enough. */
function findPlace(text: string): number | undefined {
  const day = NAMES.findIndex((name) => text.startsWith(name));
  return day < 0 ? undefined : WEEK.indexOf(day);
}

/** `Mon-Fri`, `Sat Sun`, nothing for every day; undefined for what names no days. */
function parseDays(text: string): number[] | undefined {
  const pieces = text
    .toLowerCase()
    .replaceAll(/\s*(?:-|–|\bto\b)\s*/gu, '-')
    .split(/[\s,]+/u)
    .filter((piece) => piece !== '');
  if (pieces.length === 0) return [...WEEK].sort();
  const days = new Set<number>();
  for (const piece of pieces) {
    const [first, last = first] = piece.split('-').map(findPlace);
    if (first === undefined || last === undefined || last < first) return undefined;
    for (const day of WEEK.slice(first, last + 1)) days.add(day);
  }
  return [...days].sort();
}

/** The windows of a text, or the first line that is none. */
export function parseWindowLines(text: string): { windows: Blackout[] } | { problem: string } {
  const windows: Blackout[] = [];
  for (const line of text.split(/\r?\n/u).map((one) => one.trim())) {
    if (line === '') continue;
    const [, before = '', from = '', to = ''] = LINE.exec(line) ?? [];
    const days = from === '' ? undefined : parseDays(before);
    const parsed = blackoutSchema.safeParse({ from: padTime(from), to: padTime(to), days });
    if (days === undefined || !parsed.success)
      return { problem: `“${line.slice(0, 60)}” is no window: write it as Mon-Fri 22:00 to 06:00` };
    windows.push(parsed.data);
  }
  return { windows };
}

/** `Mon-Fri `, `Sat, Sun `, nothing for every day. */
function writeDays(days: readonly number[]): string {
  return new Set(days).size === WEEK.length ? '' : `${joinDays(days, (day) => SHOWN[day] ?? '', '-')} `;
}

/** The same text again, a line for each. */
export function writeWindowLines(windows: readonly Blackout[]): string {
  return windows.map(({ from, to, days }) => `${writeDays(days)}${from} to ${to}`).join('\n');
}
