/**
 * Restores chosen files where they were. Everything is written and compared with the snapshot in a private directory on the same disk first;
 * then what stands at the chosen paths is backed up, where anything will be replaced; then each file takes its place by one rename, which
 * replaces what stands there. Until then nothing on the host has changed: a backup that cannot be read or made, a full disk or a cancellation
 * leave it as it was. Directories that are there keep their own mode and owner.
 */
import { chmodSync, closeSync, fstatSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import {
  findCommonParent,
  joinStoredPath,
  splitStoredPath,
  toStoredBytes,
  toStoredText,
} from '@holdfast/shared/domain/stored-path.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import { showName } from '../../../engines/restic/classify.ts';
import { readBootId } from '../../../exec/proc.ts';
import { inStage, type RestorePart, type RestoreResult } from '../restore-part.ts';
import { findEntry, type OpenedDirectory, openDeepest, openEntry, pathThrough } from './real-directory.ts';
import { writeTree } from './restore-directory.ts';
import { assertRoomFor, measureChosen } from './restore-room.ts';
import { countFiles, describeCode, joinBytes, nameStaging } from './restore-staging.ts';

/** Replaced files that the log names; the rest are counted. */
const NAMED = 200;

interface Merge {
  isLook: boolean;
  /** Of the disk everything lies on. */
  device: number;
  /** Entries that take their place; of these, those in whose place something stood. */
  moved: number;
  replaced: number;
  conflicts: string[];
  onReplace(path: string): void;
  /** Carries on where a crash has cut it: what was changed since, epoch milliseconds, is a conflict, and conflicts stay where they are. */
  since?: number | undefined;
}

/** The paths that a source of files names; none for what has no such field. */
export const listConfiguredPaths = ({ paths }: Config): readonly string[] => (Array.isArray(paths) ? paths : []);

function describe(standing: Stats): string {
  return standing.isDirectory() ? 'a directory' : standing.isSymbolicLink() ? 'a link' : 'a file';
}

/** What keeps one entry from its place; undefined when nothing does. */
function findConflict(path: string, isDirectory: boolean, standing: Stats, device: number): string | undefined {
  if (isDirectory && !standing.isDirectory()) return `${path} is ${describe(standing)} here and a directory in the snapshot`;
  if (!isDirectory && standing.isDirectory()) return `${path} is a directory here and none in the snapshot`;
  return standing.isDirectory() && standing.dev !== device ? `${path} lies on another disk than its parent` : undefined;
}

/** Whether somebody has made or changed what stands there since the restore began to take its place. The name of a directory is nobody's work. */
function findChange(path: string, standing: Stats, { since }: Merge): string | undefined {
  return since !== undefined && !standing.isDirectory() && standing.ctimeMs >= since
    ? `${path} has been changed since`
    : undefined;
}

/** Looks at, or moves, what lies in a staged directory into the one that is open. Both passes walk the same way. */
function merge(going: Merge, staged: Buffer, liveFd: number, at: string): void {
  for (const entry of readdirSync(staged, { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinStoredPath(at, toStoredText(entry.name));
    const from = joinBytes(staged, entry.name);
    const standing = findEntry(liveFd, entry.name);
    const conflict =
      standing &&
      (findConflict(showName(path), entry.isDirectory(), standing, going.device) ?? findChange(showName(path), standing, going));
    if (conflict !== undefined) {
      if (!going.isLook && going.since === undefined) throw createReasonError('target_refused', conflict);
      if (going.conflicts.length < BROWSE.conflicts) going.conflicts.push(conflict);
    } else if (entry.isDirectory() && standing) {
      const fd = openEntry(liveFd, entry.name);
      try {
        merge(going, from, fd, path);
      } finally {
        closeSync(fd);
      }
    } else {
      if (!going.isLook) renameSync(from, pathThrough(liveFd, entry.name));
      going.moved += 1;
      if (!standing) continue;
      going.replaced += 1;
      going.onReplace(showName(path));
    }
  }
}

/** The part of the staged tree that belongs into the opened directory. */
function findStaged(opened: OpenedDirectory, staging: string): Buffer {
  const below = splitStoredPath(opened.path).map((name) => Buffer.from(toStoredBytes(name)));
  return below.reduce((path, name) => joinBytes(path, name), pathThrough(opened.fd, staging));
}

function startMerge(opened: OpenedDirectory, isLook: boolean, onReplace: (path: string) => void): Merge {
  return { isLook, device: fstatSync(opened.fd).dev, moved: 0, replaced: 0, conflicts: [], onReplace };
}

/** Counts what will be replaced; throws before anything has changed where something cannot take its place. */
function lookAtPlaces({ recorder }: RestorePart, opened: OpenedDirectory, staged: Buffer): Merge {
  const look = startMerge(opened, true, () => undefined);
  merge(look, staged, opened.fd, opened.path);
  if (look.conflicts.length > 0) throw createReasonError('target_refused', `Nothing was changed: ${look.conflicts.join('; ')}`);
  recorder.log('info', `${look.replaced} of ${look.moved} entries will replace what stands in their place`);
  return look;
}

/** Whether anything will be replaced. What stands in the way is told by the look right before the first move. */
function replacesAny(opened: OpenedDirectory, staged: Buffer): boolean {
  const look = startMerge(opened, true, () => undefined);
  merge(look, staged, opened.fd, opened.path);
  return look.conflicts.length === 0 && look.replaced > 0;
}

function isThere(path: string): boolean {
  try {
    lstatSync(Buffer.from(toStoredBytes(path)));
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(describeCode(error))) return false;
    throw error;
  }
}

function putInPlace({ recorder }: RestorePart, opened: OpenedDirectory, staged: Buffer, expected: Merge): Merge {
  const swap = startMerge(opened, false, (path) => {
    if (swap.replaced <= NAMED) recorder.log('info', `replaced ${path}`);
    else if (swap.replaced === NAMED + 1) recorder.log('info', 'more were replaced, which are not named here');
  });
  try {
    merge(swap, staged, opened.fd, opened.path);
    return swap;
  } catch (error) {
    const done = `${swap.moved} of ${expected.moved} entries had taken their place, ${swap.replaced} of them replaced what stood there; the others are as they were`;
    const words = error instanceof Error ? error.message : describeCode(error);
    throw createReasonError(describeCode(error) === 'ENOSPC' ? 'disk_full' : 'target_refused', `${done}. ${words}`, error);
  }
}

/** Now, by the clock of the disk that everything lies on, epoch milliseconds. */
function stampBeginning(staging: Buffer): number {
  chmodSync(staging, 0o700);
  return lstatSync(staging).ctimeMs;
}

/**
 * After a crash: what has not taken its place yet does so now, each by one rename as before. What was made or changed there since stays as it is,
 * and is returned in words, as is all that cannot take its place; `since` is in epoch milliseconds. Throws what the disk says.
 */
export function finishInPlace(
  run: string,
  { paths, configured, since }: Pick<InPlace, 'paths' | 'configured'> & { since: number },
): { moved: number; left: readonly string[] } {
  const opened = openDeepest(findCommonParent(paths), configured);
  try {
    const going = { ...startMerge(opened, false, () => undefined), since };
    merge(going, findStaged(opened, nameStaging(run)), opened.fd, opened.path);
    if (going.conflicts.length === 0) rmSync(pathThrough(opened.fd, nameStaging(run)), { recursive: true, force: true });
    return { moved: going.moved, left: going.conflicts };
  } finally {
    closeSync(opened.fd);
  }
}

export interface InPlace {
  /** Texts of `domain/stored-path.ts`. */
  paths: readonly string[];
  /** The paths that the source names; links on the way to them are followed where only root could have made them. */
  configured: readonly string[];
  /** Backs up what stands at those of the paths that are there. Throws where no clean backup came of it. Undefined: a person waived it. */
  backUp?: ((paths: readonly string[]) => Promise<Evidence>) | undefined;
}

/** Everything is written beside what stands there first, so that it needs room for all of it. */
async function openWithRoom(
  part: RestorePart,
  paths: readonly string[],
  configured: readonly string[],
): Promise<OpenedDirectory> {
  const bytes = await measureChosen(part, paths);
  const opened = openDeepest(findCommonParent(paths), configured);
  try {
    await assertRoomFor(part, `/proc/self/fd/${opened.fd}`, bytes, opened.path);
    return opened;
  } catch (error) {
    closeSync(opened.fd);
    throw error;
  }
}

/**
 * Throws a reason: `cancelled` only before anything was replaced, `target_refused` where something stands in the way, `safety_failed` without a
 * clean backup of what would be replaced.
 */
export async function restoreInPlace(part: RestorePart, { paths, configured, backUp }: InPlace): Promise<RestoreResult> {
  const { recorder, signal } = part;
  const staging = nameStaging(recorder.run);
  const opened = await inStage(recorder, 'preflight', () => openWithRoom(part, paths, configured));
  let isChanged = false;
  try {
    const outcome = await inStage(recorder, 'restore', async () => {
      mkdirSync(pathThrough(opened.fd, staging), { mode: 0o700 });
      return writeTree(part, pathThrough(opened.fd, staging, process.pid).toString(), paths);
    });
    const staged = findStaged(opened, staging);
    const isBackedUp = backUp !== undefined && !signal.aborted && replacesAny(opened, staged);
    const safety = isBackedUp ? [await inStage(recorder, 'safety', () => backUp(paths.filter(isThere)))] : [];
    const swapped = await inStage(recorder, 'swap', async () => {
      if (signal.aborted) throw createReasonError('cancelled', 'The restore was cancelled');
      const expected = lookAtPlaces(part, opened, staged);
      const counted = { files: await countFiles(staged), bytes: outcome.restored?.bytes ?? 0 };
      const since = stampBeginning(pathThrough(opened.fd, staging));
      part.remember?.({ made: [], placing: { ...counted, since, boot: readBootId() } });
      isChanged = true;
      return putInPlace(part, opened, staged, expected);
    });
    const { files = 0, bytes = 0 } = outcome.restored ?? {};
    recorder.log('info', `${files} files, ${bytes} bytes are back in place; ${swapped.replaced} entries were replaced`);
    return { evidence: [...outcome.evidence, ...safety], warnings: [], bytes };
  } catch (error) {
    if (isChanged) part.remember?.(undefined);
    else recorder.log('info', 'nothing on the host was replaced');
    throw error;
  } finally {
    rmSync(pathThrough(opened.fd, staging), { recursive: true, force: true });
    closeSync(opened.fd);
  }
}
