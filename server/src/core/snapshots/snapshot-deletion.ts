/** Deleting snapshots that people chose: all of them or none, and wherever else they lie where that was asked for. */
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { ALWAYS_KEPT } from '@holdfast/shared/domain/retention.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { createOrder, orderTerms } from '../runs/run-orders.ts';
import type { StartedRuns } from '../runs/runs.ts';
import { gatherBatches, shorten } from './snapshot-grounds.ts';
import { addCompanions, createRun, getThere, placeBatches, REMOVAL } from './snapshot-orders.ts';
import { listElsewhere } from './snapshot-places.ts';

/** What a person types to delete so many snapshots. */
export const phraseDeletion = (count: number): string => `delete ${count}`;

async function demandDeletable(context: CoreContext, caller: Caller, snapshots: readonly Snapshot[]): Promise<void> {
  const pinned = snapshots.find(({ pinnedAt }) => pinnedAt !== undefined);
  if (pinned) throw new AppError('precondition', `snapshot ${shorten(pinned)} is pinned; unpin it first. Nothing was deleted`);
  for (const some of Map.groupBy(snapshots, ({ source, repository }) => `${source} ${repository}`).values()) {
    const [first] = some;
    if (first === undefined) continue;
    const { source, repository } = first;
    const filter = { source, repository, proven: true } as const;
    const kept = (await context.store.snapshots.listSnapshots(caller.tenant, filter, { limit: ALWAYS_KEPT })).rows;
    const proven = some.find(({ id }) => kept.some((one) => one.id === id));
    if (proven)
      throw new AppError(
        'precondition',
        `snapshot ${shorten(proven)} is one of the last ${ALWAYS_KEPT} of its source that a drill proved; those stay. Nothing was deleted`,
      );
  }
}

export interface Deletion {
  snapshots: readonly SnapshotId[];
  /** What a person typed: `phraseDeletion` of the number of `snapshots`. */
  confirm: string;
  host?: HostId | undefined;
  /** The same backups go from wherever else they lie. */
  copies?: boolean | undefined;
}

/**
 * Orders the removal of these snapshots from their repositories, through the admin credential where there is one: then from the host that keeps
 * the repository up. Nothing is ordered unless all of them may go. Throws `invalid` for another word, `not_found`, and `precondition` for one that
 * is pinned, proven or gone already.
 */
export async function startDeletion(
  context: CoreContext,
  caller: Caller,
  { snapshots: ids, confirm, host: wanted, copies = false }: Deletion,
): Promise<StartedRuns> {
  demand(caller, 'repository.manage');
  const named = await getThere(context, caller, ids);
  const chosen = copies ? [...named, ...(await listElsewhere(context, caller, named))] : named;
  await demandDeletable(context, caller, chosen);
  const phrase = phraseDeletion(named.length);
  if (confirm !== phrase)
    throw createFieldsError({ confirm: `Confirmation: type ${phrase} to delete what cannot be brought back` });
  const all = await addCompanions(context, caller, chosen);
  const batches = await gatherBatches(context, caller, all, { ...REMOVAL, wanted });
  return await placeBatches(context, caller, 'snapshot.deletion_started', batches, (batch, ordered) => {
    const { host, repository } = batch;
    const run = createRun(context, caller, 'delete_snapshot', batch, repository.id);
    const order = createOrder(context, caller.tenant, host.id, 'delete_snapshot.start', {
      run: run.id,
      repository: orderRepository(context, host, run.id, repository, 'admin'),
      isAdmin: repository.admin !== undefined,
      snapshots: [...ordered],
      ...orderTerms(context, caller),
    });
    return { run, order, more: { withAdminCredential: repository.admin !== undefined, ...(copies ? { copies } : {}) } };
  });
}
