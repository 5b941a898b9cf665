/** The sealed copies in a database, without its keys: from the file of a server that is gone, or from any copy of it. */
import { existsSync } from 'node:fs';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import * as z from 'zod';
import { toStoreError } from './faults.ts';

export interface SealedFile {
  repository: string;
  name: string;
  recipient: string;
  madeAt: number;
  /** An armored age file. */
  sealed: string;
}

const rowSchema = z.object({
  repository: z.string(),
  name: z.string(),
  recipient: z.string(),
  madeAt: z.int(),
  sealed: z.string(),
});

/** By name. Reads alone. Throws `not_found` where there is no file, `precondition` for a database from before there were such copies. */
export function readSealedCopies(path: string): readonly SealedFile[] {
  if (!existsSync(path)) throw new AppError('not_found', `there is no database ${path}`);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'recovery_copies'").get() === undefined)
      throw new AppError('precondition', `${path} is no database of Holdfast that knows a recovery key`);
    const rows: unknown = db
      .prepare(
        `SELECT c.repository_id AS repository, r.name, c.recipient, c.made_at AS madeAt, c.sealed
         FROM recovery_copies c JOIN repositories r ON r.id = c.repository_id ORDER BY r.name_key, r.id`,
      )
      .all();
    return z.array(rowSchema).parse(rows);
  } catch (thrown) {
    throw toStoreError(thrown);
  } finally {
    db?.close();
  }
}
