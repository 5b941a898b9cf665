/**
 * Plans restic's command lines. Pure: no process, no file. Every operand a person may have typed travels in a file, after
 * `--`, or glued to its option (`--host=NAME`), so that no value ever becomes an option; and each is checked against the
 * few forms it may have.
 */
import { join } from 'node:path';
import type { Command, CommandFile } from '@holdfast/shared/adapters/command.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { toListedText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';

/** What every command needs: the repository and where restic may cache. */
export interface ResticPlace {
  access: RepositoryAccess;
  /** Absolute path of the agent's own cache directory for restic; undefined: without a cache. */
  cacheDir: string | undefined;
  /** What every command may take of the line, both ways counted apart; undefined: as much as there is. */
  line?: Pick<RunLimits, 'uploadKiBps' | 'downloadKiBps'> | undefined;
}

/**
 * The same access in another private directory, so that two commands can run side by side without taking each other's files
 * away. Work directories have names of the agent's own making, which appear nowhere by accident.
 */
export function relocateAccess(access: RepositoryAccess, fromDir: string, toDir: string): RepositoryAccess {
  const move = (text: string) => text.replaceAll(`${fromDir}/`, `${toDir}/`);
  return {
    env: Object.fromEntries(Object.entries(access.env).map(([name, value]) => [name, move(value)])),
    files: access.files.map((file) => ({ path: move(file.path), content: move(file.content) })),
    args: access.args.map(move),
    redact: access.redact,
  };
}

export interface SnapshotMarks {
  /** `--tag` splits at commas, so a tag is made of `[A-Za-z0-9_.:-]` only. */
  tags: readonly string[];
  /** The name snapshots carry as their host; `[A-Za-z0-9_.-]` only. */
  host: string;
}

export interface SubCommand {
  name: string;
  args: readonly string[];
  files?: readonly CommandFile[];
  /** Reads without a lock: allowed on read-only storage, and never in anybody's way. */
  noLock?: boolean;
  /** No status lines. */
  quiet?: boolean;
}

/** Throws `invalid`: no command can be made of what was given. */
export function refuse(what: string): never {
  throw new AppError('invalid', what);
}

const TAG = /^[A-Za-z0-9_.:-]{1,200}$/;
const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;
const SNAPSHOT = /^[0-9a-f]{8,64}$/;
const FULL_ID = /^[0-9a-f]{64}$/;

function checkTag(tag: string): string {
  return TAG.test(tag) ? tag : refuse('a tag may hold letters, digits and _ . : - only');
}

export function checkSnapshot(id: string): string {
  return SNAPSHOT.test(id) ? id : refuse('this is not the id of a snapshot');
}

/** Short ids may come to mean another snapshot; what is removed is named in full. */
function checkFullId(id: string): string {
  return FULL_ID.test(id) ? id : refuse('only a full id names a snapshot that is to be removed or copied');
}

function checkAbsolute(path: string): string {
  if (!path.startsWith('/') || path.includes('\0')) refuse('a path must be absolute and without NUL');
  return path;
}

function checkFileName(name: string): string {
  return FILE_NAME.test(name) ? name : refuse('the name of a stored stream may hold letters, digits and . _ - only');
}

/** restic counts in KiB a second, over all its connections; a local repository is limited as well. */
function planLine({ line = {} }: ResticPlace): string[] {
  return [
    ...(line.uploadKiBps === undefined ? [] : [`--limit-upload=${line.uploadKiBps}`]),
    ...(line.downloadKiBps === undefined ? [] : [`--limit-download=${line.downloadKiBps}`]),
  ];
}

/** One command of restic with what every one of them says. */
export function plan(place: ResticPlace, sub: SubCommand): Command {
  const options = [
    '--json',
    ...(sub.noLock ? ['--no-lock'] : []),
    ...(sub.quiet ? ['--quiet'] : []),
    ...(place.cacheDir === undefined ? ['--no-cache'] : []),
    ...planLine(place),
  ];
  return {
    tool: 'restic',
    args: [...place.access.args, ...options, sub.name, ...sub.args],
    env: {
      ...place.access.env,
      ...(place.cacheDir === undefined ? {} : { RESTIC_CACHE_DIR: place.cacheDir }),
      // One status line a second; with `--quiet` none, and then moved bytes alone tell whether anything moves.
      ...(sub.quiet ? {} : { RESTIC_PROGRESS_FPS: '1' }),
    },
    files: [...place.access.files, ...(sub.files ?? [])],
  };
}

