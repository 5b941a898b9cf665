/** What the scheduler keeps in mind of one plan between two looks; all of it can be computed again. */
import type { DueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { findDueAt, RIPE_FIRES, type WaitingFires } from './due-fires.ts';
import { listFires } from './next-fire.ts';

export interface PlanWatch {
  /** What the computed instants depend on. */
  key: string;
  /** Undefined for a plan whose schedule cannot be read. */
  times: DueTimes | undefined;
  /** When to look at the plan again, epoch milliseconds; infinite when nothing comes any more. */
  wakeAt: number;
  /** Fires whose time has come and that a blackout window keeps back, oldest first. */
  held: readonly number[];
  waiting: WaitingFires;
  /** Fires that were missed wait for this instant to be caught up; undefined when there are none. */
  catchUp: { fireAt: number; at: number } | undefined;
}

/**
 * Fires that waited as the plan's options changed. One that was not due yet comes due at the change at the earliest, so that a
 * shorter spread or a window taken away does not make it late, or too old to run.
 */
export function findWaiting(before: PlanWatch | undefined, schedule: Schedule, baseline: number, now: number): WaitingFires {
  const times = before?.times;
  if (before === undefined || times === undefined) return new Map();
  const fires = listFires(schedule, Math.max(baseline, now - times.spreadMs - 2 * times.graceMs), now, RIPE_FIRES);
  return new Map(fires.map((fireAt) => [fireAt, Math.min(findDueAt(fireAt, times, before.waiting) ?? now, now)]));
}
