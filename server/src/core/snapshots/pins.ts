/** Pinned snapshots: they stay whatever their plan's policy says, until somebody unpins them. */
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { recordAct } from '../audit.ts';
import type { AuditAction } from '../audit-actions.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import type { CoreContext } from '../ports.ts';
import { placeCancellation } from '../runs/run-orders.ts';
import { getSnapshot } from './snapshots.ts';

async function tell(context: CoreContext, caller: Caller, snapshot: Snapshot, action: AuditAction): Promise<Snapshot> {
  const { id, engineId, host, run, source } = snapshot;
  await recordAct(context, caller, {
    action,
    target: { kind: 'snapshot', id, name: engineId.slice(0, 8) },
    change: { source, run },
  });
  await context.store.hosts.bumpSpec(caller.tenant, [host]);
  context.directory.wake(host);
  for (const topic of [TOPICS.snapshots, TOPICS.plans]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return snapshot;
}

const RUNS_READ = 20;

/** Ends deletions by another host that name the snapshot: only the one that made it hears of the pin. */
async function stopDeletions(context: CoreContext, caller: Caller, { id, host, repository }: Snapshot): Promise<void> {
  const { runs, orders } = context.store;
  const { rows } = await runs.listRuns(
    caller.tenant,
    { repository, kind: 'delete_snapshot', active: true },
    { limit: RUNS_READ },
  );
  for (const run of rows) {
    if (run.host === host) continue;
    const named = await orders.listNamedSnapshots(caller.tenant, run.id);
    if (named.some((one) => one.id === id)) await placeCancellation(context, caller, run);
  }
}

/**
 * Ends removals of the plan that were planned before the pin: the host that carries them out may not have the plan in its settings, and hears of no
 * pin. What else was to go is planned anew.
 */
async function stopRemovals(context: CoreContext, caller: Caller, snapshot: Snapshot): Promise<void> {
  await stopDeletions(context, caller, snapshot);
  const { plan } = snapshot;
  if (plan === undefined) return;
  const { store } = context;
  const { rows } = await store.runs.listRuns(caller.tenant, { plan, kind: 'forget', active: true }, { limit: RUNS_READ });
  for (const run of rows) {
    const repository = await store.repositories.findRepository(caller.tenant, run.repository);
    if (repository?.admin !== undefined) await placeCancellation(context, caller, run);
  }
}

/**
 * Pins a snapshot and what its run stored beside it of the same source. `precondition` for one that is gone, `limit` when its plan has
 * too many pins or its host's settings no room for another.
 */
export async function pinSnapshot(context: CoreContext, caller: Caller, id: SnapshotId): Promise<Snapshot> {
  demand(caller, 'plan.manage');
  const before = await getSnapshot(context, caller, id);
  if (before.pinnedAt !== undefined) return before;
  const { host, plan, engineId } = before;
  if (plan !== undefined) await demandSpecFits(context, caller, [host], { pin: { host, plan, engineId } });
  const pin = { at: context.clock.now(), by: caller.actor.name, most: RUNS.pinnedPerPlan };
  const pinned = await context.store.snapshots.pinSnapshot(caller.tenant, id, pin);
  await stopRemovals(context, caller, pinned);
  return tell(context, caller, pinned, 'snapshot.pinned');
}

/** Leaves the snapshot to its plan's policy again; one that is not pinned stays as it is. */
export async function unpinSnapshot(context: CoreContext, caller: Caller, id: SnapshotId): Promise<Snapshot> {
  demand(caller, 'plan.manage');
  const before = await getSnapshot(context, caller, id);
  if (before.pinnedAt === undefined) return before;
  return tell(context, caller, await context.store.snapshots.unpinSnapshot(caller.tenant, id), 'snapshot.unpinned');
}
