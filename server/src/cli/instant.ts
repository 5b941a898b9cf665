/** Instants as people type them: a date, a date with its time and zone, an age, or the API's own milliseconds. */
import { createUsageError } from './exit.ts';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;
const AGE = /^(\d{1,5})([mhd])$/;
const MILLISECONDS = /^\d{10,15}$/;
/** A time without a zone would be another instant on another machine. */
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * A span of time in milliseconds: `90m`, `24h` or `7d`.
 * @throws CliError `usage`, naming the option
 */
export function parseSpan(option: string, text: string): number {
  const [, amount, unit] = AGE.exec(text) ?? [];
  if (amount !== undefined && Number(amount) > 0) return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  throw createUsageError(`--${option} takes a span of time such as 90m, 24h or 7d`);
}

/**
 * Epoch milliseconds. `24h` is so long before `now`; a date alone begins at midnight, UTC.
 * @throws CliError `usage`, naming the option
 */
export function parseInstant(option: string, text: string, now: number): number {
  const [, amount, unit] = AGE.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (MILLISECONDS.test(text)) return Number(text);
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at)) return at;
  throw createUsageError(`--${option} takes an age such as 90m, 24h or 7d, a date such as 2026-11-20, or 2026-11-20T02:00Z`);
}
