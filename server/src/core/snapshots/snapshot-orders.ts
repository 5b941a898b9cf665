/** Snapshots that people chose: read whole, or copy to a second repository. One run for each host that does it and each repository. */
import type { HostId, RepositoryId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { Order } from '../../store/orders.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import type { AuditAction } from '../audit-actions.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { demandReachableTogether } from '../repositories/joint-repositories.ts';
import { listGlobals } from '../restores/restore-roles.ts';
import { createOrder, createOrderedRun, orderTerms, placeNamingRun } from '../runs/run-orders.ts';
import type { StartedRuns } from '../runs/runs.ts';
import { type Batch, type Deed, demandOpened, gatherBatches, type Hands, previewHands, shorten } from './snapshot-grounds.ts';
import { listElsewhere } from './snapshot-places.ts';

/** Throws `limit` and `not_found`, and `precondition` for one that is gone from its repository. */
export async function getThere(context: CoreContext, caller: Caller, ids: readonly SnapshotId[]): Promise<readonly Snapshot[]> {
  const unique = [...new Set(ids)];
  if (unique.length === 0) throw createFieldsError({ snapshots: 'Snapshots: choose at least one' });
  if (unique.length > RUNS.snapshotsPerOrder)
    throw new AppError('limit', `at most ${RUNS.snapshotsPerOrder} snapshots can be chosen at once`, { retry: 'after_change' });
  const found: Snapshot[] = [];
  for (const id of unique) {
    const snapshot = await context.store.snapshots.findSnapshot(caller.tenant, id);
    if (!snapshot) throw new AppError('not_found', 'there is no such snapshot', { details: { snapshot: id } });
    if (snapshot.state === 'missing' || snapshot.state === 'removed')
      throw new AppError('precondition', `snapshot ${shorten(snapshot)} is gone from its repository`);
    found.push(snapshot);
  }
  return found;
}

type NamesOfHosts = ReadonlyMap<HostId, string>;

async function readMakers(context: CoreContext, caller: Caller, batches: readonly Batch[]): Promise<NamesOfHosts> {
  const ids = new Set(batches.flatMap(({ host, snapshots }) => snapshots.map((one) => one.host).filter((id) => id !== host.id)));
  return new Map((await context.store.hosts.findHosts(caller.tenant, [...ids])).map(({ id, name }) => [id, name]));
}

/** For the host `on`. Of what another host made it is told whose it is. */
function toOrdered({ on, makers }: { on: HostId; makers: NamesOfHosts }, snapshot: Snapshot): OrderedSnapshot {
  const madeBy = snapshot.host === on ? {} : { madeBy: makers.get(snapshot.host) ?? 'a host that is gone' };
  return { ...toKnown(snapshot), ...madeBy };
}

function toKnown({
  id,
  engineId,
  source,
  role,
  createdAt,
  sizeBytes,
  files,
  fileName,
  run,
  plan,
  state,
  adoptedAt,
}: Snapshot): OrderedSnapshot {
  return {
    id,
    engineId,
    source,
    role,
    createdAt,
    sizeBytes,
    ...(files === undefined ? {} : { files }),
    ...(fileName === undefined ? {} : { fileName }),
    run,
    ...(plan === undefined ? {} : { plan }),
    ...(state === 'partial' ? { isPartial: true } : {}),
    ...(adoptedAt === undefined ? {} : { isOrphan: true }),
  };
}

export function createRun(context: CoreContext, caller: Caller, kind: Run['kind'], batch: Batch, repository: RepositoryId): Run {
  const about = { kind, host: batch.host.id, plan: undefined, repository };
  const [only] = batch.snapshots;
  const snapshot = batch.snapshots.length === 1 && only ? { snapshot: only.id } : {};
  return { ...createOrderedRun(context, caller, about), ...snapshot };
}

async function recordStart(
  context: CoreContext,
  caller: Caller,
  action: AuditAction,
  run: Run,
  { repository, snapshots, host }: Batch,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const [only] = snapshots;
  const isOne = snapshots.length === 1 && only !== undefined;
  await recordAct(context, caller, {
    action,
    target: isOne
      ? { kind: 'snapshot', id: only.id, name: shorten(only) }
      : { kind: 'repository', id: repository.id, name: repository.name },
    change: { run: run.id, host: host.name, snapshots: snapshots.map(shorten), ...more },
  });
}

interface Prepared {
  run: Run;
  order: Order;
  /** What the audit says besides. */
  more?: Readonly<Record<string, unknown>>;
}

/** Places a run for each batch, as `prepare` makes it, and records it as `action`. */
export async function placeBatches(
  context: CoreContext,
  caller: Caller,
  action: AuditAction,
  batches: readonly Batch[],
  prepare: (batch: Batch, ordered: readonly OrderedSnapshot[]) => Prepared,
): Promise<StartedRuns> {
  const runs: Run[] = [];
  const makers = await readMakers(context, caller, batches);
  for (const batch of batches) {
    const terms = { on: batch.host.id, makers };
    const ordered = batch.snapshots.map((snapshot) => toOrdered(terms, snapshot));
    const { run, order, more } = prepare(batch, ordered);
    const named = ordered.map(({ id }) => id);
    await placeNamingRun(context, caller, run, order, named);
    await recordStart(context, caller, action, run, batch, more);
    runs.push(run);
  }
  return { runs };
}

/**
 * Orders the reading of these snapshots to their end: on `wanted`, else each on the host that made it, or on another one that holds the credential
 * anyway where that is away. Throws `not_found`, and `precondition` for one that is gone, whose repository is, or that no host can read.
 */
export async function startVerify(
  context: CoreContext,
  caller: Caller,
  { snapshots: ids, host: wanted }: { snapshots: readonly SnapshotId[]; host?: HostId | undefined },
): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const chosen = await getThere(context, caller, ids);
  const batches = await gatherBatches(context, caller, chosen, { ...READING, wanted });
  return await placeBatches(context, caller, 'snapshot.verify_started', batches, (batch, ordered) => {
    const { host, repository } = batch;
    const run = createRun(context, caller, 'verify', batch, repository.id);
    const order = createOrder(context, caller.tenant, host.id, 'verify.start', {
      run: run.id,
      repository: orderRepository(context, host, run.id, repository, 'everyday'),
      snapshots: [...ordered],
      ...orderTerms(context, caller),
    });
    return { run, order };
  });
}

