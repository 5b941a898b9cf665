/**
 * One writer process for a database. The lock is the operating system's, taken through SQLite on a file beside the
 * database, so it is gone the moment its holder dies, however it dies.
 */

import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';

export interface WriterLock {
  release(): void;
}

/** Takes the lock, or returns undefined when another process (or this one) already holds it. */
export function findWriterLock(databasePath: string): WriterLock | undefined {
  const lock = new Database(`${databasePath}.lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    lock.close();
    if (thrown instanceof Database.SqliteError && thrown.code === 'SQLITE_BUSY') return undefined;
    throw thrown;
  }
  return {
    release() {
      lock.close();
    },
  };
}

/** Takes the lock; `precondition` when it is held. */
export function acquireWriterLock(databasePath: string): WriterLock {
  const lock = findWriterLock(databasePath);
  if (lock) return lock;
  throw new AppError('precondition', `another Holdfast server already uses ${databasePath}; stop it before starting this one`);
}
