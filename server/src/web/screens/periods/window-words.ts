/** Days of the week, and windows of hours on them, in words. */
import { DAY_NAMES } from '@holdfast/shared/domain/calendar.ts';
import type { Blackout } from '@holdfast/shared/domain/plan.ts';

/** Weeks begin on Monday; 0 is Sunday. */
export const WEEK: readonly number[] = [1, 2, 3, 4, 5, 6, 0];

/** In the order of the week; three and more in a row by the first and the last, with `to` between them. */
export function joinDays(days: readonly number[], nameOf: (day: number) => string, to: string): string {
  const places = WEEK.flatMap((day, place) => (days.includes(day) ? [place] : []));
  const names = places.map((place) => nameOf(WEEK[place] ?? 0));
  const isRow = places.length > 2 && (places.at(-1) ?? 0) - (places[0] ?? 0) === places.length - 1;
  return isRow ? `${names[0]}${to}${names.at(-1)}` : names.join(', ');
}

/** `every day`, `Monday to Friday`, `Saturday, Sunday`. */
export function describeDays(days: readonly number[]): string {
  const named = new Set(days).size;
  if (named === 0) return 'no day';
  return named === WEEK.length ? 'every day' : joinDays(days, (day) => DAY_NAMES[day] ?? '', ' to ');
}

/** `22:00 to 06:00 of the next day, Friday`. */
export function describeWindow({ from, to, days }: Blackout): string {
  return `${from} to ${to}${to <= from ? ' of the next day' : ''}, ${describeDays(days)}`;
}