function markArgs(marks: SnapshotMarks): string[] {
  if (!HOST.test(marks.host)) refuse('a host name for snapshots may hold letters, digits and _ . - only');
  return [`--host=${marks.host}`, ...marks.tags.map((tag) => `--tag=${checkTag(tag)}`)];
}

/** `--time` in the zone the process runs in, which is UTC. */
function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}

export interface BackupStdinInput extends SnapshotMarks {
  /** Name of the one file inside the snapshot, without a directory: restic 0.18 fails on one. */
  fileName: string;
  /** Epoch milliseconds the snapshot is dated to; undefined for now. */
  timeMs?: number | undefined;
}

/** Stores what arrives on standard input. Prints one summary line and no status: the producer's bytes are the progress. */
export function planBackupStdin(place: ResticPlace, input: BackupStdinInput): Command {
  const time = input.timeMs === undefined ? [] : [`--time=${formatTime(input.timeMs)}`];
  // `--force`: a stream has no earlier version to compare with, so the search for a parent snapshot is skipped.
  const args = ['--stdin', `--stdin-filename=${checkFileName(input.fileName)}`, '--force', ...markArgs(input), ...time];
  return plan(place, { name: 'backup', args, quiet: true });
}

export interface BackupTreeInput extends SnapshotMarks {
  /** The run's private directory; the lists of paths and patterns are written there. */
  workDir: string;
  /** Absolute paths. */
  paths: readonly string[];
  /** Patterns as restic's `--exclude-file` reads them, one line each. */
  excludes: readonly string[];
  oneFileSystem: boolean;
}

/** Stores trees. Paths travel NUL-separated (`--files-from-raw`), the one list in which a name may hold a newline. */
export function planBackupTree(place: ResticPlace, input: BackupTreeInput): Command {
  if (input.paths.length === 0) refuse('a backup of files needs at least one path');
  const pathsFile = {
    path: join(input.workDir, 'restic-paths'),
    content: input.paths.map((p) => `${checkAbsolute(p)}\0`).join(''),
  };
  const files: CommandFile[] = [pathsFile];
  const args = [...markArgs(input), `--files-from-raw=${pathsFile.path}`];
  if (input.excludes.length > 0) {
    if (input.excludes.some((pattern) => /[\0\r\n]/.test(pattern))) refuse('an exclude pattern must be one line');
    const excludesFile = {
      path: join(input.workDir, 'restic-excludes'),
      content: input.excludes.map((line) => `${line}\n`).join(''),
    };
    files.push(excludesFile);
    args.push(`--exclude-file=${excludesFile.path}`);
  }
  if (input.oneFileSystem) args.push('--one-file-system');
  return plan(place, { name: 'backup', args, files });
}

export interface SnapshotsFilter {
  /** All of them must be on a snapshot. */
  tags?: readonly string[] | undefined;
  /** Ids or their first eight digits or more; restic ignores `tags` where ids are given. */
  ids?: readonly string[] | undefined;
}

export function planSnapshots(place: ResticPlace, filter: SnapshotsFilter): Command {
  const tags = filter.tags ?? [];
  const tagArgs = tags.length === 0 ? [] : [`--tag=${tags.map(checkTag).join(',')}`];
  return plan(place, { name: 'snapshots', args: [...tagArgs, '--', ...(filter.ids ?? []).map(checkSnapshot)], noLock: true });
}

/** The snapshot and every node in it, one JSON line each. */
export function planList(place: ResticPlace, snapshotId: string): Command {
  return plan(place, { name: 'ls', args: ['--', checkSnapshot(snapshotId)], noLock: true });
}

/** Writes one stored stream to standard output. */
export function planDump(place: ResticPlace, input: { snapshotId: string; fileName: string }): Command {
  const args = ['--', checkSnapshot(input.snapshotId), `/${checkFileName(input.fileName)}`];
  return plan(place, { name: 'dump', args, noLock: true, quiet: true });
}

export interface RestoreTreeInput {
  snapshotId: string;
  /** Absolute path of an existing directory; stored absolute paths appear below it. */
  target: string;
  /** Absolute paths inside the snapshot, as texts of `domain/stored-path.ts`: they and what is below; undefined for everything. */
  includes?: readonly string[] | undefined;
  /** Reads every restored file again and compares it with the repository. */
  verify: boolean;
  /** Leaves holes where blocks are all zero; only where restic knows how. */
  sparse?: boolean | undefined;
}

