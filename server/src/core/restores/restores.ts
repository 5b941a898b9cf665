/** Restores: a tree to a new directory, a database to a new or an existing database, on any approved host. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { getModeRule } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type RestoreTarget, restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { checkPrivileges } from './file-restores.ts';
import { chooseSnapshot, type SnapshotWish } from './restore-choice.ts';
import { findRestoreSubject, placeRestore } from './restore-orders.ts';
import { getGlobals } from './restore-roles.ts';
import { checkMode, type DatabaseTarget, findConnection, findTargetSource, fitOf, type RestoreWish } from './restore-target.ts';
import { isOneLine, isRoot, ROOT_REFUSED } from './target-text.ts';

export interface RestoreRequest extends RestoreWish {
  snapshot: SnapshotId | SnapshotWish;
  /** The host that reads the snapshot and writes the target. */
  host: HostId;
  target: { kind: 'directory'; path: string } | DatabaseTarget;
}

/** `invalid` naming `target.path`, `target.database` or `target.source`. */
export function checkTarget(target: RestoreRequest['target']): RestoreTarget {
  const parsed = restoreTargetSchema.safeParse(target);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw createFieldsError({
      [`target.${String(issue?.path[0] ?? 'kind')}`]: `Target: ${issue?.message ?? 'is not well-formed'}`,
    });
  }
  const [field, text] = target.kind === 'directory' ? ['path', target.path] : ['database', target.database];
  if (!isOneLine(text)) throw createFieldsError({ [`target.${field}`]: 'Target: must be one line without control characters' });
  if (target.kind === 'directory' && isRoot(target.path)) throw createFieldsError({ 'target.path': ROOT_REFUSED });
  return parsed.data;
}

function assertFits(snapshot: Snapshot, source: Source, target: RestoreTarget): void {
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

/**
 * Starts a restore. The host refuses a target that is not what the mode asks for. A mode that may change what exists is refused without
 * a person's consent.
 */
export async function startRestore(context: CoreContext, caller: Caller, request: RestoreRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const target = checkTarget(request.target);
  const { snapshot: wished, host: on } = request;
  const chosen = typeof wished === 'string' ? wished : await chooseSnapshot(context, caller, wished, on);
  const subject = await findRestoreSubject(context, caller, { snapshot: chosen, host: on });
  const { snapshot, source, host } = subject;
  assertFits(snapshot, source, target);
  checkPrivileges(target, request.options);
  if (target.kind !== 'database' && request.credential !== undefined)
    throw createFieldsError({ credential: 'Credential: only for restores into a database' });
  if (target.kind !== 'database') return placeRestore(context, caller, subject, target, { options: request.options });
  const connection = await findConnection(context, caller, target, fitOf(source), host);
  checkMode(target, request, connection, host);
  const isSafeguarded = getModeRule(target.mode ?? 'new').changesExisting;
  const safety = isSafeguarded ? await findTargetSource(context, caller, target, connection) : undefined;
  const { options, credential } = request;
  const globals = options?.roles === undefined ? undefined : await getGlobals(context, caller, snapshot);
  return placeRestore(context, caller, subject, target, { connection, options, safety, globals, credential });
}