const READING: Deed = { capability: 'verify.start' };
export const REMOVAL: Deed = { capability: 'delete_snapshot.start', isRemoval: true };
const describeCopy = (to: Repository): Deed => ({ capability: 'copy.start', forOthers: 'repository.contents', to });

/** Who would do this with these snapshots, and who else could. Errors as of ordering it. */
export async function previewAct(
  context: CoreContext,
  caller: Caller,
  act: 'verify' | 'delete' | 'copy',
  {
    snapshots: ids,
    repository,
    copies,
  }: { snapshots: readonly SnapshotId[]; repository?: RepositoryId | undefined; copies?: boolean | undefined },
): Promise<Hands> {
  demand(caller, act === 'delete' ? 'repository.manage' : 'run.start');
  const chosen = await getThere(context, caller, ids);
  if (act === 'verify') return await previewHands(context, caller, chosen, READING);
  if (act === 'delete') {
    const others = copies === true ? await listElsewhere(context, caller, chosen) : [];
    return await previewHands(context, caller, [...chosen, ...others], REMOVAL);
  }
  if (repository === undefined) throw createFieldsError({ repository: 'Repository: choose one to copy to' });
  return await previewHands(context, caller, chosen, describeCopy(await getSecond(context, caller, repository)));
}

/** The stored roles of a database server go with the backup they belong to. */
export async function addCompanions(
  context: CoreContext,
  caller: Caller,
  chosen: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  const all = new Map(chosen.map((snapshot) => [snapshot.id, snapshot]));
  for (const snapshot of chosen)
    for (const row of await listGlobals(context, caller, snapshot))
      if (row.state !== 'missing' && row.state !== 'removed') all.set(row.id, row);
  return [...all.values()];
}

async function getSecond(context: CoreContext, caller: Caller, id: RepositoryId): Promise<Repository> {
  const repository = await context.store.repositories.findRepository(caller.tenant, id);
  if (!repository) throw createFieldsError({ repository: 'Repository: there is no such repository' });
  demandOpened(repository);
  return repository;
}

/**
 * Orders copies of these snapshots to another repository, from `wanted` or as `startVerify` says; another host than the one that made a snapshot
 * must hold the credentials of both. What lies there already is found again and not copied twice. Throws `invalid` where they lie there,
 * `unsupported` for two repositories that one restic cannot reach together, `precondition` for what no clean run vouches for.
 */
export async function startCopy(
  context: CoreContext,
  caller: Caller,
  {
    snapshots: ids,
    repository: to,
    host: wanted,
  }: { snapshots: readonly SnapshotId[]; repository: RepositoryId; host?: HostId | undefined },
): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const second = await getSecond(context, caller, to);
  const named = await addCompanions(context, caller, await getThere(context, caller, ids));
  const chosen = named.toSorted((one, other) => one.createdAt - other.createdAt);
  const bad = chosen.find(({ state }) => state !== 'good' && state !== 'partial');
  if (bad) throw new AppError('precondition', `no clean run vouches for snapshot ${shorten(bad)}; it is not copied`);
  if (chosen.some(({ repository }) => repository === to))
    throw createFieldsError({ repository: 'Repository: a chosen snapshot lies in this repository; choose another one' });
  const batches = await gatherBatches(context, caller, chosen, { ...describeCopy(second), wanted });
  for (const { repository } of batches) demandReachableTogether(context, repository, second);
  return await placeBatches(context, caller, 'snapshot.copy_started', batches, (batch, ordered) => {
    const { host, repository, snapshots } = batch;
    const plans = new Set(snapshots.map(({ plan }) => plan));
    const [plan] = plans.size === 1 ? plans : [];
    const made = createRun(context, caller, 'copy', batch, second.id);
    const run: Run = { ...made, from: repository.id, ...(plan === undefined ? {} : { plan }) };
    const order = createOrder(context, caller.tenant, host.id, 'copy.start', {
      run: run.id,
      ...(plan === undefined ? {} : { plan }),
      from: orderRepository(context, host, run.id, repository, 'everyday', `${run.id}.from`),
      repository: orderRepository(context, host, run.id, second, 'everyday'),
      snapshots: [...ordered],
      ...orderTerms(context, caller),
    });
    return { run, order, more: { to: second.name } };
  });
}
