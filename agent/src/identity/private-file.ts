/** Small files that only the agent's own user may read, and that are always either the old text or the new one. */
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@holdfast/shared/errors.ts';

async function makeStateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'unknown error';
    if (errno === 'ENOSPC' || errno === 'EDQUOT') throw cause;
    throw new AppError(
      'invalid',
      `HOLDFAST_STATE_DIR (or --state-dir) must be a directory, there or not yet; ${directory} cannot be made (${errno})`,
      { cause },
    );
  }
}

/**
 * Makes the state directory, or closes an existing one of our own to others. Throws `invalid` when it cannot be made, `precondition` when it
 * belongs to somebody else or others could write to it, because then its content cannot be trusted.
 */
export async function ensurePrivateDirectory(directory: string): Promise<void> {
  try {
    await makeStateDirectory(directory);
    const { mode, uid } = await stat(directory);
    if (!isOurs(uid)) {
      throw new AppError(
        'precondition',
        `the state directory ${directory} belongs to another user: run chown on it, or choose another`,
      );
    }
    if ((mode & 0o022) !== 0) {
      throw new AppError(
        'precondition',
        `the state directory ${directory} can be written by other users: run chmod 700 ${directory}`,
      );
    }
    if ((mode & 0o055) !== 0) await chmod(directory, 0o700);
  } catch (cause) {
    throw explainFailure(cause, `the state directory ${directory} cannot be used`);
  }
}

/**
 * The text of a file, or undefined when there is none. Throws `precondition` when others may read or write it, or when it
 * belongs to somebody else; `maxBytes` bounds what is read.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    await using handle = await open(path, 'r');
    const { mode, uid, size } = await handle.stat();
    if (!isOurs(uid)) throw new AppError('precondition', `${path} belongs to another user: run chown on it`);
    if ((mode & 0o077) !== 0) {
      throw new AppError('precondition', `${path} can be read by other users of this host: run chmod 600 ${path}`);
    }
    if (size > maxBytes) throw new AppError('integrity', `${path} is larger than anything the agent writes`);
    return await handle.readFile('utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw explainFailure(cause, `${path} cannot be read`);
  }
}

/**
 * Replaces a file: new text to a temporary file of mode 0600, to disk, renamed into place, the directory to disk. When this
 * has returned, the new text survives a power cut; until then the old one does. One writer at a time per path.
 */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await writeThrough(temporary, text, constants.O_TRUNC);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw explainFailure(cause, `${path} cannot be written`);
  }
}

/**
 * Makes a file that must not exist yet, as durably as `replacePrivateFile`. False when there is one, even one that another
 * process made in the same instant. `unique` tells the temporary files of several processes apart.
 */
export async function createPrivateFile(path: string, text: string, unique: string): Promise<boolean> {
  const temporary = `${path}.${unique}.new`;
  try {
    await writeThrough(temporary, text, constants.O_EXCL);
    await link(temporary, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false;
    throw explainFailure(cause, `${path} cannot be written`);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function writeThrough(path: string, text: string, ifExists: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | ifExists;
  await using handle = await open(path, flags, 0o600);
  // A file left by a crash keeps its mode when it is written again.
  await handle.chmod(0o600);
  await handle.writeFile(text);
  await handle.sync();
}

/** Removes a file for good; nothing happens when there is none. */
export async function removePrivateFile(path: string): Promise<void> {
  try {
    await unlink(path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw explainFailure(cause, `${path} cannot be removed`);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

function isOurs(uid: number): boolean {
  return uid === process.geteuid?.();
}

function errnoOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
}

function explainFailure(cause: unknown, what: string): AppError {
  if (cause instanceof AppError) return cause;
  const errno = errnoOf(cause) ?? 'unknown';
  const advice =
    errno === 'ENOSPC' || errno === 'EDQUOT'
      ? 'the disk is full, free some space'
      : errno === 'EROFS'
        ? 'the file system is read-only'
        : 'check the owner and mode of the state directory';
  return new AppError('precondition', `${what} (${errno}): ${advice}`, { cause });
}
