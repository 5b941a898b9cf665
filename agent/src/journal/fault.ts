/** What SQLite's errors mean for the journal. */
import { AppError } from '@holdfast/shared/errors.ts';

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** The word in `details.reason` of the error that says nothing can be written to the state directory now. */
const UNWRITABLE = 'journal_unwritable';

function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** SQLite's primary result code; what else is in the number only says more about it. */
const toPrimaryCode = (error: { errcode: number }) => error.errcode & 0xff;

export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && toPrimaryCode(error) === SQLITE_BUSY;
}

/**
 * Whether the disk refused a write: full, read-only or failing. What is in memory then is still good and can be tried
 * again.
 */
export function isUnwritable(error: unknown): boolean {
  return error instanceof AppError && error.details['reason'] === UNWRITABLE;
}

/** The error of a write that the disk of `path` refuses. */
export function createUnwritableError(path: string, why: string, cause?: unknown): AppError {
  return new AppError('unavailable', `the journal ${path} cannot be written (${why}); free space on its disk`, {
    details: { reason: UNWRITABLE },
    cause,
  });
}

/** SQLite's error in the product's words; anything else is handed back as it is. */
export function toJournalError(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error;
  const text = error.message;
  switch (toPrimaryCode(error)) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return createUnwritableError(path, text, error);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new AppError(
        'integrity',
        `the journal ${path} is damaged (${text}). Stop the agent, keep the file for an inquiry and move it away: ` +
          'the agent then begins a new one and the server sends its plans again. Events that the server did not have yet are lost.',
        { cause: error },
      );
    default:
      return error;
  }
}
