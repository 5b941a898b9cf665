/** Whether a snapshot is being read whole, or is about to be. */
import type { RunId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { listRuns } from '../runs/runs.ts';

/** Readings that go on at the same time and are looked at; a host does one after the other. */
const LOOKED_AT = 20;

export interface OpenVerification {
  run: RunId;
  /** It has begun; otherwise it waits. */
  isRunning: boolean;
}

/** Of several the newest; undefined where none is asked for. */
export async function findOpenVerification(
  context: CoreContext,
  caller: Caller,
  snapshot: SnapshotId,
): Promise<OpenVerification | undefined> {
  const { rows } = await listRuns(context, caller, { kind: 'verify', active: true }, { limit: LOOKED_AT });
  for (const { id, state } of rows) {
    const named = await context.store.orders.listNamedSnapshots(caller.tenant, id);
    if (named.some((one) => one.id === snapshot)) return { run: id, isRunning: state !== 'queued' };
  }
  return undefined;
}
