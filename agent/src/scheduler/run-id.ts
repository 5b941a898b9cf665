/** Ids of scheduled runs. */
import { deriveId, type HostId, type PlanId, type RunId } from '@holdfast/shared/domain/ids.ts';

/** A digest of at least 16 bytes without known collisions, such as SHA-256. */
export type Digest = (text: string) => Uint8Array;

/**
 * The id of the run that a fire makes: the same plan, host and instant always give the same id, so that one fire
 * can never become two runs, whoever computes it. `fireAt` is in epoch milliseconds.
 */
export function deriveRunId(planId: PlanId, hostId: HostId, fireAt: number, digest: Digest): RunId {
  return deriveId('run', fireAt, digest(`holdfast.run.v1\n${hostId}\n${planId}\n${fireAt}`));
}
