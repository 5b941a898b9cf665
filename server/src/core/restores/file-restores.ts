/** Restores of files that somebody chose: to a new directory, in place, or as one file or archive on a host. */
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { dropCovered, isAtOrBelow } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type RestoreTarget, restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import type { Host } from '../../store/hosts.ts';
import type { Run } from '../../store/runs.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { type FileTarget, hasFiles } from '../snapshots/snapshot-contents.ts';
import { chooseSnapshot, type SnapshotWish } from './restore-choice.ts';
import { findRestoreSubject, placeRestore, type RestoreSubject } from './restore-orders.ts';
import { isOneLine, isRoot, ROOT_REFUSED } from './target-text.ts';

export interface FileRestoreRequest {
  snapshot: SnapshotId | SnapshotWish;
  /** The host that reads the snapshot and writes the files. */
  host: HostId;
  target: FileTarget;
  /** The name of the host, typed by a person: needed where files may be replaced. */
  hostName?: string | undefined;
  /** In place what would be replaced is backed up first unless a person waives it. */
  options?: Pick<RestoreOptions, 'safetyBackup' | 'downloadKiBps' | 'acceptLittleRoom' | 'keepPrivileges'> | undefined;
}

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
  if ('path' in tidy && !isOneLine(tidy.path))
    throw createFieldsError({ 'target.path': 'Target: must be one line without control characters' });
  if (tidy.kind === 'directory' && isRoot(tidy.path)) throw createFieldsError({ 'target.path': ROOT_REFUSED });
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

/** A wish that says nothing of this way is refused rather than passed over. `invalid` naming `options.keepPrivileges`. */
export function checkPrivileges({ kind }: Pick<RestoreTarget, 'kind'>, { keepPrivileges }: RestoreOptions = {}): void {
  if (keepPrivileges === undefined || kind === 'directory') return;
  throw createFieldsError({
    'options.keepPrivileges': 'Setuid bits and devices: this is asked only for a new directory; in place they come as they were',
  });
}

/** The paths that a source of files names. */
function listPaths({ config }: Source): readonly string[] {
  const { paths } = config;
  return Array.isArray(paths) ? paths : [];
}

/**
 * The source that a safety backup belongs to: that of the snapshot, or on another host one of its own, best one that names the chosen paths.
 * Throws `precondition` for an agent that makes none, and for a host without such a source.
 */
async function findSafetySource(
  { store }: CoreContext,
  { tenant }: Caller,
  { source, host }: RestoreSubject,
  paths: readonly string[],
): Promise<Source> {
  demandCapability(host, 'unlock.start', 'to back up first what files in place replace');
  if (source.host === host.id) return source;
  const others = (await store.sources.listSourcesOfHost(tenant, host.id)).filter(({ kind }) => kind === source.kind);
  const covers = (one: Source) => paths.every((path) => listPaths(one).some((place) => isAtOrBelow(path, place)));
  const found = others.find(covers) ?? others[0];
  if (found) return found;
  throw new AppError(
    'precondition',
    `${host.name} has no source of files that a safety backup could belong to; add one, or restore without it`,
  );
}

/**
 * Starts a restore of files. The host refuses a new place that is taken; in place it replaces files only after everything was read and proven.
 * Throws `precondition` for what no clean run vouches for and for agents that do not know the way, `conflict` where the host cannot reach the
 * repository, `invalid` for another typed name than the host's, and `precondition` where a safety backup is wished and cannot be made.
 */
export async function startFileRestore(context: CoreContext, caller: Caller, request: FileRestoreRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const target = checkFileTarget(request.target);
  const { snapshot: wished, host } = request;
  const snapshot = typeof wished === 'string' ? wished : await chooseSnapshot(context, caller, wished, host);
  const subject = await findRestoreSubject(context, caller, { snapshot, host });
  if (!hasFiles(subject.snapshot, subject.source))
    throw new AppError('invalid', 'a database snapshot is restored into a database');
  demandCapability(subject.host, 'restore.preview', 'to restore anything but whole snapshots');
  demandTypedName(target, subject.host, request.hostName);
  checkPrivileges(target, request.options);
  const { safetyBackup, ...others } = request.options ?? {};
  const options = Object.values(others).some((value) => value !== undefined) ? { options: others } : {};
  if (target.kind !== 'in_place') return placeRestore(context, caller, subject, target, options);
  if (safetyBackup === false)
    return placeRestore(context, caller, subject, target, { options: { ...others, safetyBackup: false } });
  const safety = await findSafetySource(context, caller, subject, target.paths);
  return placeRestore(context, caller, subject, target, { ...options, safety });
}