/**
 * The one pattern that means this path. What restic's patterns (those of Go's `filepath.Match`) read as special is escaped. A byte that is no
 * UTF-8 cannot stand in an argument; the class of U+FFFD is what such a byte, and no other letter but that one, is matched by.
 */
function toPattern(path: string): string {
  return toListedText(path.replaceAll(/[\\*?[\]]/g, (character) => `\\${character}`)).replaceAll('\ufffd', '[\ufffd]');
}

export function planRestore(place: ResticPlace, input: RestoreTreeInput): Command {
  const args = [`--target=${checkAbsolute(input.target)}`];
  if (input.verify) args.push('--verify');
  if (input.sparse) args.push('--sparse');
  // Glued to the option, not in a file of patterns: there blanks are cut, lines split and `$NAME` replaced.
  if (input.includes?.length === 0) refuse('nothing was chosen that could be restored');
  for (const path of input.includes ?? []) args.push(`--include=${toPattern(checkAbsolute(path))}`);
  return plan(place, { name: 'restore', args: [...args, '--', checkSnapshot(input.snapshotId)], noLock: true });
}

/** Snapshots whose ids are all given out: what goes is decided by the plan's retention, never by restic. */
export function planForget(place: ResticPlace, snapshotIds: readonly string[]): Command {
  if (snapshotIds.length === 0) refuse('nothing was named that could be removed');
  return plan(place, { name: 'forget', args: ['--', ...snapshotIds.map(checkFullId)] });
}

/** One snapshot, named by its full id, to the place's repository from the one that the access names beside it; see `joinAccess`. */
export function planCopy(place: ResticPlace, snapshotId: string): Command {
  return plan(place, { name: 'copy', args: ['--', checkFullId(snapshotId)], quiet: true });
}

/**
 * Creates the repository; only ever planned because a person asked for it. `likeFrom` cuts files as the repository named beside it does, so that
 * what is copied between them is shared.
 */
export function planInit(place: ResticPlace, { likeFrom }: { likeFrom?: boolean } = {}): Command {
  return plan(place, { name: 'init', args: likeFrom ? ['--copy-chunker-params'] : [] });
}

export function planCatConfig(place: ResticPlace): Command {
  return plan(place, { name: 'cat', args: ['config'], noLock: true });
}

/** The master key as JSON. What this prints is secret: it must reach nothing but `createMachineKey`. */
export function planCatMasterKey(place: ResticPlace): Command {
  return plan(place, { name: 'cat', args: ['masterkey'], noLock: true });
}

/** Ids of keys, one a line: this command knows no JSON. */
export function planListKeys(place: ResticPlace): Command {
  return plan(place, { name: 'list', args: ['keys'], noLock: true });
}

/** The keys with whose they are, and by which of them the repository was opened. */
export function planShowKeys(place: ResticPlace): Command {
  return plan(place, { name: 'key', args: ['list'], noLock: true });
}

/** Bytes and files a restore of the snapshot gives back. */
export function planStats(place: ResticPlace, snapshotId: string): Command {
  return plan(place, { name: 'stats', args: ['--mode=restore-size', '--', checkSnapshot(snapshotId)], noLock: true });
}

/** Ids of index files, one a line: this command knows no JSON. */
export function planListIndexes(place: ResticPlace): Command {
  return plan(place, { name: 'list', args: ['index'], noLock: true });
}

/** Ids of locks, one a line: this command knows no JSON. */
export function planListLocks(place: ResticPlace): Command {
  return plan(place, { name: 'list', args: ['locks'], noLock: true });
}

export function planCatLock(place: ResticPlace, lockId: string): Command {
  if (!FULL_ID.test(lockId)) refuse('this is not the id of a lock');
  return plan(place, { name: 'cat', args: ['lock', lockId], noLock: true });
}

/** Removes locks that restic itself holds to be stale, or `all`. Planned only by those who know whose they are, or were told to by a person. */
export function planUnlock(place: ResticPlace, { all }: { all?: boolean } = {}): Command {
  return plan(place, { name: 'unlock', args: all ? ['--remove-all'] : [] });
}
