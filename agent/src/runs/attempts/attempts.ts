/** When a failed attempt is followed by another one: only for causes that may pass by themselves, ever later, within a budget. */
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import type { Reason } from '@holdfast/shared/domain/reason.ts';
import type { Failure } from '@holdfast/shared/domain/run.ts';

/**
 * Causes that time alone may remove. A wrong password, a missing repository, a full one or damaged data stay what they are until a
 * person acts, and are not tried again: that would only hide them.
 */
const PASSING: ReadonlySet<Reason> = new Set<Reason>([
  'database_unreachable',
  'repository_unreachable',
  'repository_locked',
  'stalled',
  'dump_failed',
  // The host's own: what is left of its room is looked at anew before each attempt.
  'disk_full',
  // Ended from outside while the agent lived, as by a kernel that was short of memory.
  'interrupted',
  'unknown_failure',
]);

const LONGEST_WAIT_MS = 3_600_000;
/** Part of the wait that differs from run to run, so that a fleet does not come back at one instant. */
const JITTER = 0.25;

export function mayPass({ reason }: Failure): boolean {
  return reason !== undefined && PASSING.has(reason as Reason);
}

/**
 * Milliseconds from the failure of attempt number `attempt` (from 1) to the next one; undefined when the budget is spent.
 * `fraction` (0 ≤ x < 1) is the run's own.
 */
export function computeRetryMs(
  { attempts, retryAfterSeconds }: Pick<PlanOptions, 'attempts' | 'retryAfterSeconds'>,
  attempt: number,
  fraction: number,
): number | undefined {
  if (attempt >= attempts) return undefined;
  const wait = Math.min(LONGEST_WAIT_MS, retryAfterSeconds * 1000 * 2 ** (attempt - 1));
  return Math.round(wait * (1 + JITTER * fraction));
}

/** A fraction that belongs to an id: the same after a restart, another one for another run. FNV-1a, then the finalizer of MurmurHash3. */
export function toFraction(id: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
