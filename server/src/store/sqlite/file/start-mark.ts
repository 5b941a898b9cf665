/**
 * Whether the database is the one this installation ran with last. Each start leaves a mark in the database and the same mark in a
 * file beside it, with the file's inode: a database that was put back from a copy, or exchanged, does not fit the mark, and the
 * server epoch rises, so that every host sends again what it still keeps. A copy of the whole directory, mark included, taken in
 * the present life of the server fits by its words and is given away by its inode; where that is kept as well, hosts notice by
 * what they were promised.
 *
 * Each start also puts a number, its stamp, into the head of the file itself, where it can be read without the write-ahead log:
 * a copy that was written over the database, into the same file, has another one, and the log beside it is not its own.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { SettingStore } from '../../trail.ts';

const SETTINGS = { epoch: 'server.epoch', start: 'server.start' } as const;

const markSchema = z.object({
  epoch: z.int().min(1),
  inode: z.string(),
  /** Of the write-ahead log at that start. */
  logInode: z.string().optional(),
  /** Starts the database may hold; two only while one is being exchanged for the other. */
  starts: z.array(z.string()).max(2),
  /** Stamps the head of the file may hold; two only while one is being exchanged for the other. */
  stamps: z.array(z.int()).max(2).optional(),
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

/** What was found in the database; `stamp` is undefined when it could not be told. */
interface Found {
  start: string | undefined;
  stamp: number | undefined;
  inode: string;
}

function isSameDatabase(mark: Mark | 'damaged' | undefined, { start, stamp, inode }: Found): boolean {
  if (mark === undefined) return start === undefined;
  if (mark === 'damaged' || start === undefined || !mark.starts.includes(start) || mark.inode !== inode) return false;
  return mark.stamps === undefined || stamp === undefined || mark.stamps.includes(stamp);
}

function findInode(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino.toString();
}

/** SQLite keeps the number it calls the user version in four bytes of the file's head. */
const STAMP_OFFSET = 60;

/** Never 0: that is the stamp of a copy. */
function chooseStamp(start: string): number {
  return createHash('sha256').update(start).digest().readUInt32BE() & 0x7fff_ffff || 1;
}

/**
 * What stands in the file itself, whatever its log says; undefined where there is no whole head. Never while this process has the
 * database open: closing the file would drop the locks of SQLite.
 */
function findStamp(path: string): number | undefined {
  if (findInode(path) === undefined) return undefined;
  const file = openSync(path, constants.O_RDONLY);
  try {
    const head = Buffer.alloc(4);
    return readSync(file, head, 0, 4, STAMP_OFFSET) === 4 ? head.readInt32BE() : undefined;
  } finally {
    closeSync(file);
  }
}

/** The database is written only after its log, within the time a checkpoint takes. */
const CHECKPOINT_MS = 60_000;

function wasExchanged(path: string, mark: Mark): boolean {
  if (findInode(path) !== mark.inode) return true;
  const stamp = findStamp(path);
  if (mark.stamps !== undefined && stamp !== undefined && !mark.stamps.includes(stamp)) return true;
  return statSync(path).mtimeMs - statSync(`${path}-wal`).mtimeMs > CHECKPOINT_MS;
}

/**
 * Moves the write-ahead log away that a killed server left beside a database which was exchanged since, by another file or by
 * other content in the same file: SQLite would write its pages into the wrong database. A log that came with the new database
 * stays. For before the database is opened; returns where the log is now.
 */
export function setAsideForeignLog(path: string): string | undefined {
  const mark = findMark(`${path}.start`);
  const log = findInode(`${path}-wal`);
  if (typeof mark !== 'object' || log === undefined || log !== mark.logInode) return undefined;
  if (findInode(path) === undefined || !wasExchanged(path, mark)) return undefined;
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
  // A disk that is full may refuse; the mark is refused then as well, and the next start tells.
  const held = await settings.findStamp().catch(() => undefined);
  const isReplaced = !isSameDatabase(mark, { start: before, stamp: held, inode });
  const known = Math.max(await readServerEpoch(settings), typeof mark === 'object' ? mark.epoch : 1);
  const epoch = isReplaced ? known + 1 : known;
  const stamp = chooseStamp(start);
  try {
    const either = held === undefined ? undefined : [held, stamp];
    // The file takes either word before the database changes its own, so that a death in between is no replacement.
    const logInode = findInode(`${path}-wal`);
    writeMark(markPath, { epoch, inode, logInode, starts: before === undefined ? [start] : [before, start], stamps: either });
    await settings.putSetting(SETTINGS.epoch, String(epoch));
    await settings.putSetting(SETTINGS.start, start);
    const stamps = (await settings.putStamp(stamp)) ? [stamp] : either;
    writeMark(markPath, { epoch, inode, logInode: findInode(`${path}-wal`), starts: [start], stamps });
  } catch (fault) {
    return { epoch, isReplaced, fault };
  }
  return { epoch, isReplaced };
}
