/** What a part of a run (one source) comes to, and how errors become its end. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import { type AppError, toAppError } from '@holdfast/shared/errors.ts';

export interface PartResult {
  source: SourceId;
  state: TerminalState;
  failure?: Failure | undefined;
  warnings: readonly string[];
  bytes: number;
  evidence: readonly Evidence[];
}

export function toFailure(error: AppError): Failure {
  const reason = findReason(error);
  return { code: error.code, message: error.message, ...(reason ? { reason } : {}) };
}

/** The end of a part whose work threw: cancelled when a person asked for it, failed otherwise. */
export function endPart(source: SourceId, thrown: unknown, cancelled: boolean, bytes = 0): PartResult {
  const error = toAppError(thrown);
  const state = cancelled || findReason(error) === ('cancelled' satisfies Reason) ? 'cancelled' : 'failed';
  return { source, state, failure: toFailure(error), warnings: [], bytes, evidence: [] };
}
