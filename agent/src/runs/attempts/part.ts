/** What a part of a run (one source) comes to, and how errors become its end. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import { combineParts, type Evidence, type Failure, type TerminalState } from '@holdfast/shared/domain/run.ts';
import { type AppError, toAppError } from '@holdfast/shared/errors.ts';
import { findStop } from './agent-stop.ts';

export interface PartResult {
  source: SourceId;
  state: TerminalState;
  failure?: Failure | undefined;
  warnings: readonly string[];
  bytes: number;
  evidence: readonly Evidence[];
  /** Where file systems are mounted in what was backed up. */
  volumes?: readonly string[] | undefined;
}

export function toFailure(error: AppError): Failure {
  const reason = findReason(error);
  return { code: error.code, message: error.message, ...(reason ? { reason } : {}) };
}

/**
 * The end of a part whose work threw: cancelled when a person asked for it through `signal`, failed otherwise. What the end of the agent cut off
 * failed of that, whatever its tools said as they were ended.
 */
export function endPart(source: SourceId, thrown: unknown, signal?: AbortSignal): PartResult & { failure: Failure } {
  const stop = signal && findStop(signal);
  if (stop) return { source, state: 'failed', failure: toFailure(stop), warnings: [], bytes: 0, evidence: [] };
  const error = toAppError(thrown);
  const state = signal?.aborted || findReason(error) === ('cancelled' satisfies Reason) ? 'cancelled' : 'failed';
  return { source, state, failure: toFailure(error), warnings: [], bytes: 0, evidence: [] };
}

/** What the journal keeps of a part that has ended. */
export interface EndedPart {
  source: SourceId;
  state: TerminalState;
  failure?: Failure | undefined;
  evidence?: readonly Evidence[] | undefined;
  bytes?: number | undefined;
}

export interface PartsSummary {
  state: TerminalState;
  /** Why the run is not clean: of a part that failed before that of any other. */
  failure: Failure | undefined;
  /** Each check once, failed when it failed for any part. */
  evidence: Evidence[];
  bytes: number;
}

/** What a run comes to by what its parts came to. */
export function summariseParts(parts: readonly EndedPart[]): PartsSummary {
  const state = combineParts(parts.map((part) => part.state));
  const failures = parts.filter((part) => part.failure);
  const checks = new Map<Evidence['check'], Evidence>();
  for (const entry of parts.flatMap((part) => part.evidence ?? [])) {
    const before = checks.get(entry.check);
    if (!before || (before.ok && !entry.ok)) checks.set(entry.check, entry);
  }
  return {
    state,
    failure: state === 'succeeded' ? undefined : (failures.find((part) => part.state === 'failed') ?? failures[0])?.failure,
    evidence: [...checks.values()],
    bytes: parts.reduce((sum, part) => sum + (part.bytes ?? 0), 0),
  };
}
