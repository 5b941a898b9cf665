/**
 * Directories held open by descriptor, entered name by name. What is reached through them stays the same whatever anybody renames or links
 * meanwhile: a link that a user of the host slips in never leads a restore elsewhere.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { isAtOrBelow, joinStoredPath, splitStoredPath, toStoredBytes } from '@holdfast/shared/domain/stored-path.ts';
import { showName } from '../../../engines/restic/classify.ts';
import { describeCode, joinBytes } from './restore-staging.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** The path by which this process, and its children under its pid, reach what lies in an open directory. */
export function pathThrough(fd: number, name: string | Uint8Array, pid: number | 'self' = 'self'): Buffer {
  return joinBytes(`/proc/${pid}/fd/${fd}`, name);
}

export function findEntry(fd: number, name: string | Uint8Array): Stats | undefined {
  try {
    return lstatSync(pathThrough(fd, name));
  } catch (error) {
    if (describeCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens a directory in an open one; a link there is an error of the system (`ENOTDIR` or `ELOOP`). */
export function openEntry(fd: number, name: string | Uint8Array): number {
  return openSync(pathThrough(fd, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Nobody but root could have put a link there. */
function isGuarded(directory: Stats, link: Stats): boolean {
  return link.uid === 0 && directory.uid === 0 && (directory.mode & 0o022) === 0;
}

function step(fd: number, path: string, name: Uint8Array, standing: Stats, configured: readonly string[]): number {
  if (!standing.isSymbolicLink()) {
    if (!standing.isDirectory()) throw createReasonError('target_refused', `${showName(path)} is no directory on this host`);
    return openEntry(fd, name);
  }
  // On the way to what the source names links are how the host is made (`/home`), where nobody but root can change them.
  const isOnTheWay = configured.some((place) => isAtOrBelow(place, path));
  if (!isOnTheWay || !isGuarded(fstatSync(fd), standing))
    throw createReasonError('target_refused', `${showName(path)} is a link on this host and a directory in the snapshot`);
  return openSync(pathThrough(fd, name), O_RDONLY | O_DIRECTORY);
}

export interface OpenedDirectory {
  /** To be closed by the caller. */
  fd: number;
  /** How far the way is there. */
  path: string;
}

/**
 * Opens the deepest directory that is there on the way to `path`, a text of `domain/stored-path.ts`. Throws with reason `target_refused` where
 * something else than a directory stands in the way, or a link that may not be followed. `configured`: the paths that the source names.
 */
export function openDeepest(path: string, configured: readonly string[]): OpenedDirectory {
  let opened: OpenedDirectory = { fd: openSync('/', O_RDONLY | O_DIRECTORY), path: '/' };
  try {
    for (const name of splitStoredPath(path)) {
      const bytes = toStoredBytes(name);
      const standing = findEntry(opened.fd, bytes);
      if (!standing) break;
      const next = joinStoredPath(opened.path, name);
      const fd = step(opened.fd, next, bytes, standing, configured);
      closeSync(opened.fd);
      opened = { fd, path: next };
    }
    return opened;
  } catch (error) {
    closeSync(opened.fd);
    throw error;
  }
}
