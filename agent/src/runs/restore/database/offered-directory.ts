/**
 * The directories whose dump files this host's own configuration offers, entered by descriptor and name by name: whatever the server asks for, and
 * whatever a user of the host renames or links meanwhile, nothing outside of them is ever opened. Links in them are not followed.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { isAtOrBelow, splitStoredPath, toStoredBytes } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { showName } from '../../../engines/restic/classify.ts';
import { findEntry, openEntry, pathThrough } from '../files/real-directory.ts';
import { describeCode } from '../files/restore-staging.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** The deepest offered directory that the path is or lies below. Throws `forbidden`. */
function findOffered(offered: readonly string[], path: string): string {
  const [found] = offered.filter((place) => isAtOrBelow(path, place)).sort((one, other) => other.length - one.length);
  if (found !== undefined) return found;
  throw new AppError(
    'forbidden',
    offered.length === 0
      ? 'this host offers no dump files; its administrator names directories of them in HOLDFAST_DUMP_DIRS'
      : `${showName(path)} lies outside of the directories that HOLDFAST_DUMP_DIRS of this host names`,
  );
}

function createOpenError(path: string, error: unknown): AppError {
  const code = describeCode(error);
  const shown = showName(path);
  if (code === 'ENOENT') return new AppError('not_found', `there is no ${shown} on this host`, { cause: error });
  if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'EMLINK')
    return new AppError(
      'forbidden',
      `${shown} is, or lies behind, a link or something else than a directory, which is not followed`,
      {
        cause: error,
      },
    );
  return new AppError('forbidden', `${shown} cannot be opened (${code})`, { cause: error });
}

/** How often something is below an offered directory, from its names. */
function walk(root: string, names: readonly string[]): number {
  // The configuration may name a link itself.
  let fd = openSync(root, O_RDONLY | O_DIRECTORY);
  try {
    for (const name of names) {
      const next = openEntry(fd, toStoredBytes(name));
      closeSync(fd);
      fd = next;
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Opens a directory at or below an offered one; the descriptor is the caller's to close. Throws `forbidden` and `not_found`. */
export function openOfferedDirectory(offered: readonly string[], path: string): number {
  const root = findOffered(offered, path);
  try {
    return walk(root, splitStoredPath(path).slice(splitStoredPath(root).length));
  } catch (error) {
    throw createOpenError(path, error);
  }
}

export interface OpenedFile {
  /** For reading; the holder's to close. */
  descriptor: number;
  stats: Stats;
}

const createKindError = (path: string) => new AppError('forbidden', `${showName(path)} is no regular file`);

function assertRegular(descriptor: number, path: string): OpenedFile {
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return { descriptor, stats };
  closeSync(descriptor);
  throw createKindError(path);
}

/** Opens a regular file below an offered directory, without waiting for anything. Throws `forbidden` and `not_found`. */
export function openOfferedFile(offered: readonly string[], path: string): OpenedFile {
  const root = findOffered(offered, path);
  const names = splitStoredPath(path).slice(splitStoredPath(root).length);
  const name = names.at(-1);
  if (name === undefined) throw new AppError('forbidden', `${showName(path)} is a directory`);
  try {
    const parent = walk(root, names.slice(0, -1));
    try {
      // Opening a device may do something already.
      const standing = findEntry(parent, toStoredBytes(name));
      if (standing && !standing.isFile() && !standing.isSymbolicLink()) throw createKindError(path);
      const descriptor = openSync(pathThrough(parent, toStoredBytes(name)), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      return assertRegular(descriptor, path);
    } finally {
      closeSync(parent);
    }
  } catch (error) {
    throw error instanceof AppError ? error : createOpenError(path, error);
  }
}

/** For whoever stands at the host: a file of their own choice, links followed. Throws as the one above. */
export function openAnyFile(path: string): OpenedFile {
  try {
    return assertRegular(openSync(path, O_RDONLY | O_NONBLOCK), path);
  } catch (error) {
    throw error instanceof AppError ? error : createOpenError(path, error);
  }
}
