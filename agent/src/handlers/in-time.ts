/** Orders and questions have an end: what arrives after it is not carried out. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';

/** Throws with reason `expired` when `notAfter` (epoch milliseconds) has passed. */
export function assertInTime(clock: Pick<Clock, 'now'>, notAfter: number): void {
  if (clock.now() > notAfter) throw createReasonError('expired', 'This order reached the host after its end');
}
