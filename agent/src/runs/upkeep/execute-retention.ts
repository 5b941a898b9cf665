/**
 * Removes what the server planned of a plan's snapshots in a repository that this host keeps up. The plan may be other hosts': all that can be
 * judged here is whether the repository holds what the server went by, and nothing goes where it does not.
 */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { findTags } from '@holdfast/shared/domain/snapshot.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { OrderedRemoval } from '@holdfast/shared/protocol/retention-orders.ts';
import type { JournaledRetention } from '../journaled-run.ts';
import type { ReadyRepository, SnapshotsExecution, SnapshotsResult } from './snapshots-execution.ts';
import { type OnLockLook, toRemovalFailure } from './upkeep-try.ts';

type Order = Pick<RequestBody<'retention.start'>, 'tenant' | 'plan' | 'removals'>;
type Stored = readonly { engineId: string; tags: readonly string[] }[];

const shorten = (engineId: string): string => engineId.slice(0, 8);

/**
 * Why nothing of this order may go, as a sentence; undefined where it may. What is named and not there any more is no reason. `pinned` are those that
 * this host knows a person pinned. Pure.
 */
export function findRetentionProblem(order: Order, stored: Stored, pinned: ReadonlySet<string>): string | undefined {
  const there = new Map(stored.map(({ engineId, tags }) => [engineId, tags]));
  const kept = new Set(order.removals.flatMap(({ keep }) => keep));
  for (const { source, host, remove, keep } of order.removals) {
    for (const { engineId } of remove) {
      if (kept.has(engineId)) return `snapshot ${shorten(engineId)} is to stay and to go`;
      if (pinned.has(engineId)) return `snapshot ${shorten(engineId)} is pinned`;
      const stands = there.get(engineId);
      if (stands === undefined) continue;
      const tags = findTags(stands);
      const fits = tags?.tenant === order.tenant && tags.plan === order.plan && tags.host === host && tags.source === source;
      if (!fits) return `snapshot ${shorten(engineId)} does not have the tags of this plan, host and source`;
    }
    const lost = keep.find((engineId) => !there.has(engineId));
    if (lost !== undefined) return `snapshot ${shorten(lost)}, which has to stay, is not in the repository`;
  }
  return undefined;
}

interface Removing {
  execution: SnapshotsExecution;
  body: JournaledRetention;
  ready: ReadyRepository;
  onLockLook: OnLockLook;
}

/** Tells of what is gone, so that the ledgers of this host and of the server know. */
function tellGone({ execution, body }: Removing, source: SourceId, gone: readonly { engineId: string; why: string }[]): void {
  const { workbench, recorder } = execution;
  for (let from = 0; from < gone.length; from += RUNS.removedPerEvent) {
    const some = gone.slice(from, from + RUNS.removedPerEvent);
    recorder.removed(source, some, () => {
      for (const { engineId } of some) workbench.journal.snapshots.setState(body.repository, engineId, 'removed');
    });
  }
}

async function removeOf(removing: Removing, removal: OrderedRemoval, there: ReadonlySet<string>): Promise<void> {
  const { execution, body, ready, onLockLook } = removing;
  const { workbench, recorder, signal } = execution;
  const { source, host, remove } = removal;
  const ledger = workbench.journal.snapshots;
  const ids = remove.flatMap(({ engineId }) => (there.has(engineId) ? [engineId] : []));
  recorder.log('info', `source ${source} of host ${host}: to remove: ${removal.going}; to stay: ${removal.staying} backups`);
  for (const { engineId, why } of remove) recorder.log('info', `removes ${shorten(engineId)}: ${why}`);
  tellGone(
    removing,
    source,
    remove.filter(({ engineId }) => !there.has(engineId)).map(({ engineId }) => ({ engineId, why: 'it was gone already' })),
  );
  if (ids.length === 0) return;
  ledger.markLeaving(body.repository, ids, recorder.run);
  const { gone, failure } = await ready.engine.forget({
    access: ready.prepared.access,
    pinnedId: body.order.repository.pinnedId,
    workDir: ready.workDir,
    engineIds: ids,
    tags: [`host:${host}`, `plan:${body.order.plan}`, `source:${source}`],
    signal,
    onLog: (level, text) => recorder.log(level, text),
    onLockLook,
  });
  const isGone = new Set(gone);
  tellGone(
    removing,
    source,
    remove.filter(({ engineId }) => isGone.has(engineId)),
  );
  ledger.markLeaving(
    body.repository,
    ids.filter((id) => !isGone.has(id)),
    undefined,
  );
  recorder.log('info', `removed from the repository: ${gone.length} of ${ids.length}; their space comes back when it is pruned`);
  if (!failure) return;
  const { reason, message } = toRemovalFailure(failure, true);
  throw createReasonError(reason, message);
}

/** What is held ends a run that removed nothing as skipped, and one that removed something as partial; all of it stands in the log. */
function endClean({ execution, body }: Removing): SnapshotsResult {
  const { removals, held } = body.order;
  for (const { message } of held) execution.recorder.log('warn', message);
  const [first] = held;
  if (first === undefined) return { state: 'succeeded', evidence: [], bytes: 0 };
  const asks = held.find(({ reason }) => reason === 'retention_asks') ?? first;
  const state = removals.length > 0 ? 'partial' : 'skipped';
  return { state, evidence: [], bytes: 0, thrown: createReasonError(asks.reason, asks.message), isTold: true };
}

/** Throws the reason for which it ends; what was removed before stays told. */
export async function removeByRetention(removing: Removing): Promise<SnapshotsResult> {
  const { execution, body, ready } = removing;
  const { recorder, spec, signal } = execution;
  const { order } = body;
  recorder.log('info', `retention of plan ${order.planName} by the policy ${order.policyName}`);
  if (order.removals.length === 0) {
    recorder.log('info', 'nothing to remove');
    return endClean(removing);
  }
  recorder.beginStage('forget');
  try {
    const { access } = ready.prepared;
    const listed = await ready.engine.listSnapshots({ access, workDir: ready.workDir, tags: [], signal });
    if (listed.failure) throw createReasonError(listed.failure.reason, listed.failure.message);
    const pinned = new Set(spec?.plans.flatMap((plan) => plan.pinned ?? []));
    const unread = listed.unreadable > 0 ? `${listed.unreadable} snapshots of the repository cannot be read` : undefined;
    const problem = unread ?? findRetentionProblem(order, listed.snapshots, pinned);
    if (problem !== undefined) throw createReasonError('retention_changed', `Nothing was removed: ${problem}`);
    const there = new Set(listed.snapshots.map(({ engineId }) => engineId));
    for (const removal of order.removals) await removeOf(removing, removal, there);
  } catch (error) {
    recorder.endStage('forget', false);
    throw error;
  }
  recorder.endStage('forget', true);
  return endClean(removing);
}
