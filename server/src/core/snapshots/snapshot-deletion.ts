/** Deleting snapshots that people chose: all of them or none, and wherever else they lie where that was asked for. */
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { ALWAYS_KEPT } from '@holdfast/shared/domain/retention.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { createOrder, orderTerms, PATIENT_LIFE_MS } from '../runs/run-orders.ts';
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

function demandNotOrdered(snapshots: readonly Snapshot[]): void {
  const pending = snapshots.find(({ deletingRun }) => deletingRun !== undefined);
  if (pending)
    throw new AppError(
      'precondition',
      `the deletion of snapshot ${shorten(pending)} is ordered already. Nothing else was ordered`,
    );
}

/** Deletions that have not ended and are looked at, the newest; hosts do one after the other. */
const LOOKED_AT = 50;

/** Snapshots of which a deletion is ordered and has not ended. */
export async function listLeaving(context: CoreContext, { tenant }: Pick<Caller, 'tenant'>): Promise<ReadonlySet<SnapshotId>> {
  const { runs, orders } = context.store;
  const { rows } = await runs.listRuns(tenant, { kind: 'delete_snapshot', active: true }, { limit: LOOKED_AT });
  const named: SnapshotId[] = [];
  for (const { id } of rows) for (const snapshot of await orders.listNamedSnapshots(tenant, id)) named.push(snapshot.id);
  return new Set(named);
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
 * Orders the removal of these snapshots from their repositories; the order waits for a host that is away (`PATIENT_LIFE_MS`), and until it has ended
 * they are offered for no restore. It goes through the admin credential where there is one: then from the host that keeps
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
  demandNotOrdered(named);
  const others = copies ? await listElsewhere(context, caller, named) : [];
  const chosen = [...named, ...others.filter(({ deletingRun }) => deletingRun === undefined)];
  await demandDeletable(context, caller, chosen);
  const phrase = phraseDeletion(named.length);
  if (confirm !== phrase)
    throw createFieldsError({ confirm: `Confirmation: type ${phrase} to delete what cannot be brought back` });
  const all = await addCompanions(context, caller, chosen);
  const batches = await gatherBatches(context, caller, all, { ...REMOVAL, wanted });
  const started = await placeBatches(context, caller, 'snapshot.deletion_started', batches, (batch, ordered) => {
    const { host, repository } = batch;
    const run = createRun(context, caller, 'delete_snapshot', batch, repository.id);
    const order = createOrder(context, caller.tenant, host.id, 'delete_snapshot.start', {
      run: run.id,
      repository: orderRepository(context, host, run.id, repository, 'admin'),
      isAdmin: repository.admin !== undefined,
      snapshots: [...ordered],
      ...orderTerms(context, caller, PATIENT_LIFE_MS),
    });
    return { run, order, more: { withAdminCredential: repository.admin !== undefined, ...(copies ? { copies } : {}) } };
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.snapshots });
  return started;
}
