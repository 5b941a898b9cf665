/** What every restore that a person orders is made of: the snapshot with all it needs, and the order that goes to the host. */
import type { HostId, RequestId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { Credential } from '@holdfast/shared/domain/restore.ts';
import { changesExisting } from '@holdfast/shared/domain/restore-policy.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { AdapterDraft, RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { demandProven } from '../accounts/step-up.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import { getSnapshot, getSnapshotRecord } from '../snapshots/snapshots.ts';
import { demandAllowed } from './host-policy.ts';
import { nameCredential, sealCredential } from './restore-credential.ts';
import { draftFor } from './restore-draft.ts';
import { demandRestoreRate } from './restore-rate.ts';
import { findSecondPlace } from './second-place.ts';

export interface RestoreSubject {
  snapshot: Snapshot;
  /** What the snapshot was made of. */
  source: Source;
  repository: Repository;
  /** Reads the snapshot and writes the target. */
  host: Host;
}

/** Whether a snapshot may be restored by its name: a run vouches for it, or a person took it over although none does, and nobody had it deleted. */
export function isRestorable({ state, adoptedAt, deletingRun }: Pick<Snapshot, 'state' | 'adoptedAt' | 'deletingRun'>): boolean {
  if (deletingRun !== undefined) return false;
  return state === 'good' || state === 'partial' || (state === 'quarantined' && adoptedAt !== undefined);
}

function assertVouchedFor(snapshot: Snapshot): void {
  if (isRestorable(snapshot)) return;
  const { state, deletingRun } = snapshot;
  if (deletingRun !== undefined)
    throw new AppError(
      'precondition',
      'the deletion of this snapshot is ordered: take that back first, while its host has not begun',
    );
  throw new AppError('precondition', `this snapshot is ${state}: no clean run vouches for it, so it is not offered for restore`);
}

/** A local repository is a directory of the host that wrote it; elsewhere that path is another disk: `conflict`. */
export function assertReachable(repository: Repository, snapshot: Pick<Snapshot, 'host'>, host: Host): void {
  if (repository.kind === 'local' && host.id !== snapshot.host) {
    throw new AppError(
      'conflict',
      'this snapshot lies on the disk of the host that made it; restore it there, or use a repository that both hosts reach',
    );
  }
}

/**
 * The snapshot with all it needs. Throws `not_found` for what is gone, `precondition` for a snapshot that no clean run vouches for, `conflict`
 * where the host cannot reach the repository.
 */
export async function findRestoreSubject(
  context: CoreContext,
  caller: Caller,
  wanted: { snapshot: SnapshotId; host: HostId },
): Promise<RestoreSubject> {
  demand(caller, 'restore.start');
  const { store } = context;
  const snapshot = await getSnapshot(context, caller, wanted.snapshot);
  const [source, repository, host] = await Promise.all([
    store.sources.findSource(caller.tenant, snapshot.source),
    store.repositories.findRepository(caller.tenant, snapshot.repository),
    store.hosts.findHost(caller.tenant, wanted.host),
  ]);
  if (!source)
    throw new AppError('not_found', 'the source of this snapshot was deleted; restore it with restic, see the documentation');
  if (!repository) throw new AppError('not_found', 'the repository of this snapshot was deleted');
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host');
  assertVouchedFor(snapshot);
  assertReachable(repository, snapshot, host);
  return { snapshot, source, repository, host };
}

/** What a restore into a database says besides. */
export interface DatabaseWay {
  /** The source whose server connection is used. */
  connection?: Source | undefined;
  options?: RequestBody<'restore.start'>['options'];
  /** The source that the database at the target is. */
  safety?: Source | undefined;
  /** What was stored beside the data, where roles are wished. */
  globals?: RequestBody<'restore.start'>['globals'];
  /** Another user of the target's server than the connection's own. */
  credential?: Credential | undefined;
}

/** Stores the run and its order, and records who wanted it. Throws `precondition` for what the host refuses, `limit` where restores are started too often. */
export async function placeRestore(
  context: CoreContext,
  caller: Caller,
  { snapshot, source, repository, host }: RestoreSubject,
  target: RestoreTarget,
  { connection, options: wished, safety, globals, credential }: DatabaseWay = {},
): Promise<Run> {
  demandAllowed(host, target);
  if (changesExisting(target)) await demandProven(context, caller, 'restore over what is there');
  await demandRestoreRate(context, caller);
  // What nobody vouches for is read whole before anything is made of it.
  const isRead = snapshot.adoptedAt !== undefined && target.kind === 'database';
  const options = nameCredential(isRead ? { ...wished, readFirst: true } : wished, credential);
  const about = { kind: 'restore', host: host.id, plan: snapshot.plan, repository: repository.id } as const;
  const run: Run = { ...createOrderedRun(context, caller, about), snapshot: snapshot.id, target, options };
  const ref = run.id as unknown as RequestId;
  // The stored roles lie in the first repository alone, as far as the order says.
  const second = globals ? undefined : await findSecondPlace(context, caller, snapshot, host);
  const { contents } = target.kind === 'database' ? await getSnapshotRecord(context, caller, snapshot.id) : {};
  const order = createOrder(context, caller.tenant, host.id, 'restore.start', {
    run: run.id,
    snapshot: snapshot.id,
    engineId: snapshot.engineId,
    ...(snapshot.fileName === undefined ? {} : { fileName: snapshot.fileName }),
    sizeBytes: snapshot.sizeBytes,
    source: { id: source.id, kind: source.kind, config: source.config as AdapterDraft['config'] },
    repository: {
      id: repository.id,
      draft: draftFor(context, host, ref, 'repositories', repository),
      ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
    },
    ...(second
      ? {
          second: {
            engineId: second.snapshot.engineId,
            repository: orderRepository(context, host, run.id, second.repository, 'everyday', `${run.id}.second`),
          },
        }
      : {}),
    target,
    ...(connection ? { connection: draftFor(context, host, ref, 'sources', connection) } : {}),
    ...(options === undefined ? {} : { options }),
    ...sealCredential(context, host, run.id, credential),
    ...(safety ? { safetySource: safety.id } : {}),
    ...(globals ? { globals } : {}),
    ...(contents === undefined ? {} : { recorded: contents }),
    ...orderTerms(context, caller),
  });
  await placeRun(context, caller, run, [source.id], order);
  await recordAct(context, caller, {
    action: 'restore.started',
    target: { kind: 'snapshot', id: snapshot.id, name: source.name },
    change: { run: run.id, host: host.name, target, ...(options ? { options } : {}) },
  });
  return run;
}
