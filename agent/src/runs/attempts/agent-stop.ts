/**
 * The end of the agent in the middle of a run: a restart, an upgrade, a host that goes down. It is no person's cancel, so what is cut off
 * by it is neither ended in silence nor taken for wanted.
 */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { AppError } from '@holdfast/shared/errors.ts';

const STOP = createReasonError('interrupted', 'The agent was stopped in the middle of this run');

/** Ends what listens to the controller's signal because the agent ends. */
export function abortForStop(controller: AbortController): void {
  controller.abort(STOP);
}

/** What a run fails of that was cut off by the end of the agent; undefined when it was not, or was cancelled before. */
export function findStop({ reason }: AbortSignal): AppError | undefined {
  return reason === STOP ? STOP : undefined;
}
