/**
 * Forward-only migrations: `NNNN_name.sql`, applied in order, all that a start finds in one transaction, each with a checksum that must
 * never change afterwards. A store that holds anything is copied before them.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@holdfast/shared/errors.ts';
import type Database from 'better-sqlite3';
import * as z from 'zod';
import { registerAuditHash } from '../audit-chain.ts';
import { copyDatabase } from './copy.ts';
import { toStoreError } from './faults.ts';

export interface Migration {
  version: number;
  name: string;
  checksum: string;
  sql: string;
}

const FILE_NAME = /^(\d{4})_([a-z0-9_-]+)\.sql$/u;
/** A migration runs inside our transaction, so it may not end it or do what a transaction cannot hold. */
const FORBIDDEN = /^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|PRAGMA)\b/imu;

/** Reads the migrations of a folder; `internal` when the numbers are not 1, 2, 3 … or a file does what it must not. */
export function readMigrations(directory: string): readonly Migration[] {
  const migrations = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file): Migration => {
      const parts = FILE_NAME.exec(file);
      const sql = readFileSync(join(directory, file), 'utf8');
      if (!parts) throw new AppError('internal', `${file} is not named like a migration (NNNN_name.sql)`);
      if (FORBIDDEN.test(sql)) throw new AppError('internal', `migration ${file} must not handle transactions or pragmas itself`);
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { version: Number(parts[1]), name: parts[2] ?? '', checksum, sql };
    });
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) throw new AppError('internal', `migration ${index + 1} is missing in ${directory}`);
  });
  if (migrations.length === 0) throw new AppError('internal', `there are no migrations in ${directory}`);
  return migrations;
}

const appliedRow = z.object({ version: z.int(), name: z.string(), checksum: z.string() });
type Applied = z.infer<typeof appliedRow>;

function listApplied(db: Database.Database): Applied[] {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'").get();
  if (known === undefined) return [];
  return z.array(appliedRow).parse(db.prepare('SELECT version, name, checksum FROM schema_migrations ORDER BY version').all());
}

/** The version a database stands at; `precondition` when it is not this build's past. */
export function checkSchema(db: Database.Database, migrations: readonly Migration[], path: string): number {
  const applied = listApplied(db);
  const current = applied.at(-1)?.version ?? 0;
  if (current > migrations.length) {
    throw new AppError(
      'precondition',
      `the database ${path} has schema ${current}, this version of Holdfast knows up to ${migrations.length}; ` +
        'start the newer version, or put back the copy made before its migration',
    );
  }
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (migration?.version !== row.version || migration.checksum !== row.checksum) {
      throw new AppError(
        'precondition',
        `migration ${row.version} (${row.name}) was applied to ${path} in another form than this version brings; ` +
          'start the version that made the database',
      );
    }
  }
  return current;
}

/** Where the copy lies that was taken before migrations that begin with this one. */
export function copyPath(path: string, version: number): string {
  return `${path}.before-${String(version).padStart(4, '0')}`;
}

/** A damaged file is neither copied nor changed. */
function refuseDamaged(db: Database.Database, path: string): void {
  const verdict: unknown = db.pragma('quick_check(1)', { simple: true });
  if (verdict === 'ok') return;
  throw new AppError('integrity', `the database ${path} is damaged (${String(verdict)}); restore a copy before this update`);
}

/** All or none, so that a version that fails to begin leaves the one before a database it knows. */
function applyAll(db: Database.Database, pending: readonly Migration[], now: number): void {
  const note = db.prepare('INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)');
  let at = pending[0];
  const apply = db.transaction(() => {
    for (const migration of pending) {
      at = migration;
      db.exec(migration.sql);
      note.run(migration.version, migration.name, migration.checksum, now);
    }
    const broken = db.pragma('foreign_key_check');
    if (!Array.isArray(broken) || broken.length > 0) throw new Error('rows would refer to rows that do not exist');
  });
  try {
    apply.immediate();
  } catch (thrown) {
    const error = toStoreError(thrown);
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new AppError(
      error.code,
      `migration ${at?.version} (${at?.name}) failed and changed nothing: ${why}; the version before still starts`,
      { cause: thrown },
    );
  }
}

/** Brings a database to the newest schema and returns it. */
export function migrate(
  db: Database.Database,
  migrations: readonly Migration[],
  options: { path: string; now: () => number },
): number {
  const current = checkSchema(db, migrations, options.path);
  const pending = migrations.slice(current);
  if (pending.length === 0) return current;
  if (current > 0) refuseDamaged(db, options.path);
  db.pragma('foreign_keys = OFF');
  registerAuditHash(db);
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`);
  if (current > 0) copyDatabase(db, copyPath(options.path, current + 1));
  applyAll(db, pending, options.now());
  db.pragma('foreign_keys = ON');
  return migrations.length;
}
