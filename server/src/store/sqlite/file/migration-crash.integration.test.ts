import assert from 'node:assert/strict';
import { type ExecFileException, execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findPrepared } from '@holdfast/shared/fixtures/prepared-programs.ts';
import Database from 'better-sqlite3';
import { splitStatements } from '../fixtures/statements-of.ts';
import { openSqliteStore } from '../open.ts';
import { copyPath, migrate, readMigrations } from './migrations.ts';

// In memory: what is asked here does not depend on the disk.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-migration-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
/** The tests' own: a process that is killed does not write what it has stripped of its types. */
const cache = join(import.meta.dirname, '../../../../../node_modules/.cache/holdfast-tests');
const fixture = findPrepared('migrate-until-killed', join(import.meta.dirname, '../fixtures/migrate-until-killed.ts'));
const migrations = readMigrations(migrationsDir);
after(() => rmSync(directory, { recursive: true }));

/** The newest are killed at every boundary; those before them, which were the newest once, in the middle. */
const NEWEST = 6;

function listBoundaries(version: number, statements: number): readonly number[] {
  if (version > migrations.length - NEWEST) return Array.from({ length: statements + 1 }, (_, at) => at);
  return [Math.floor(statements / 2)];
}

let made = 0;
function freshFolder(): string {
  made += 1;
  const folder = join(directory, `${made}`);
  mkdirSync(folder);
  return folder;
}

/** The schema of a database, whatever wrote it. */
function readSchema(path: string): unknown[] {
  const db = new Database(path);
  try {
    return db
      .prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite_%' AND name <> 'schema_migrations' ORDER BY name",
      )
      .all();
  } finally {
    db.close();
  }
}

/** A store of an older version with a value in it; version 0 is an empty file with the list of migrations. */
function makeOlder(version: number): string {
  const path = join(freshFolder(), 'holdfast.db');
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  migrate(db, migrations.slice(0, version), { path, now: () => 7 });
  if (version > 0) db.prepare("INSERT INTO settings (tenant_id, name, value) VALUES ('ten_default', 'kept', 'value')").run();
  db.close();
  return path;
}

/** How the process ended. */
function run(command: string, args: readonly string[]): Promise<{ code: number | null; signal: string | null; said: string }> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: cache } },
      (error: ExecFileException | null, _out, said) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : null,
          signal: error?.signal ?? null,
          said,
        }),
    );
  });
}

/** What the next start finds: every migration, the value that was there before, and no half-made copy. */
async function assertStarts(path: string, older: number, when: string): Promise<void> {
  const store = await openSqliteStore({ path, migrationsDir, clock: { now: () => 9 }, ballastBytes: 0 });
  assert.deepEqual(store.schema, { current: migrations.length, newest: migrations.length }, when);
  if (older > 0) assert.equal(await store.settings.findSetting('kept'), 'value', when);
  await store.settings.putSetting('kept', 'goes on');
  await store.close();
  const folder = join(path, '..');
  assert.deepEqual(
    readdirSync(folder).filter((file) => file.includes('.making')),
    [],
    when,
  );
}

describe('A server that is killed while it brings its database to a newer schema', () => {
  for (const { version, name, sql } of migrations) {
    const attempts = [...listBoundaries(version, splitStatements(sql).length)];
    it(`has all of a migration or nothing at the boundaries of its statements: ${name}`, async () => {
      const older = makeOlder(version - 1);
      const before = readSchema(older);
      const kill = async (statements: number): Promise<void> => {
        const path = join(freshFolder(), 'holdfast.db');
        copyFileSync(older, path);
        const when = `killed after ${statements} statements`;
        const ended = await run(process.execPath, [fixture, path, migrationsDir, String(version), String(statements)]);
        assert.equal(ended.signal, 'SIGKILL', `${when}: ${ended.said}`);
        assert.deepEqual(readSchema(path), before, when);
        // The way back: the copy from before the migrations is whole.
        if (version > 1) assert.deepEqual(readSchema(copyPath(path, version)), before, when);
        await assertStarts(path, version - 1, when);
      };
      const work = async (): Promise<void> => {
        for (let next = attempts.shift(); next !== undefined; next = attempts.shift()) await kill(next);
      };
      await Promise.all([work(), work()]);
    });
  }

  for (const call of ['fsync', 'fdatasync', 'rename', 'unlink']) {
    it(`starts afterwards with everything it had, wherever it asks the kernel for ${call}`, async () => {
      const older = migrations.length - 2;
      const template = makeOlder(older);
      for (let nth = 1; ; nth += 1) {
        assert.ok(nth < 100, 'it never came through');
        const path = join(freshFolder(), 'holdfast.db');
        copyFileSync(template, path);
        const inject = [`trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`];
        const trace = ['-f', '-qq', '-o', '/dev/null', '-e', ...inject, process.execPath, fixture, path, migrationsDir];
        const ended = await run('strace', trace);
        await assertStarts(path, older, `killed at ${call} ${nth}`);
        if (ended.code !== 0) {
          assert.ok(ended.signal === 'SIGKILL' || ended.code === 137, `${call} ${nth}: ${ended.code} ${ended.said}`);
          continue;
        }
        // A call that is never made kills nobody; those that make a copy durable are.
        if (call === 'fsync' || call === 'rename') assert.ok(nth > 1, `only ${nth} of ${call}`);
        break;
      }
    });
  }
});
