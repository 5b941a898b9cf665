/**
 * Whether the database is the one this installation ran with last. Each start leaves a mark in the database and the same mark in a
 * file beside it, with the file's inode: a database that was put back from a copy, or exchanged, does not fit the mark, and the
 * server epoch rises, so that every host sends again what it still keeps. A copy of the whole directory, mark included, taken in
 * the present life of the server fits by its words and is given away by its inode; where that is kept as well, hosts notice by
 * what they were promised.
 */
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { SettingStore } from '../trail.ts';

const SETTINGS = { epoch: 'server.epoch', start: 'server.start' } as const;

const markSchema = z.object({
  epoch: z.int().min(1),
  inode: z.string(),
  /** Of the write-ahead log at that start. */
  logInode: z.string().optional(),
  /** Starts the database may hold; two only while one is being exchanged for the other. */
  starts: z.array(z.string()).max(2),
});
type Mark = z.infer<typeof markSchema>;

export interface StartOptions {
  /** The database file. */
  path: string;
  settings: SettingStore;
  /** A fresh random word. */
  start: string;
}

export interface StartVerdict {
  /** At least 1; only rises. */
  epoch: number;
  /** The database is not the one that ran last: the epoch was raised. */
  isReplaced: boolean;
  /** Why the mark could not be written; the start goes on, and the next one compares with the older mark. */
  fault?: unknown;
}

function findMark(path: string): Mark | 'damaged' | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return markSchema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

/** On disk, whole or not at all, when this returns. */
function writeMark(path: string, mark: Mark): void {
  const fresh = `${path}.new`;
  const file = openSync(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(file, `${JSON.stringify(mark)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  const folder = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function isSameDatabase(mark: Mark | 'damaged' | undefined, start: string | undefined, inode: string): boolean {
  if (mark === undefined) return start === undefined;
  return mark !== 'damaged' && start !== undefined && mark.starts.includes(start) && mark.inode === inode;
}

function findInode(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino.toString();
}

/**
 * Moves the write-ahead log away that a killed server left beside a database which was exchanged since: SQLite would write its
 * pages into the wrong database. A log that came with the new database stays. For before the database is opened; returns where
 * the log is now.
 */
export function setAsideForeignLog(path: string): string | undefined {
  const mark = findMark(`${path}.start`);
  const log = findInode(`${path}-wal`);
  if (typeof mark !== 'object' || log === undefined || findInode(path) === mark.inode || log !== mark.logInode) return undefined;
  const aside = `${path}-wal.foreign`;
  renameSync(`${path}-wal`, aside);
  rmSync(`${path}-shm`, { force: true });
  return aside;
}

/** The epoch without leaving a mark, for commands that run beside a server. */
export async function readServerEpoch(settings: SettingStore): Promise<number> {
  return Number((await settings.findSetting(SETTINGS.epoch)) ?? '1');
}

/** Compares, raises the epoch when needed, and leaves the mark of this start. For the process that owns the database. */
export async function settleServerEpoch({ path, settings, start }: StartOptions): Promise<StartVerdict> {
  const markPath = `${path}.start`;
  const mark = findMark(markPath);
  const before = await settings.findSetting(SETTINGS.start);
  const inode = findInode(path) ?? '';
  const isReplaced = !isSameDatabase(mark, before, inode);
  const known = Math.max(await readServerEpoch(settings), typeof mark === 'object' ? mark.epoch : 1);
  const epoch = isReplaced ? known + 1 : known;
  try {
    // The file takes either word before the database changes its own, so that a death in between is no replacement.
    writeMark(markPath, { epoch, inode, starts: before === undefined ? [start] : [before, start] });
    await settings.putSetting(SETTINGS.epoch, String(epoch));
    await settings.putSetting(SETTINGS.start, start);
    writeMark(markPath, { epoch, inode, logInode: findInode(`${path}-wal`), starts: [start] });
  } catch (fault) {
    return { epoch, isReplaced, fault };
  }
  return { epoch, isReplaced };
}
