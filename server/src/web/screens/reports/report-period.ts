/** What a report is of: a month, or the days that its address names. Days are those of UTC, as the figures of each day are. */
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Visit } from '../../http/route.ts';
import type { Urls } from '../../urls.ts';
import { findRange, readTypedDays, type TypedDays } from '../periods/day-range.ts';
import { findMonth, formatMonth } from '../periods/months.ts';

/** A year, with its leap day. */
const REPORT_DAYS_MOST = 366;

export interface ReportPeriod {
  /** `November 2026`, `2026-11-01 to 2026-11-07`. */
  name: string;
  /** Behind what was so then: `in November 2026`. */
  during: string;
  /** Epoch milliseconds; the end is the first instant that does not belong to it. */
  from: number;
  to: number;
  earlier: { label: string; href: string };
  /** What comes after it; may lie ahead. */
  later: { label: string; href: string };
  /** As it stands in the form. */
  typed: TypedDays;
}

const writeDay = (at: number): string => new Date(at).toISOString().slice(0, 10);

function toMonth(key: string, now: number, urls: Urls): ReportPeriod {
  const month = findMonth(key);
  if (month === undefined || month.from > now)
    throw new AppError('not_found', 'there is no report of this month; name one such as 2026-11');
  const { name, from, to } = month;
  return {
    ...{ name, from, to },
    during: `in ${name}`,
    earlier: { label: 'Month before', href: urls.report({ month: formatMonth(from - 1) }) },
    later: { label: 'Next month', href: urls.report({ month: formatMonth(to) }) },
    typed: { from: writeDay(from), to: writeDay(Math.min(to - 1, now)) },
  };
}

function toDays(from: number, to: number, urls: Urls): ReportPeriod {
  const [first, last] = [writeDay(from), writeDay(to - 1)];
  const shift = (by: number) => urls.reports({ from: writeDay(from + by), to: writeDay(to - 1 + by) });
  const span = to - from;
  return {
    ...{ from, to },
    name: first === last ? first : `${first} to ${last}`,
    during: first === last ? `on ${first}` : `from ${first} to ${last}`,
    earlier: { label: 'Days before', href: shift(-span) },
    later: { label: 'Days after', href: shift(span) },
    typed: { from: first, to: last },
  };
}

/** The present month, with what is wrong, where the days of the address cannot be told of. `not_found` for a path that names no month. */
export function readReportPeriod(visit: Visit, now: number): { period: ReportPeriod; problem?: string } {
  const { params, urls } = visit;
  const typed = readTypedDays(visit);
  if (params['month'] !== undefined) return { period: toMonth(params['month'], now, urls) };
  const present = toMonth(formatMonth(now), now, urls);
  if (typed.from === undefined && typed.to === undefined) return { period: present };
  const refuse = (problem: string) => ({ period: { ...present, typed }, problem });
  if (typed.from === undefined) return refuse('From: say the first day as well.');
  const range = findRange({ from: typed.from, to: typed.to ?? writeDay(now) }, 'UTC', now);
  if ('problem' in range) return refuse(range.problem);
  const { since = now, until = now } = range;
  if (until - since > REPORT_DAYS_MOST * DAY_MS) return refuse(`A report is of ${REPORT_DAYS_MOST} days at most.`);
  return { period: toDays(since, until, urls) };
}
