/** Fires that were missed are caught up a little after the host is back, each plan and host at its own moment. */
import type { DueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { findCatchUpAt } from '@holdfast/shared/domain/spread.ts';
import type { DueFires } from './due-fires.ts';
import type { PlanWatch } from './plan-watch.ts';

/** A fire that becomes a run later than this after it came due is `late`; a clock that moves by more than this has jumped. */
export const LATE_AFTER_MS = 2 * 60_000;

/**
 * When missed fires are to be caught up, as long as that is still to come; undefined when nothing was missed, or it is time. Those that
 * would be too late by then, because of their grace or a blackout window, are not made to wait.
 */
export function findCatchUp(
  plan: SpecPlan,
  host: HostId,
  { graceMs, blackout }: DueTimes,
  { ripe }: DueFires,
  { before, windowMs, now }: { before: number | undefined; windowMs: number; now: number },
): PlanWatch['catchUp'] {
  const newest = ripe.findLast((fire) => fire.fate === 'due');
  if (newest?.fate !== 'due' || now - newest.dueAt <= LATE_AFTER_MS || !plan.options.catchUp) return undefined;
  const at = Math.min(before ?? Number.POSITIVE_INFINITY, findCatchUpAt(host, plan.id, Math.min(windowMs, graceMs / 10), now));
  const begins = blackout.findClear(at);
  if (at <= now || begins === undefined || begins - newest.dueAt >= graceMs) return undefined;
  return { fireAt: newest.fireAt, at };
}
