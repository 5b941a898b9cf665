/** Restores: a tree to a new directory, a database to a new or an existing database, on any approved host. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { HostId, RequestId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { getModeRule } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type RestoreTarget, restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import type { Repository, Source } from '../store/catalog.ts';
import type { Host } from '../store/hosts.ts';
import type { Page, PageRequest } from '../store/page.ts';
import type { Run, Snapshot, SnapshotFilter } from '../store/runs.ts';
import { createFieldsError } from './adapter-input.ts';
import { recordAct } from './audit.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import {
  checkMode,
  type DatabaseTarget,
  draftFor,
  findConnection,
  findTargetSource,
  type RestoreWish,
} from './restore-target.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from './run-orders.ts';

export async function getSnapshot(context: CoreContext, caller: Caller, id: SnapshotId): Promise<Snapshot> {
  demand(caller, 'view');
  const snapshot = await context.store.runs.findSnapshot(caller.tenant, id);
  if (!snapshot) throw new AppError('not_found', 'there is no such snapshot');
  return snapshot;
}

export async function listSnapshots(
  context: CoreContext,
  caller: Caller,
  filter: SnapshotFilter,
  page: PageRequest,
): Promise<Page<Snapshot>> {
  demand(caller, 'view');
  return context.store.runs.listSnapshots(caller.tenant, filter, page);
}

export interface RestoreRequest extends RestoreWish {
  snapshot: SnapshotId;
  /** The host that reads the snapshot and writes the target. */
  host: HostId;
  target: { kind: 'directory'; path: string } | DatabaseTarget;
}

/** One line of text: what a file system or a database server can be given as a name and a person can read in a list. */
const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/u;

/** `invalid` naming `target.path`, `target.database` or `target.source`. */
function checkTarget(target: RestoreRequest['target']): RestoreTarget {
  const parsed = restoreTargetSchema.safeParse(target);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw createFieldsError({
      [`target.${String(issue?.path[0] ?? 'kind')}`]: `Target: ${issue?.message ?? 'is not well-formed'}`,
    });
  }
  const [field, text] = target.kind === 'directory' ? ['path', target.path] : ['database', target.database];
  if (!ONE_LINE.test(text) || !text.isWellFormed())
    throw createFieldsError({ [`target.${field}`]: 'Target: must be one line without control characters' });
  return parsed.data;
}

function assertRestorable(snapshot: Snapshot, source: Source, target: RestoreTarget): void {
  if (snapshot.state !== 'good' && snapshot.state !== 'partial') {
    throw new AppError(
      'precondition',
      `this snapshot is ${snapshot.state}: no clean run vouches for it, so it is not offered for restore`,
    );
  }
  if (snapshot.role !== 'data')
    throw new AppError('invalid', 'choose the snapshot of the data; the roles beside it are restored by hand');
  const isDatabase = getSourceAdapter(source.kind).restore !== undefined;
  if (isDatabase !== (target.kind === 'database')) {
    throw new AppError(
      'invalid',
      isDatabase ? 'a database snapshot is restored into a database' : 'a file snapshot is restored into a directory',
    );
  }
}

/** A local repository is a directory of the host that wrote it; elsewhere that path is another disk. */
function assertReachable(repository: Repository, snapshot: Snapshot, host: Host): void {
  if (repository.kind === 'local' && host.id !== snapshot.host) {
    throw new AppError(
      'conflict',
      'this snapshot lies on the disk of the host that made it; restore it there, or use a repository that both hosts reach',
    );
  }
}

/**
 * Starts a restore. The host refuses a target that is not what the mode asks for. A mode that may change what exists is refused without
 * a person's consent.
 */
export async function startRestore(context: CoreContext, caller: Caller, request: RestoreRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const { store } = context;
  const target = checkTarget(request.target);
  const snapshot = await getSnapshot(context, caller, request.snapshot);
  const [source, repository, host] = await Promise.all([
    store.catalog.findSource(caller.tenant, snapshot.source),
    store.catalog.findRepository(caller.tenant, snapshot.repository),
    store.hosts.findHost(caller.tenant, request.host),
  ]);
  if (!source)
    throw new AppError('not_found', 'the source of this snapshot was deleted; restore it with restic, see the documentation');
  if (!repository) throw new AppError('not_found', 'the repository of this snapshot was deleted');
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host');
  assertRestorable(snapshot, source, target);
  assertReachable(repository, snapshot, host);
  const connection = target.kind === 'database' ? await findConnection(context, caller, target, source, host) : undefined;
  if (target.kind === 'database' && connection) checkMode(target, request, connection, host);
  const safety =
    target.kind === 'database' && connection && getModeRule(target.mode ?? 'new').changesExisting
      ? await findTargetSource(context, caller, target, connection)
      : undefined;

  const about = { kind: 'restore', host: host.id, plan: snapshot.plan, repository: repository.id } as const;
  const run: Run = { ...createOrderedRun(context, caller, about), snapshot: snapshot.id, target };
  const ref = run.id as unknown as RequestId;
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
    target,
    ...(connection ? { connection: draftFor(context, host, ref, 'sources', connection) } : {}),
    ...(request.options === undefined ? {} : { options: request.options }),
    ...(safety ? { safetySource: safety.id } : {}),
    ...orderTerms(context, caller),
  });
  await placeRun(context, run, [source.id], order);
  await recordAct(context, caller, {
    action: 'restore.started',
    target: { kind: 'snapshot', id: snapshot.id, name: source.name },
    change: { run: run.id, host: host.name, target, ...(request.options ? { options: request.options } : {}) },
  });
  return run;
}
