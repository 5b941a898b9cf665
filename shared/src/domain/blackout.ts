/**
 * Blackout windows of a plan. An instant is black while a clock on the wall of the plan's zone shows a time inside a window.
 * So an hour that comes twice is black both times, one that does not come is left out, and no rule about the nights on which
 * clocks change has to be remembered. Windows include their beginning and exclude their end.
 */
import { DAY_MS, MINUTE_MS, WEEK_MS } from '../durations.ts';
import type { Blackout } from './plan.ts';
import type { ZoneReader } from './wall-time.ts';

/** The first of January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4;

/** A stretch of the week in milliseconds since Sunday 00:00 on the wall; one over the end of the week ends after it. */
interface Stretch {
  from: number;
  to: number;
}

export interface BlackoutCalendar {
  /** There is no window at all. */
  readonly isEmpty: boolean;
  /** No instant is clear: every minute of the week is in a window. */
  readonly coversWeek: boolean;
  /** The first instant from `at` on that is not black, `at` itself included; undefined when none ever comes. */
  findClear(at: number): number | undefined;
  /** The first of the instants before `at` that are all black; `at` itself when the one before it is not. */
  findBlackSince(at: number): number;
}

/** Whether windows leave no minute of the week, so that nothing ever begins. */
export function coversWeek(blackouts: readonly Blackout[]): boolean {
  return isWholeWeek(mergeStretches(blackouts));
}

export function createBlackoutCalendar(blackouts: readonly Blackout[], zone: ZoneReader): BlackoutCalendar {
  const stretches = mergeStretches(blackouts);
  const always = isWholeWeek(stretches);
  const find = (at: number): { since: number; left: number } | undefined => findStretch(stretches, at + zone.offsetMs(at));
  return {
    isEmpty: stretches.length === 0,
    coversWeek: always,
    findClear(at) {
      if (always) return undefined;
      let clear = at;
      for (let inside = find(clear); inside !== undefined; inside = find(clear)) {
        // A day at a time, so that two changes of the clocks never cancel out unseen.
        const end = clear + Math.min(inside.left, DAY_MS);
        clear = findChange(zone, clear, end) ?? end;
      }
      return clear;
    },
    findBlackSince(at) {
      if (always) return Number.NEGATIVE_INFINITY;
      let since = at;
      for (let inside = find(since - 1); inside !== undefined; inside = find(since - 1)) {
        const begin = since - 1 - Math.min(inside.since, DAY_MS);
        since = findChange(zone, begin, since - 1) ?? begin;
      }
      return since;
    },
  };
}

function mergeStretches(blackouts: readonly Blackout[]): readonly Stretch[] {
  const all = blackouts
    .flatMap(({ from, to, days }) => {
      const begin = readTimeOfDay(from);
      const end = readTimeOfDay(to);
      return days.map((day) => ({ from: day * DAY_MS + begin, to: day * DAY_MS + (end > begin ? end : end + DAY_MS) }));
    })
    .sort((a, b) => a.from - b.from);
  const merged: Stretch[] = [];
  for (const stretch of all) {
    const last = merged.at(-1);
    if (last !== undefined && stretch.from <= last.to) last.to = Math.max(last.to, stretch.to);
    else merged.push({ ...stretch });
  }
  return joinEnds(merged);
}

/** What reaches over the end of the week meets what stands at its beginning. */
function joinEnds(merged: Stretch[]): readonly Stretch[] {
  const last = merged.at(-1);
  if (last === undefined) return merged;
  for (let [first] = merged; first !== undefined && merged.length > 1 && first.from + WEEK_MS <= last.to; [first] = merged) {
    last.to = Math.max(last.to, first.to + WEEK_MS);
    merged.shift();
  }
  return merged;
}

function isWholeWeek(stretches: readonly Stretch[]): boolean {
  const [only] = stretches;
  return only !== undefined && only.to - only.from >= WEEK_MS;
}

/** How long the stretch around a wall time has been there and how much of it is left; undefined outside all. */
function findStretch(stretches: readonly Stretch[], wall: number): { since: number; left: number } | undefined {
  const ofWeek = (((wall + EPOCH_WEEKDAY * DAY_MS) % WEEK_MS) + WEEK_MS) % WEEK_MS;
  for (const { from, to } of stretches) {
    for (const time of [ofWeek, ofWeek + WEEK_MS]) {
      if (time >= from && time < to) return { since: time - from, left: to - time };
    }
  }
  return undefined;
}

/** The first instant in (after, through] with another offset than `after` has; undefined when both ends have the same. */
function findChange(zone: ZoneReader, after: number, through: number): number | undefined {
  const offset = zone.offsetMs(after);
  if (zone.offsetMs(through) === offset) return undefined;
  let before = after;
  let changed = through;
  while (changed - before > 1) {
    const middle = Math.floor((before + changed) / 2);
    if (zone.offsetMs(middle) === offset) before = middle;
    else changed = middle;
  }
  return changed;
}

/** `07:30` in milliseconds since midnight; its shape is the schema's matter. */
function readTimeOfDay(text: string): number {
  return (Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))) * MINUTE_MS;
}
