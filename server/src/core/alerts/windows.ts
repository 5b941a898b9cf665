/**
 * Maintenance windows: while one is on, what is new is not raised, and what was raised before stays. With the end of the window whatever
 * still holds is raised by the next look. Of the server itself and of channels news is never held back: without them nothing is heard.
 */
import { createBlackoutCalendar } from '@holdfast/shared/domain/blackout.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { AlertRules, MaintenanceWindow } from './rules.ts';

/** Until when a window that is on at `now` lasts; undefined when it is not on. */
export function findWindowEnd(window: MaintenanceWindow, now: number): number | undefined {
  if (window.kind === 'once') return now >= window.fromAt && now < window.toAt ? window.toAt : undefined;
  const { from, to, days } = window;
  const calendar = createBlackoutCalendar([{ from, to, days }], openZone(window.zone));
  const clear = calendar.findClear(now) ?? Number.POSITIVE_INFINITY;
  return clear > now ? clear : undefined;
}

/** What a sign is about, as far as windows ask. */
export interface SignPlace {
  plans: readonly string[];
  tags: readonly string[];
}

/** Tells whether a window is on for something. */
export interface OpenWindows {
  readonly isEmpty: boolean;
  /** For a sign about several plans, only when a window is on for each of them. */
  covers(place: SignPlace): boolean;
}

export function listOpenWindows({ windows }: AlertRules, now: number): readonly MaintenanceWindow[] {
  return windows.filter((window) => findWindowEnd(window, now) !== undefined);
}

export function openWindows(rules: AlertRules, now: number): OpenWindows {
  const open = listOpenWindows(rules, now);
  const isForAll = open.some(({ plan, tag }) => plan === undefined && tag === undefined);
  const plans = new Set<string | undefined>(open.map(({ plan }) => plan));
  const tags = new Set<string | undefined>(open.map(({ tag }) => tag));
  return {
    isEmpty: open.length === 0,
    covers: (place) =>
      isForAll ||
      place.tags.some((tag) => tags.has(tag)) ||
      (place.plans.length > 0 && place.plans.every((plan) => plans.has(plan))),
  };
}

const keyOf = ({ scope, scopeId, subject, condition }: AlertSign): string => JSON.stringify([scope, scopeId, subject, condition]);

/** What may be known now of `signs`: those a window covers only where they stood `before`. */
export function holdBack(
  signs: readonly AlertSign[],
  before: readonly AlertSign[],
  windows: OpenWindows,
  placeOf: (sign: AlertSign) => SignPlace,
): readonly AlertSign[] {
  if (windows.isEmpty) return signs;
  const known = new Set(before.map(keyOf));
  return signs.filter((sign) => known.has(keyOf(sign)) || !windows.covers(placeOf(sign)));
}

/** The plan or the host that the subject of a sign names after its first word: `src_1 plan_2`, `fires host_3`. */
export function findSecondWord({ subject }: AlertSign): string | undefined {
  return subject.split(' ')[1];
}
