/** The journal's file: opened once, WAL, every commit on disk before it returns, all writes through `transact`. */
import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { AppError } from '@holdfast/shared/errors.ts';
import { isBusy, isUnwritable, toJournalError } from './fault.ts';
import { SCHEMA_STEPS } from './schema.ts';

/** The WAL file is cut back to this after a checkpoint. */
const WAL_KEEP_BYTES = 4 * 1024 * 1024;
const SYNCHRONOUS_FULL = 2;
const REQUIRED = [
  ['journal_mode', 'wal'],
  ['synchronous', SYNCHRONOUS_FULL],
  ['quick_check', 'ok'],
] as const;
/** Another connection only looks, and is done in moments. */
const WAIT_MS = 5000;
/** A rewriting can be tried again; nothing else goes on while it waits. */
const REWRITE_WAIT_MS = 250;

export interface Database {
  prepare(sql: string): StatementSync;
  /**
   * Runs `effects` in one transaction that is on disk when this returns; whatever it throws undoes all of it. Nested
   * calls join, and undo only themselves. `effects` is synchronous, writes to nothing but the journal, and is tried a
   * second time when room was made on a full disk. Throws `unavailable` when the disk refuses the write.
   */
  transact<T>(effects: () => T): T;
  readonly inTransaction: boolean;
  /** For use in a transaction: runs after the outermost commit; forgotten when it is undone. */
  afterCommit(hook: () => void): void;
  /**
   * Registers what is known of the file in memory: `remember` is called before each transaction and each nested one, and
   * what it returns is called when that one was undone.
   */
  onUndone(remember: () => () => void): void;
  /** Gives free pages back to the disk, at most `pages` of them. */
  shrink(pages: number): void;
  /**
   * Writes the whole file anew, so that nothing deleted is left in it or beside it. False when the disk refuses that, or somebody reads
   * just now: then something may be left, and another try is owed. Never inside a transaction.
   */
  rewrite(): boolean;
  close(): void;
}

/**
 * Opens or makes the file with mode 0600. `makeRoom` is called once when a transaction finds the disk full; true means
 * that another try may work. Throws `integrity` for a damaged file, `precondition` for one written by a newer agent.
 */
export function openDatabase(path: string, makeRoom: () => boolean): Database {
  const file = openWithRoom(path, makeRoom);
  const memories: (() => () => void)[] = [];
  let hooks: (() => void)[] = [];
  let depth = 0;

  /** SQLite has already undone everything by itself after some errors, a full disk among them. */
  const undo = (statement: string, restores: readonly (() => void)[]): void => {
    if (file.isTransaction) file.exec(statement);
    for (const restore of restores) restore();
  };
  const rememberAll = () => memories.map((remember) => remember());

  const runNested = <T>(effects: () => T): T => {
    const mark = `nested_${depth}`;
    const hooksBefore = hooks.length;
    const restores = rememberAll();
    file.exec(`SAVEPOINT ${mark}`);
    depth += 1;
    try {
      const result = runSynchronously(effects);
      file.exec(`RELEASE ${mark}`);
      return result;
    } catch (error) {
      undo(`ROLLBACK TO ${mark}; RELEASE ${mark}`, restores);
      hooks.length = hooksBefore;
      throw error;
    } finally {
      depth -= 1;
    }
  };

  const runOutermost = <T>(effects: () => T): T => {
    hooks = [];
    const restores = rememberAll();
    try {
      file.exec('BEGIN IMMEDIATE');
      depth = 1;
      const result = runSynchronously(effects);
      file.exec('COMMIT');
      return result;
    } catch (error) {
      hooks = [];
      undo('ROLLBACK', restores);
      throw toJournalError(error, path);
    } finally {
      depth = 0;
    }
  };

  const runWithRoom = <T>(effects: () => T): T => {
    try {
      return runOutermost(effects);
    } catch (error) {
      if (!isUnwritable(error) || !makeRoom()) throw error;
      return runOutermost(effects);
    }
  };

  return {
    prepare: (sql) => file.prepare(sql),
    transact(effects) {
      if (depth > 0) return runNested(effects);
      const result = runWithRoom(effects);
      const due = hooks;
      hooks = [];
      for (const hook of due) hook();
      return result;
    },
    get inTransaction() {
      return depth > 0;
    },
    afterCommit(hook) {
      hooks.push(hook);
    },
    onUndone: (remember) => void memories.push(remember),
    shrink: (pages) => file.exec(`PRAGMA incremental_vacuum(${Math.floor(pages)})`),
    rewrite: () => rewriteFile(file),
    close: () => file.close(),
  };
}

function rewriteFile(file: DatabaseSync): boolean {
  try {
    file.exec(`PRAGMA busy_timeout = ${REWRITE_WAIT_MS}`);
    file.exec('VACUUM');
    // What was deleted still stands in the write-ahead log until that is cut to nothing, for which nobody may be reading.
    return readPragma(file, 'wal_checkpoint(TRUNCATE)') === 0;
  } catch (error) {
    if (isBusy(error) || isUnwritable(toJournalError(error, ''))) return false;
    throw error;
  } finally {
    file.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
  }
}

/** A transaction that awaits would let others write into it. */
function runSynchronously<T>(effects: () => T): T {
  const result = effects();
  if (result instanceof Promise) throw new AppError('internal', 'a journal transaction must not be asynchronous');
  return result;
}

function openWithRoom(path: string, makeRoom: () => boolean): DatabaseSync {
  try {
    return openFile(path);
  } catch (error) {
    if (!isUnwritable(error) || !makeRoom()) throw error;
    return openFile(path);
  }
}

function openFile(path: string): DatabaseSync {
  let file: DatabaseSync | undefined;
  try {
    makePrivateFile(path);
    file = new DatabaseSync(path, { timeout: WAIT_MS });
    file.exec('PRAGMA auto_vacuum = INCREMENTAL');
    file.exec('PRAGMA journal_mode = WAL');
    file.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_KEEP_BYTES}`);
    for (const [name, wanted] of REQUIRED) judgePragma(name, readPragma(file, name), wanted);
    takeSchemaSteps(file, path);
    return file;
  } catch (error) {
    file?.close();
    throw toJournalError(error, path);
  }
}

/** SQLite gives the files beside the journal the mode of the journal itself. */
function makePrivateFile(path: string): void {
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  chmodSync(path, 0o600);
}

/** The first value of its first row. */
const readPragma = (file: DatabaseSync, pragma: string): unknown =>
  Object.values({ ...file.prepare(`PRAGMA ${pragma}`).get() })[0];

/** Throws when SQLite works in another way than it was told to, or found damage. Pure. */
export function judgePragma(name: string, seen: unknown, wanted: string | number): void {
  if (seen === wanted) return;
  const code = name === 'quick_check' ? 'integrity' : 'precondition';
  throw new AppError(code, `the journal cannot be trusted: ${name} is ${String(seen)} where ${wanted} is needed`);
}

function takeSchemaSteps(file: DatabaseSync, path: string): void {
  const taken = Number(readPragma(file, 'user_version'));
  if (taken > SCHEMA_STEPS.length) {
    throw new AppError('precondition', `the journal ${path} was written by a newer agent; install that version again`);
  }
  for (let step = taken; step < SCHEMA_STEPS.length; step += 1) {
    file.exec(`BEGIN IMMEDIATE; ${SCHEMA_STEPS[step]}; PRAGMA user_version = ${step + 1}; COMMIT`);
  }
}
