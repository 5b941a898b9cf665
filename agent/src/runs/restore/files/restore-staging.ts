/**
 * A private directory beside the place that a restore of files goes to, on the same disk: everything is written and proven there first, and
 * takes its place by renames. Its name says whose it is, so that what a crash leaves is found again.
 */
import { lstatSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import {
  findCommonParent,
  findParentPath,
  isAtOrBelow,
  joinStoredPath,
  toStoredBytes,
  toStoredText,
} from '@holdfast/shared/domain/stored-path.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { showName } from '../../../engines/restic/classify.ts';

export function nameStaging(run: string): string {
  return `.holdfast-restore-${run}`;
}

export function joinBytes(directory: string | Uint8Array, name: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), Buffer.from(name)]);
}

export function describeCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

/**
 * Makes a directory with its parents, private to the agent. Returns the topmost one that was made; undefined when it was there. Throws with
 * reason `target_refused` where it cannot be made.
 */
export async function makeDirectory(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw createReasonError('target_refused', `${showName(path)} cannot be created (${describeCode(error)})`, error);
  }
}

/**
 * Removes directories that were made for a restore, from the inside out. One that holds something else by then stays: another restore may have
 * begun in the same new parent.
 */
export async function removeMade(path: string, created: string | undefined): Promise<void> {
  if (created === undefined) return;
  const top = resolve(created);
  for (let made = resolve(path); made.length >= top.length; made = dirname(made)) {
    try {
      await rmdir(made);
    } catch (error) {
      const code = describeCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EBUSY') return;
      if (code !== 'ENOENT') throw error;
    }
  }
}

/** An entry of a directory, known again by what it is: another that bears its name later is not it. */
export interface NotedEntry {
  path: Buffer;
  device: bigint;
  inode: bigint;
  /** The number of a file that is gone is given to a new one, which was made later. */
  bornNs: bigint;
}

export async function noteEntry(path: Buffer): Promise<NotedEntry> {
  const { dev, ino, birthtimeNs } = await lstat(path, { bigint: true });
  return { path, device: dev, inode: ino, bornNs: birthtimeNs };
}

async function isStillThere({ path, device, inode, bornNs }: NotedEntry): Promise<boolean> {
  const standing = await noteEntry(path).catch(() => undefined);
  return standing?.device === device && standing.inode === inode && standing.bornNs === bornNs;
}

/** Removes entries with what is below them; what has taken the place of one since stays. Returns those that could not be removed. */
export async function removeNoted(entries: readonly NotedEntry[]): Promise<readonly NotedEntry[]> {
  const left: NotedEntry[] = [];
  for (const entry of entries) {
    if (!(await isStillThere(entry))) continue;
    await rm(entry.path, { recursive: true, force: true }).catch(() => left.push(entry));
  }
  return left;
}

/**
 * Removes from a restored tree what was not chosen. A name that is no UTF-8 is asked of restic by a pattern that its look-alikes fit as well;
 * on the disk the names are told apart.
 */
export async function removeUnchosen(directory: Uint8Array, paths: readonly string[], at = '/'): Promise<void> {
  for (const entry of await readdir(Buffer.from(directory), { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinStoredPath(at, toStoredText(entry.name));
    if (paths.some((chosen) => isAtOrBelow(path, chosen))) continue;
    const place = joinBytes(directory, entry.name);
    const isOnTheWay = entry.isDirectory() && paths.some((chosen) => isAtOrBelow(chosen, path));
    if (isOnTheWay) await removeUnchosen(place, paths, path);
    else await rm(place, { recursive: true, force: true });
  }
}

/** Everything below but directories, whatever the names are made of. */
export async function countFiles(directory: Uint8Array): Promise<number> {
  let found = 0;
  for (const entry of await readdir(Buffer.from(directory), { withFileTypes: true, encoding: 'buffer' }))
    found += entry.isDirectory() ? await countFiles(joinBytes(directory, entry.name)) : 1;
  return found;
}

/** Where a restore may have left its private directory or file. */
function listStagingParents(target: RestoreTarget): Buffer[] {
  if (target.kind === 'directory') return [Buffer.from(target.path)];
  if (target.kind === 'archive' || target.kind === 'file') return [Buffer.from(dirname(target.path))];
  if (target.kind !== 'in_place') return [];
  const parents: Buffer[] = [];
  for (let at = findCommonParent(target.paths); ; at = findParentPath(at)) {
    parents.push(Buffer.from(toStoredBytes(at)));
    if (at === '/') return parents;
  }
}

/** What a restore of files that was cut off had written and not put in place; mostly nothing. */
export function findStaging(run: string, target: RestoreTarget): readonly Buffer[] {
  return listStagingParents(target)
    .map((parent) => joinBytes(parent, nameStaging(run)))
    .filter((path) => {
      try {
        return !lstatSync(path).isSymbolicLink();
      } catch {
        return false;
      }
    });
}

/** Removes what `findStaging` found; throws nothing. Returns what is gone. */
export async function removeStaging(paths: readonly Buffer[]): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const path of paths) {
    const isGone = await rm(path, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (isGone) removed.push(path.toString());
  }
  return removed;
}
