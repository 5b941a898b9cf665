/** Restores of files that somebody chose: to a new directory, in place, or as one file or archive on a host. */
import type { HostId, RequestId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { dropCovered } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import { restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../store/hosts.ts';
import type { Run } from '../store/runs.ts';
import { createFieldsError } from './adapter-input.ts';
import { recordAct } from './audit.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { draftFor } from './restore-target.ts';
import { getSnapshot } from './restores.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from './run-orders.ts';
import { type FileTarget, hasFiles } from './snapshot-contents.ts';

export interface FileRestoreRequest {
  snapshot: SnapshotId;
  /** The host that reads the snapshot and writes the files. */
  host: HostId;
  target: FileTarget;
  /** The name of the host, typed by a person: needed where files may be replaced. */
  hostName?: string | undefined;
}

const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/u;

/** `invalid` naming the field. Chosen paths that lie below another chosen one are left out. */
export function checkFileTarget(target: FileTarget): FileTarget {
  const tidy = 'paths' in target && target.paths ? { ...target, paths: dropCovered(target.paths) } : target;
  const parsed = restoreTargetSchema.safeParse(tidy);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw createFieldsError({
      [`target.${String(issue?.path[0] ?? 'kind')}`]: `Target: ${issue?.message ?? 'is not well-formed'}`,
    });
  }
  if ('path' in tidy && (!ONE_LINE.test(tidy.path) || !tidy.path.isWellFormed()))
    throw createFieldsError({ 'target.path': 'Target: must be one line without control characters' });
  if ('path' in tidy && tidy.kind !== 'directory' && /\/\.{0,2}$/.test(tidy.path))
    throw createFieldsError({ 'target.path': 'Target: must be the path of a file, not of a directory' });
  if (tidy.kind === 'in_place' && tidy.paths.includes('/'))
    throw createFieldsError({
      'target.paths': 'Paths: everything at once is not restored in place; choose what is to be replaced',
    });
  return tidy;
}

/** What may replace files needs the host's name, as the person who wants it reads it there. */
function demandTypedName(target: FileTarget, host: Host, typed: string | undefined): void {
  if (target.kind !== 'in_place' || typed === host.name) return;
  throw createFieldsError({ hostName: `Host name: type the name of the host, ${host.name}, to replace files on it` });
}

/**
 * Starts a restore of files. The host refuses a new place that is taken; in place it replaces files only after everything was read and proven.
 * Throws `precondition` for what no clean run vouches for and for agents that do not know the way, `conflict` where the host cannot reach the
 * repository, `invalid` for another typed name than the host's.
 */
export async function startFileRestore(context: CoreContext, caller: Caller, request: FileRestoreRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const { store } = context;
  const target = checkFileTarget(request.target);
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
  if (snapshot.state !== 'good' && snapshot.state !== 'partial')
    throw new AppError(
      'precondition',
      `this snapshot is ${snapshot.state}: no clean run vouches for it, so it is not offered for restore`,
    );
  if (!hasFiles(snapshot, source)) throw new AppError('invalid', 'a database snapshot is restored into a database');
  if (repository.kind === 'local' && host.id !== snapshot.host)
    throw new AppError('conflict', 'this snapshot lies on the disk of the host that made it; restore it there');
  if (!hasCapability(host.facts, 'restore.preview'))
    throw new AppError('precondition', `the agent on ${host.name} knows only restores of whole snapshots; install a newer one`);
  demandTypedName(target, host, request.hostName);

  const about = { kind: 'restore', host: host.id, plan: snapshot.plan, repository: repository.id } as const;
  const run: Run = { ...createOrderedRun(context, caller, about), snapshot: snapshot.id, target };
  const ref = run.id as unknown as RequestId;
  const order = createOrder(context, caller.tenant, host.id, 'restore.start', {
    run: run.id,
    snapshot: snapshot.id,
    engineId: snapshot.engineId,
    sizeBytes: snapshot.sizeBytes,
    source: { id: source.id, kind: source.kind, config: source.config as AdapterDraft['config'] },
    repository: {
      id: repository.id,
      draft: draftFor(context, host, ref, 'repositories', repository),
      ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
    },
    target,
    ...orderTerms(context, caller),
  });
  await placeRun(context, run, [source.id], order);
  await recordAct(context, caller, {
    action: 'restore.started',
    target: { kind: 'snapshot', id: snapshot.id, name: source.name },
    change: { run: run.id, host: host.name, target },
  });
  return run;
}
