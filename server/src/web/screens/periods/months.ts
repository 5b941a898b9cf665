/** Months of reports, in UTC. */
import { MONTH_NAMES } from '@holdfast/shared/domain/calendar.ts';

const MONTH = /^(?<year>[1-9]\d{3})-(?<month>0[1-9]|1[0-2])$/u;

export interface Month {
  /** `2026-11`. */
  key: string;
  /** `November 2026`. */
  name: string;
  /** Epoch milliseconds; the end is the beginning of the next month. */
  from: number;
  to: number;
}

/** The month an instant lies in. */
export function formatMonth(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}

/** Undefined for what is no month. */
export function findMonth(key: string): Month | undefined {
  const groups = MONTH.exec(key)?.groups;
  if (groups === undefined) return undefined;
  const [year, month] = [Number(groups['year']), Number(groups['month'])];
  return { key, name: `${MONTH_NAMES[month - 1]} ${year}`, from: Date.UTC(year, month - 1), to: Date.UTC(year, month) };
}
