/**
 * The one door to SQL: statements are prepared once, when they are first used, parameters are bound by name, rows are parsed by a
 * schema, and all work happens inside a transaction whose failures are AppErrors.
 */

import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import type * as z from 'zod';
import { toStoreError } from './file/faults.ts';

export type Param = string | number | boolean | Uint8Array | null | undefined;
export type Params = Readonly<Record<string, Param>>;

export interface Select<T> {
  find(params?: Params): T | undefined;
  list(params?: Params): T[];
}

export interface Change {
  /** Returns the number of rows changed. */
  run(params?: Params): number;
}

export interface Sql {
  /** A statement that returns rows. The same text is prepared once, however often it is asked for. */
  select<T>(text: string, row: z.ZodType<T>): Select<T>;
  /** A statement that changes rows and returns none. */
  change(text: string): Change;
  /** Runs reads on one consistent view. */
  read<T>(work: () => T): Promise<T>;
  /** Runs work in one write transaction: all of it is stored, with an fsync, or nothing. */
  write<T>(work: () => T): Promise<T>;
  /** A write that nobody misses, such as when something was last used: left out while the store takes no writes. */
  note(work: () => void): Promise<void>;
}

export interface PreparableSql extends Sql {
  /** Prepares every statement asked for until now. Throws `integrity` when the schema lacks what one of them names. */
  prepareAll(): void;
}

export interface SqlWatch {
  /** Called after a write failed because the disk is full, when its transaction is rolled back. */
  onFull(): void;
  /** Hears of every failure of the database. */
  onFault(error: AppError): void;
  /** Throws when nothing may be written. */
  guardWrite(): void;
}

/** The names of a statement's parameters. */
function listNames(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/@([A-Za-z]+)/gu)].map((match) => match[1] ?? ''))];
}

/** Binds what SQLite knows: a missing value is NULL, a flag is 0 or 1. Values the statement does not name are left aside. */
function bind(names: readonly string[], params: Params): Record<string, string | number | Uint8Array | null> {
  const bound: Record<string, string | number | Uint8Array | null> = {};
  for (const name of names) {
    const value = params[name];
    bound[name] = value === undefined ? null : typeof value === 'boolean' ? Number(value) : value;
  }
  return bound;
}

function parseRow<T>(schema: z.ZodType<T>, row: unknown, text: string): T {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new AppError('integrity', `a stored row does not have the form this version expects (${where}); restore a copy`, {
    details: { statement: text.slice(0, 200) },
  });
}

interface Prepared {
  statement: Database.Statement;
  names: readonly string[];
}

/** Statements fit the schema whose checksum was checked at the opening; when SQLite disagrees, the file's own schema is damaged. */
function toSchemaError(thrown: unknown): unknown {
  if (!(thrown instanceof Database.SqliteError) || thrown.code !== 'SQLITE_ERROR') return thrown;
  return new AppError('integrity', `the database lacks what its version has (${thrown.message}); restore a copy of it`, {
    cause: thrown,
  });
}

export function createSql(db: Database.Database, watch: SqlWatch): PreparableSql {
  /** Every text that was asked for; undefined until it is used. */
  const prepared = new Map<string, Prepared | undefined>();
  const prepare = (text: string): Prepared => {
    const known = prepared.get(text);
    if (known) return known;
    try {
      const made = { statement: db.prepare(text), names: listNames(text) };
      prepared.set(text, made);
      return made;
    } catch (thrown) {
      const error = toSchemaError(thrown);
      if (error instanceof AppError) watch.onFault(error);
      throw error;
    }
  };
  const register = (text: string): void => {
    if (!prepared.has(text)) prepared.set(text, undefined);
  };
  const transact = db.transaction((work: () => unknown) => work());
  const perform = async <T>(mode: 'deferred' | 'immediate', work: () => T): Promise<T> => {
    try {
      return transact[mode](work) as T;
    } catch (thrown) {
      const error = toStoreError(thrown);
      if (error.details['full'] === true) watch.onFull();
      // Work may throw errors of its own; only those of SQLite tell of the file.
      if (error !== thrown) watch.onFault(error);
      throw error;
    }
  };
  const write = async <T>(work: () => T): Promise<T> => {
    watch.guardWrite();
    return await perform('immediate', work);
  };

  return {
    select(text, row) {
      register(text);
      return {
        find(params = {}) {
          const { statement, names } = prepare(text);
          const found = statement.get(bind(names, params));
          return found === undefined ? undefined : parseRow(row, found, text);
        },
        list(params = {}) {
          const { statement, names } = prepare(text);
          return statement.all(bind(names, params)).map((found) => parseRow(row, found, text));
        },
      };
    },
    change(text) {
      register(text);
      return {
        run(params = {}) {
          const { statement, names } = prepare(text);
          return statement.run(bind(names, params)).changes;
        },
      };
    },
    read: (work) => perform('deferred', work),
    write,
    async note(work) {
      try {
        await write(work);
      } catch (thrown) {
        if (!(thrown instanceof AppError) || thrown.code !== 'integrity') throw thrown;
      }
    },
    prepareAll() {
      for (const text of prepared.keys()) prepare(text);
    },
  };
}
