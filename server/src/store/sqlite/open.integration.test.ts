import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import { refusal } from '../contract/samples.ts';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './open.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-open-'));
const migrationsDir = join(import.meta.dirname, '../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

let opened = 0;
function freshPath(): string {
  opened += 1;
  return join(directory, `${opened}.db`);
}

const open = (path: string, change: Partial<SqliteStoreOptions> = {}) =>
  openSqliteStore({ path, migrationsDir, clock: { now: () => 7 }, ballastBytes: 0, ...change });

/** A folder with the real migrations and more, by file name. */
function migrationsWith(more: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(directory, 'migrations-'));
  for (const file of readdirSync(migrationsDir)) copyFileSync(join(migrationsDir, file), join(folder, file));
  for (const [file, sql] of Object.entries(more)) writeFileSync(join(folder, file), sql);
  return folder;
}

const next = `${String(readdirSync(migrationsDir).length + 1).padStart(4, '0')}`;

describe('opening the store', () => {
  it('makes the file, its journal and its ballast for the owner only', async () => {
    const path = freshPath();
    const store = await open(path, { ballastBytes: 100_000 });
    await store.probe();
    for (const file of [path, `${path}-wal`, `${path}.ballast`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    assert.equal(statSync(`${path}.ballast`).size, 100_000);
    assert.ok(statSync(`${path}.ballast`).blocks * 512 >= 100_000);
    await store.close();
  });

  it('gives every table a tenant, strict types, and no trigger but those that keep a count, the newest of its kind, a search or the audit', async () => {
    const path = freshPath();
    await (await open(path)).close();
    const db = new Database(path, { readonly: true });
    const objects = db.prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").all() as {
      type: string;
      name: string;
      sql: string;
    }[];
    // The words that errors are searched by, and the tables it keeps them in: rows of runs, which have their tenant.
    const isOfSearch = (name: string): boolean => /^run_errors(?:_\w+)?$/u.test(name);
    const tables = objects.filter((object) => object.type === 'table' && !isOfSearch(object.name));
    assert.ok(tables.length > 15);
    for (const table of tables) {
      assert.match(table.sql, /\)\s*STRICT/u, table.name);
      // Numbers of ids are of no tenant: what has them says whose it is.
      if (['schema_migrations', 'id_numbers'].includes(table.name)) continue;
      assert.match(table.sql, /\b(tenant_id TEXT|tenant_no INTEGER) NOT NULL|\btenant_id TEXT PRIMARY KEY NOT NULL/u, table.name);
    }
    const triggers = objects.filter(({ type }) => type === 'trigger').map((trigger) => trigger.name);
    const kept = [
      'run_days_begun',
      'run_days_gone',
      'run_days_moved',
      'run_days_read',
      'snapshot_days_gone',
      'snapshot_days_made',
      'source_goods_begun',
      'source_goods_gone',
      'source_goods_judged',
      'source_goods_made',
    ];
    const searched = ['run_errors_begun', 'run_errors_gone', 'run_errors_of_part', 'run_errors_told'];
    const guarded = ['audit_unchanged', 'audit_unremoved'];
    const counted = ['snapshots_counted', 'snapshots_counted_anew', 'snapshots_uncounted'];
    assert.deepEqual(triggers.toSorted(), [...kept, ...searched, ...guarded, ...counted].toSorted());
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    db.close();
  });

  it('lets one process in, says who is in the way, and lets the next in as soon as the first is gone', async () => {
    const path = freshPath();
    const first = await open(path);
    await assert.rejects(open(path), refusal('precondition'));
    await assert.rejects(open(path), /already uses .*stop it/u);
    const beside = await open(path, { access: 'beside' });
    await beside.settings.putSetting('from', 'a command');
    assert.equal(await first.settings.findSetting('from'), 'a command');
    await beside.close();
    await assert.rejects(open(path), refusal('precondition'));
    await first.close();
    await (await open(path)).close();
  });

  it('refuses a newer schema and a changed migration in one line each, and leaves the file alone', async () => {
    const path = freshPath();
    const newer = migrationsWith({ [`${next}_next.sql`]: 'CREATE TABLE later (tenant_id TEXT NOT NULL) STRICT;' });
    await (await open(path, { migrationsDir: newer })).close();
    const before = readFileSync(path);
    await assert.rejects(
      open(path),
      /^AppError: the database .* has schema \d+, this version of Holdfast knows up to \d+;[^\n]*$/u,
    );
    const changed = migrationsWith({ [`${next}_next.sql`]: 'CREATE TABLE later (tenant_id TEXT NOT NULL, more TEXT) STRICT;' });
    await assert.rejects(
      open(path, { migrationsDir: changed }),
      /^AppError: migration \d+ \(next\) was applied to .* in another form[^\n]*$/u,
    );
    assert.deepEqual(readFileSync(path), before);
  });

  it('copies a store once before its migrations; when one is broken none of them stays, and the version before still starts', async () => {
    const path = freshPath();
    const old = await open(path);
    await old.settings.putSetting('kept', 'value');
    await old.close();
    assert.equal(existsSync(`${path}.before-${next}`), false);
    const afterNext = String(Number(next) + 1).padStart(4, '0');
    const broken = migrationsWith({
      [`${next}_whole.sql`]: 'CREATE TABLE whole (tenant_id TEXT NOT NULL) STRICT;',
      [`${afterNext}_broken.sql`]:
        'CREATE TABLE half (tenant_id TEXT NOT NULL) STRICT;\nDROP TABLE settings;\nINSERT INTO nowhere VALUES (1);',
    });
    await assert.rejects(
      open(path, { migrationsDir: broken }),
      /migration \d+ \(broken\) failed and changed nothing: no such table: nowhere/u,
    );
    const copy = `${path}.before-${next}`;
    assert.equal(existsSync(`${path}.before-${afterNext}`), false);
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    for (const file of [path, copy]) {
      const store = await open(file);
      assert.equal(await store.settings.findSetting('kept'), 'value');
      await store.close();
    }
    const mended = migrationsWith({ [`${next}_mended.sql`]: 'CREATE TABLE whole (tenant_id TEXT NOT NULL) STRICT;' });
    const store = await open(path, { migrationsDir: mended });
    assert.equal(store.schema.current, Number(next));
    assert.equal(await store.settings.findSetting('kept'), 'value');
    await store.close();
  });

  it('refuses migrations that end the transaction themselves, leave broken references, or skip a number', async () => {
    const cases: [string, string, RegExp][] = [
      [`${next}_commits.sql`, 'COMMIT;\nCREATE TABLE a (b TEXT) STRICT;', /must not handle transactions/u],
      [
        `${next}_breaks.sql`,
        "INSERT INTO run_stages VALUES ('run_x', '', 'dump', 'ten_default', 1, NULL, NULL);",
        /refer to rows that do not exist/u,
      ],
      ['0099_far.sql', 'SELECT 1;', /migration \d+ is missing/u],
      ['second.sql', 'SELECT 1;', /not named like a migration/u],
    ];
    for (const [file, sql, message] of cases) {
      const path = freshPath();
      await (await open(path)).close();
      await assert.rejects(open(path, { migrationsDir: migrationsWith({ [file]: sql }) }), message);
      await (await open(path)).close();
    }
  });

  it('calls damage by its name, wherever the file is hit, and never serves another value', async () => {
    const path = freshPath();
    const store = await open(path);
    for (let i = 0; i < 200; i += 1) await store.settings.putSetting(`name ${i}`, `value ${i}`);
    await store.close();
    const size = statSync(path).size;
    let refused = 0;
    for (let hit = 0; hit < 40; hit += 1) {
      const damaged = freshPath();
      copyFileSync(path, damaged);
      const handle = openSync(damaged, 'r+');
      writeSync(handle, Buffer.alloc(512, 0xa5 + hit), 0, 512, Math.floor((size * hit) / 40));
      try {
        const found = await open(damaged);
        for (let i = 0; i < 200; i += 1)
          assert.ok([undefined, `value ${i}`].includes(await found.settings.findSetting(`name ${i}`)));
        await found.close();
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
        assert.ok(['integrity', 'precondition'].includes(error.code), `${hit}: ${error.code} ${error.message}`);
        refused += 1;
      }
    }
    assert.ok(refused > 0);
    await assert.rejects(open(migrationsWith({})), refusal('unavailable'));
  });

  it('has a statement for nothing that is not there: what a schema lacks is told at the start of a server, and at its first use else', async () => {
    const path = freshPath();
    const whole = await open(path);
    whole.prepare();
    await whole.close();
    const db = new Database(path);
    db.exec('DROP TABLE settings');
    db.close();
    for (const use of [(store: Store) => store.prepare(), (store: Store) => store.settings.findSetting('kept')]) {
      const heard: string[] = [];
      const store = await open(path, { onDamage: (text) => heard.push(text) });
      const lacks = { code: 'integrity', message: /lacks what its version has \(no such table: settings\)/ };
      await assert.rejects(async () => use(store), lacks);
      assert.equal(heard.length, 1);
      await assert.rejects(store.probe(), refusal('integrity'));
      await store.close();
    }
  });

  it('has every acknowledged report after kill -9, and starts again at once', async () => {
    const path = freshPath();
    for (let round = 0; round < 4; round += 1) {
      const writer = spawn(
        process.execPath,
        [join(import.meta.dirname, 'fixtures/write-until-killed.ts'), path, migrationsDir, `r${round}`],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      let acknowledged = 0;
      const exited = once(writer, 'exit');
      for await (const line of createInterface(writer.stdout)) {
        acknowledged = Number(line);
        if (acknowledged === 25 + 13 * round) writer.kill('SIGKILL');
      }
      await exited;
      const store = await open(path);
      const { seq } = await store.hosts.getEventPosition(`host_r${round}` as Host['id'], 'epoch-kill');
      assert.ok(seq >= acknowledged && seq <= acknowledged + 1, `${seq} of ${acknowledged}`);
      await store.close();
    }
    assert.ok(existsSync(path));
  });
});
