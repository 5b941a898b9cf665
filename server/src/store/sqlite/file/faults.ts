/** Turns what SQLite throws into the store's errors, each with what to do about it. */

import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';

/** Columns as people know them; what is not here keeps its own name. */
const FIELD_OF_COLUMN: Readonly<Record<string, string>> = { name_key: 'name', signing_key: 'signingKey' };

type SqliteError = InstanceType<typeof Database.SqliteError>;

function createUniqueError(error: SqliteError): AppError {
  const column = /([a-z_]+)$/u.exec(error.message)?.[1] ?? 'id';
  const field = FIELD_OF_COLUMN[column] ?? column;
  const message = field === 'name' ? 'this name is already taken; choose another' : `this ${field} is already in use`;
  return new AppError('conflict', message, { details: { field }, cause: error });
}

function isSqliteError(thrown: unknown): thrown is SqliteError {
  return thrown instanceof Database.SqliteError;
}

/** A failure of the file system around the database: a missing folder, rights, no room. */
function toFileError(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ('syscall' in thrown || /directory does not exist/u.test(thrown.message)) {
    return new AppError(
      'unavailable',
      `the database’s folder cannot be used: ${thrown.message}; check its path, disk and rights`,
      {
        cause: thrown,
      },
    );
  }
  return undefined;
}

/** `details.full` is true when the disk has no room left. AppErrors pass through. */
export function toStoreError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof TypeError && /connection is not open/u.test(thrown.message)) {
    return new AppError('unavailable', 'the store is closed: the server is stopping', { cause: thrown });
  }
  if (!isSqliteError(thrown)) return toFileError(thrown) ?? toAppError(thrown);
  const { code } = thrown;
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') return createUniqueError(thrown);
  if (code === 'SQLITE_CONSTRAINT_FOREIGNKEY') {
    return new AppError('not_found', 'something this refers to does not exist any more; reload and try again', { cause: thrown });
  }
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new AppError('unavailable', 'the disk with the database is full, nothing was stored; make room on it', {
      details: { full: true },
      cause: thrown,
    });
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new AppError('unavailable', 'the database is busy: another program holds it; try again in a moment', {
      cause: thrown,
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new AppError('integrity', 'the database file is damaged; stop the server and restore a copy of it', { cause: thrown });
  }
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) {
    return new AppError('unavailable', `the database file cannot be read or written (${code}); check its disk and rights`, {
      cause: thrown,
    });
  }
  return toAppError(thrown);
}
