/** Days that a page is narrowed to, from one to another, as they stand in its address: `from=2026-11-01&to=2026-11-07`. */
import { openZone, type ZoneReader } from '@holdfast/shared/domain/wall-time.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { Visit } from '../../http/route.ts';
import { findText } from '../forms/form-values.ts';

const DAY = /^([1-9]\d{3})-(\d{2})-(\d{2})$/u;

/** As it was typed, both ends included. */
export interface TypedDays {
  from?: string | undefined;
  to?: string | undefined;
}

export interface DayRange {
  /** Epoch milliseconds: the first instant of the first day; undefined for all that was before. */
  since?: number | undefined;
  /** The first instant after the last day; undefined for all that comes. */
  until?: number | undefined;
}

function openKnownZone(zone: string): ZoneReader {
  try {
    return openZone(zone);
  } catch {
    return openZone('UTC');
  }
}

/** The first instant of a day in a zone, and that of the next one; undefined for what is no day of the calendar. */
function findDay(text: string, zone: ZoneReader): { begin: number; end: number } | undefined {
  const [, year, month, day] = DAY.exec(text) ?? [];
  if (day === undefined) return undefined;
  const wall = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (new Date(wall).toISOString().slice(0, 10) !== text) return undefined;
  const first = (at: number): number => {
    const reading = zone.readWall(at);
    return reading.kind === 'once' ? reading.at : reading.kind === 'twice' ? reading.first : reading.resumesAt;
  };
  return { begin: first(wall), end: first(wall + DAY_MS) };
}

/** While somebody types a year, a browser gives it leading zeros. */
const UNFINISHED = /^0\d{3}-\d{2}-\d{2}$/u;

/** An end that is not named, or still being typed, is left out. */
export function readTypedDays({ query }: Pick<Visit, 'query'>): TypedDays {
  const read = (name: 'from' | 'to'): string | undefined => {
    const text = findText(query, name)?.slice(0, 40);
    return text === undefined || UNFINISHED.test(text) ? undefined : text;
  };
  return { from: read('from'), to: read('to') };
}

/** The range in a zone, which both days belong to, and of it at most the newest `recentMs`; or what is wrong with it, for people. */
export function findRange({ from, to }: TypedDays, zone: string, now: number, recentMs?: number): DayRange | { problem: string } {
  const reader = openKnownZone(zone);
  const refuse = (word: string, text: string) => ({ problem: `${word}: “${text}” is no day; write it as 2026-11-21.` });
  const first = from === undefined ? undefined : findDay(from, reader);
  if (from !== undefined && first === undefined) return refuse('From', from);
  const last = to === undefined ? undefined : findDay(to, reader);
  if (to !== undefined && last === undefined) return refuse('To', to);
  if (first !== undefined && first.begin > now) return { problem: `From: ${from} has not begun yet.` };
  if (first !== undefined && last !== undefined && last.begin < first.begin)
    return { problem: `The days are the wrong way round: ${from} is after ${to}.` };
  // Whole minutes, so that a live update asks for the same as the page did.
  const recent = recentMs === undefined ? [] : [Math.floor((now - recentMs) / 60_000) * 60_000];
  const begins = first === undefined ? recent : [first.begin, ...recent];
  return { since: begins.length === 0 ? undefined : Math.max(...begins), until: last?.end };
}
