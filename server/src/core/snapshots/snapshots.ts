/** Snapshots as the ledger knows them. */
import type { SnapshotRecord } from '@holdfast/shared/domain/contents.ts';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { FoundPage, SortedPage } from '../../store/page.ts';
import type { Snapshot, SnapshotFilter } from '../../store/snapshots.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

export async function getSnapshot(context: CoreContext, caller: Caller, id: SnapshotId): Promise<Snapshot> {
  demand(caller, 'view');
  const snapshot = await context.store.snapshots.findSnapshot(caller.tenant, id);
  if (!snapshot) throw new AppError('not_found', 'there is no such snapshot');
  return snapshot;
}

/** What its host noted as it made the snapshot; of a copy: as it made the original. Empty where nothing was noted. */
export async function getSnapshotRecord(context: CoreContext, caller: Caller, id: SnapshotId): Promise<SnapshotRecord> {
  const snapshot = await getSnapshot(context, caller, id);
  return (await context.store.snapshots.findSnapshotRecord(caller.tenant, snapshot.copyOf ?? snapshot.id)) ?? {};
}

export async function listSnapshots(
  context: CoreContext,
  caller: Caller,
  filter: SnapshotFilter,
  page: SortedPage<SnapshotListOrder>,
): Promise<FoundPage<Snapshot>> {
  demand(caller, 'view');
  return context.store.snapshots.listSnapshots(caller.tenant, filter, page);
}
