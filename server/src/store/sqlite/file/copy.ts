/**
 * Whole copies of the database. One is made from a single view of it, so that writers neither disturb it nor make it begin again,
 * is read from end to end before it counts, and exists under its name only when it is complete and on disk. It is one file
 * without a log. Its stamp is 0, which no server ever has: put in the place of the database, it is known for a copy.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import { toStoreError } from './faults.ts';

const BUSY_MS = 10_000;

function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function sealCopy(draft: string): void {
  const copy = new Database(draft, { fileMustExist: true });
  try {
    copy.pragma('journal_mode = DELETE');
    copy.pragma('user_version = 0');
    const verdict: unknown = copy.pragma('integrity_check(1)', { simple: true });
    const broken: unknown = copy.pragma('foreign_key_check');
    if (verdict === 'ok' && Array.isArray(broken) && broken.length === 0) return;
    throw new AppError(
      'integrity',
      `the copy is not whole (${String(verdict)}), so the database is damaged; keep the copies there are`,
    );
  } finally {
    copy.close();
  }
}

/** Makes a copy of an open database; an older copy under that name is replaced when the new one is whole. */
export function copyDatabase(db: Database.Database, target: string): void {
  const draft = join(dirname(target), `${basename(target)}.making`);
  rmSync(draft, { force: true });
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    db.prepare('VACUUM INTO ?').run(draft);
    sealCopy(draft);
    syncPath(draft);
    renameSync(draft, target);
    syncPath(dirname(target));
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Copies the store at `path` beside a running server or without one; returns the copy's size in bytes. Throws `invalid` for a
 * target that is the store itself or can be no file, and where there is no store; `integrity` when it is damaged.
 */
export function backUpStore(path: string, target: string): number {
  const known = statSync(path, { throwIfNoEntry: false });
  if (known === undefined) throw new AppError('invalid', `HOLDFAST_DATA_DIR: there is no database at ${path}`);
  const parent = dirname(resolve(target));
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory())
    throw new AppError('invalid', `--to: ${parent} is no directory; make it, or name the file elsewhere`);
  const there = statSync(target, { throwIfNoEntry: false });
  const isStore = resolve(target).startsWith(resolve(path)) || (there?.dev === known.dev && there.ino === known.ino);
  if (isStore) throw new AppError('invalid', 'a copy needs another name than the database and what belongs to it');
  if (there !== undefined && !there.isFile())
    throw new AppError('invalid', `${target} is no file; name the file the copy becomes`);
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      copyDatabase(db, resolve(target));
    } finally {
      db.close();
    }
    return statSync(target).size;
  } catch (thrown) {
    throw toStoreError(thrown);
  }
}
