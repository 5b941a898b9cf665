/** Snapshots that people chose: read whole, delete, copy to a second repository. One run for each host and repository that has some. */
import type { RepositoryId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Capability } from '@holdfast/shared/protocol/capabilities.ts';
import type { OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { Repository } from '../store/catalog.ts';
import type { Host } from '../store/hosts.ts';
import type { Order, Run, Snapshot } from '../store/runs.ts';
import { createFieldsError } from './adapter-input.ts';
import { orderRepository } from './admin-credential.ts';
import { demandCapability } from './agent-ability.ts';
import { recordAct } from './audit.ts';
import { type Caller, demand } from './caller.ts';
import { demandReachableTogether } from './joint-repositories.ts';
import type { CoreContext } from './ports.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from './run-orders.ts';
import type { StartedRuns } from './runs.ts';

/** Snapshots that were proven and stay: the last two of each source in each repository. */
const PROVEN_KEPT = 2;

/** What one run is about. */
interface Batch {
  host: Host;
  repository: Repository;
  snapshots: readonly Snapshot[];
}

const shorten = ({ engineId }: Pick<Snapshot, 'engineId'>): string => engineId.slice(0, 8);

async function getThere(context: CoreContext, caller: Caller, ids: readonly SnapshotId[]): Promise<readonly Snapshot[]> {
  const unique = [...new Set(ids)];
  if (unique.length === 0) throw createFieldsError({ snapshots: 'Snapshots: choose at least one' });
  if (unique.length > RUNS.snapshotsPerOrder)
    throw new AppError('limit', `at most ${RUNS.snapshotsPerOrder} snapshots can be chosen at once`, { retry: 'after_change' });
  const found: Snapshot[] = [];
  for (const id of unique) {
    const snapshot = await context.store.runs.findSnapshot(caller.tenant, id);
    if (!snapshot) throw new AppError('not_found', 'there is no such snapshot', { details: { snapshot: id } });
    if (snapshot.state === 'missing' || snapshot.state === 'removed')
      throw new AppError('precondition', `snapshot ${shorten(snapshot)} is gone from its repository`);
    found.push(snapshot);
  }
  return found;
}

async function gatherBatches(
  context: CoreContext,
  caller: Caller,
  snapshots: readonly Snapshot[],
  capability: Capability,
): Promise<readonly Batch[]> {
  const { store } = context;
  const batches: Batch[] = [];
  for (const some of Map.groupBy(snapshots, ({ host, repository }) => `${host} ${repository}`).values()) {
    const [first] = some;
    if (first === undefined) continue;
    const host = await store.hosts.findHost(caller.tenant, first.host);
    if (host?.state !== 'active')
      throw new AppError('precondition', `the host that made snapshot ${shorten(first)} is not there any more, or not active`);
  adoptedAt,
    demandCapability(host, capability, 'for this');
    const repository = await store.catalog.findRepository(caller.tenant, first.repository);
    if (!repository) throw new AppError('precondition', `the repository of snapshot ${shorten(first)} is not there any more`);
    demandOpened(repository);
    batches.push({ host, repository, snapshots: some });
  }
  return batches;
}

/** Only of an opened repository is known which one it is, so that another one at its address is noticed. */
function demandOpened({ engineId, name }: Pick<Repository, 'engineId' | 'name'>): void {
  if (engineId === undefined)
    throw new AppError('precondition', `no host has opened the repository ${name} yet; test it first, on its page`);
    ...(adoptedAt === undefined ? {} : { isOrphan: true }),
}

function toOrdered({
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
  };
}

function createRun(context: CoreContext, caller: Caller, kind: Run['kind'], batch: Batch, repository: RepositoryId): Run {
  const about = { kind, host: batch.host.id, plan: undefined, repository };
  const [only] = batch.snapshots;
  const snapshot = batch.snapshots.length === 1 && only ? { snapshot: only.id } : {};
  return { ...createOrderedRun(context, caller, about), ...snapshot };
}

async function recordStart(
  context: CoreContext,
  caller: Caller,
  action: string,
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
async function placeBatches(
  context: CoreContext,
  caller: Caller,
  action: string,
  batches: readonly Batch[],
  prepare: (batch: Batch) => Prepared,
): Promise<StartedRuns> {
  const runs: Run[] = [];
  for (const batch of batches) {
    const { run, order, more } = prepare(batch);
    await placeRun(context, run, [], order);
    await recordStart(context, caller, action, run, batch, more);
    runs.push(run);
  }
  return { runs };
}

/**
 * Orders the reading of these snapshots to their end, each on the host that made it. Throws `not_found`, and `precondition` for one that is gone,
 * or whose host or repository is.
 */
export async function startVerify(context: CoreContext, caller: Caller, ids: readonly SnapshotId[]): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const batches = await gatherBatches(context, caller, await getThere(context, caller, ids), 'verify.start');
  return await placeBatches(context, caller, 'snapshot.verify_started', batches, (batch) => {
    const { host, repository, snapshots } = batch;
    const run = createRun(context, caller, 'verify', batch, repository.id);
    const order = createOrder(context, caller.tenant, host.id, 'verify.start', {
      run: run.id,
      repository: orderRepository(context, host, run.id, repository, 'everyday'),
      snapshots: snapshots.map(toOrdered),
      ...orderTerms(context, caller),
    });
    return { run, order };
  });
}

/** What a person types to delete so many snapshots. */
export const phraseDeletion = (count: number): string => `delete ${count}`;

/** The stored roles of a database server go with the backup they belong to. */
async function addCompanions(context: CoreContext, caller: Caller, chosen: readonly Snapshot[]): Promise<readonly Snapshot[]> {
  const all = new Map(chosen.map((snapshot) => [snapshot.id, snapshot]));
  for (const { run, repository, source } of chosen) {
    const filter = { run, repository, role: 'globals' } as const;
    const { rows } = await context.store.runs.listSnapshots(caller.tenant, filter, { limit: 100 });
    for (const row of rows) if (row.source === source && row.state !== 'missing' && row.state !== 'removed') all.set(row.id, row);
  }
  return [...all.values()];
}

async function demandDeletable(context: CoreContext, caller: Caller, snapshots: readonly Snapshot[]): Promise<void> {
  const pinned = snapshots.find(({ pinnedAt }) => pinnedAt !== undefined);
  if (pinned) throw new AppError('precondition', `snapshot ${shorten(pinned)} is pinned; unpin it first. Nothing was deleted`);
  for (const some of Map.groupBy(snapshots, ({ source, repository }) => `${source} ${repository}`).values()) {
    const [first] = some;
    if (first === undefined) continue;
    const { source, repository } = first;
    const filter = { source, repository, proven: true } as const;
    const kept = (await context.store.runs.listSnapshots(caller.tenant, filter, { limit: PROVEN_KEPT })).rows;
    const proven = some.find(({ id }) => kept.some((one) => one.id === id));
    if (proven)
      throw new AppError(
        'precondition',
        `snapshot ${shorten(proven)} is one of the last ${PROVEN_KEPT} of its source that a drill proved; those stay. Nothing was deleted`,
      );
  }
}

/**
 * Orders the removal of these snapshots from their repository, through the admin credential where there is one. `confirm` is what a person typed:
 * `phraseDeletion` of their number. Nothing is ordered unless all of them may go. Throws `invalid` for another word, `not_found`, and
 * `precondition` for one that is pinned, proven or gone already.
 */
export async function startDeletion(
  context: CoreContext,
  caller: Caller,
  { snapshots: ids, confirm }: { snapshots: readonly SnapshotId[]; confirm: string },
): Promise<StartedRuns> {
  demand(caller, 'repository.manage');
  const chosen = await getThere(context, caller, ids);
  await demandDeletable(context, caller, chosen);
  const phrase = phraseDeletion(chosen.length);
  if (confirm !== phrase)
    throw createFieldsError({ confirm: `Confirmation: type ${phrase} to delete what cannot be brought back` });
  const batches = await gatherBatches(context, caller, await addCompanions(context, caller, chosen), 'delete_snapshot.start');
  return await placeBatches(context, caller, 'snapshot.deletion_started', batches, (batch) => {
    const { host, repository, snapshots } = batch;
    const run = createRun(context, caller, 'delete_snapshot', batch, repository.id);
    const order = createOrder(context, caller.tenant, host.id, 'delete_snapshot.start', {
      run: run.id,
      repository: orderRepository(context, host, run.id, repository, 'admin'),
      isAdmin: repository.admin !== undefined,
      snapshots: snapshots.map(toOrdered),
      ...orderTerms(context, caller),
    });
    return { run, order, more: { withAdminCredential: repository.admin !== undefined } };
  });
}

async function getSecond(context: CoreContext, caller: Caller, id: RepositoryId): Promise<Repository> {
  const repository = await context.store.catalog.findRepository(caller.tenant, id);
  if (!repository) throw createFieldsError({ repository: 'Repository: there is no such repository' });
  demandOpened(repository);
  return repository;
}

/**
 * Orders copies of these snapshots to another repository. What lies there already is found again and not copied twice. Throws `invalid` where
 * they lie there, `unsupported` for two repositories that one restic cannot reach together, `precondition` for what no clean run vouches for.
 */
export async function startCopy(
  context: CoreContext,
  caller: Caller,
  { snapshots: ids, repository: to }: { snapshots: readonly SnapshotId[]; repository: RepositoryId },
): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const second = await getSecond(context, caller, to);
  const chosen = await addCompanions(context, caller, await getThere(context, caller, ids));
  const bad = chosen.find(({ state }) => state !== 'good' && state !== 'partial');
  if (bad) throw new AppError('precondition', `no clean run vouches for snapshot ${shorten(bad)}; it is not copied`);
  if (chosen.some(({ repository }) => repository === to))
    throw createFieldsError({ repository: 'Repository: a chosen snapshot lies in this repository; choose another one' });
  const batches = await gatherBatches(context, caller, chosen, 'copy.start');
  for (const { repository } of batches) demandReachableTogether(context, repository, second);
  return await placeBatches(context, caller, 'snapshot.copy_started', batches, (batch) => {
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
      snapshots: snapshots.map(toOrdered).sort((one, other) => one.createdAt - other.createdAt),
      ...orderTerms(context, caller),
    });
    return { run, order, more: { to: second.name } };
  });
}

/** Where copies of a snapshot lie, and what it is a copy of itself; what is gone is left out. */
export async function listPlaces(context: CoreContext, caller: Caller, snapshot: Snapshot): Promise<readonly Snapshot[]> {
  demand(caller, 'view');
  const first = snapshot.copyOf ?? snapshot.id;
  const original = snapshot.copyOf === undefined ? snapshot : await context.store.runs.findSnapshot(caller.tenant, first);
  const copies = await context.store.runs.listSnapshots(caller.tenant, { copyOf: first, role: snapshot.role }, { limit: 20 });
  return [...(original ? [original] : []), ...copies.rows].filter(({ state }) => state !== 'missing' && state !== 'removed');
}
