/** The time a plan gives its runs, waits between attempts included. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Workbench } from '../workbench.ts';
import { findStop } from './agent-stop.ts';
import { type PartResult, toFailure } from './part.ts';

export interface TimeLimit {
  /** Aborted by a person's cancel or when the time is over. */
  signal: AbortSignal;
  /** Whether something that begins after `ms` would still be within the limit. */
  allows(ms: number): boolean;
  /** A part that was stopped because the time was over failed of it; nobody cancelled it. */
  judge(part: PartResult): PartResult;
  stop(): void;
}

/** `startedAt` in epoch milliseconds; `minutes` 0 for no limit. `cancel` is the signal of a person. */
export function startTimeLimit(
  workbench: Pick<Workbench, 'clock' | 'setTimer'>,
  startedAt: number,
  minutes: number,
  cancel: AbortSignal,
): TimeLimit {
  const over = new AbortController();
  // A clock that was set meanwhile makes neither a run endless nor a fresh one late: what is left is at most the whole.
  const wholeMs = minutes * 60_000;
  const leftMs = Math.min(wholeMs, Math.max(0, startedAt + wholeMs - workbench.clock.now()));
  const endsAt = workbench.clock.monotonicMs() + leftMs;
  const stop = minutes === 0 ? () => undefined : workbench.setTimer(leftMs, () => over.abort());
  return {
    signal: AbortSignal.any([cancel, over.signal]),
    allows: (ms) => minutes === 0 || workbench.clock.monotonicMs() + ms < endsAt,
    judge(part) {
      if (part.state !== 'cancelled' || (cancel.aborted && !findStop(cancel)) || !over.signal.aborted) return part;
      const error = createReasonError('timed_out', `This run took longer than ${minutes} minutes and was ended`);
      return { ...part, state: 'failed', failure: toFailure(error) };
    },
    stop,
  };
}
