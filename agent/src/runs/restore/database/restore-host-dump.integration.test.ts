import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { type DatabaseServer, startMariadb, startPostgres } from '../../../handlers/fixtures/database-servers.ts';
import {
  addDatabase,
  carryOut,
  createFileOrder,
  giveOrder,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, outline } from '../../fixtures/run-rig.ts';

const PG_SHOP = `CREATE SCHEMA "we""ird";
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT g, E'line\\n\\\\! touch x \\\\. ' || g FROM generate_series(1, 3000) g;
CREATE TABLE "we""ird".empty (a int);
CREATE VIEW cheap AS SELECT id FROM item WHERE id < 10;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ select 'a\\!b' $$;`;
const MY_SHOP = `CREATE TABLE item (id int PRIMARY KEY, name text) ENGINE=InnoDB;
INSERT INTO item SELECT seq, CONCAT('line\\n\\\\! ', seq) FROM seq_1_to_3000;
CREATE VIEW cheap AS SELECT id FROM item WHERE id < 10;`;

function call(tool: string, args: readonly string[], env: Record<string, string>): Buffer {
  return execFileSync(tool, args, { env: { PATH: '/usr/bin:/bin', ...env }, maxBuffer: 1e8 });
}

const dumpPg = ({ port, user, password }: DatabaseServer, ...args: string[]) =>
  call('pg_dump', args, { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: user, PGPASSWORD: password });
const dumpMy = ({ port, user, password }: DatabaseServer, ...args: string[]) =>
  call('mariadb-dump', ['--no-defaults', '--protocol=tcp', '-h127.0.0.1', `-P${port}`, `-u${user}`, ...args], {
    MYSQL_PWD: password,
  });

/** A server with the database `shop`, a host that offers a directory, and orders from there. */
async function openScene(t: TestContext, start: () => Promise<DatabaseServer>, sql: string) {
  const offered = mkdtempSync(join(tmpdir(), 'holdfast-offered-'));
  t.after(() => rmSync(offered, { recursive: true, force: true }));
  const server = await start();
  t.after(() => server.remove());
  const rig = await openRunRig(t, { restic: GENERATIONS[1]?.binary, dumpDirs: [offered] });
  await server.query('CREATE DATABASE shop');
  await server.query(sql, 'shop');
  const source = addDatabase(rig, server, 'shop');
  const restore = (name: string, database: string, mode?: RestoreMode, options = {}) =>
    carryOut(
      rig,
      createFileOrder(rig, source, join(offered, name), { database, on: server, ...(mode ? { mode } : {}), options }),
    );
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(offered, name), content);
  const assertSame = async (database: string) => assert.equal(await server.dump(database), await server.dump('shop'));
  return { offered, server, rig, source, restore, write, assertSame };
}

function assertGood(events: readonly DurableEvent[]): void {
  assert.equal(readEnd(events).state, 'succeeded', `${JSON.stringify(readEnd(events))}\n${readLog(events)}`);
}

async function listDatabases(server: DatabaseServer): Promise<string> {
  return server.query(server.kind === 'postgres' ? 'SELECT datname FROM pg_database ORDER BY 1' : 'SHOW DATABASES');
}

type Scene = Awaited<ReturnType<typeof openScene>>;

/** All of them fail for their reasons, and the target and all other databases are as they were. */
async function assertRefused(scene: Scene, cases: readonly [string, RestoreMode, string, RegExp][]): Promise<void> {
  const { server, restore } = scene;
  const before = [await server.dump('target'), await listDatabases(server)];
  // One after the other: what one of them asks the target is a session that another would not end.
  for (const [name, mode, reason, words] of cases) {
    const end = readEnd(await restore(name, 'target', mode, { safetyBackup: false }));
    assert.deepEqual([end.state, end.reason], ['failed', reason], `${name}: ${end.message}`);
    assert.match(end.message, words, name);
  }
  assert.deepEqual([await server.dump('target'), await listDatabases(server)], before);
}

async function refuseForeignPlaces({ offered, rig, server, source }: Scene, good: string): Promise<void> {
  const outside = join(rig.dir, 'outside.dump');
  writeFileSync(outside, readFileSync(join(offered, good)));
  symlinkSync(outside, join(offered, 'link'));
  execFileSync('mkfifo', [join(offered, 'pipe')]);
  mkdirSync(join(offered, 'folder'), { recursive: true });
  for (const path of [outside, join(offered, 'link'), join(offered, 'pipe'), join(offered, 'folder')]) {
    const order = createFileOrder(rig, source, join(offered, good), { database: 'never', on: server });
    if (order.target.kind === 'database' && order.target.from) order.target.from.path = path;
    assert.match(readEnd(await carryOut(rig, order)).message, /outside of the directories|not followed|no regular file/);
  }
  const old = createFileOrder(rig, source, join(offered, good), { database: 'never', on: server });
  appendFileSync(join(offered, good), '\n');
  assert.equal(readEnd(await carryOut(rig, old)).reason, 'dump_changed');
  assert.equal((await listDatabases(server)).includes('never'), false);
}

async function testPostgres(t: TestContext): Promise<void> {
  const scene = await openScene(t, startPostgres, PG_SHOP);
  const { server, rig, source, restore, write, assertSame, offered } = scene;
  const plain = dumpPg(server, 'shop').toString();
  const bare = plain.replaceAll(/^\\(?:un)?restrict .*\n/gm, '');
  const custom = dumpPg(server, '-Fc', 'shop');

  await t.test('come into a new database, whatever their form', async () => {
    write('plain.sql', plain);
    write('plain.sql.gz', gzipSync(plain));
    write('inserts.sql', dumpPg(server, '--inserts', 'shop'));
    write('bare.sql', bare);
    write('custom.dump', custom);
    write('custom.dump.gz', gzipSync(custom));
    await Promise.all(
      ['plain.sql.gz', 'inserts.sql', 'bare.sql', 'custom.dump', 'custom.dump.gz'].map(async (name) => {
        const options = name === 'custom.dump' ? { jobs: 2, owners: false } : {};
        const events = await restore(name, `new_${name}`, 'new', options);
        assertGood(events);
        await assertSame(`new_${name}`);
        assert.deepEqual(findEvent(events, 'part.finished').part.warnings, [], name);
        const { evidence } = findEvent(events, 'run.finished');
        assert.deepEqual(
          evidence.map(({ check }) => check),
          ['fully_read', 'exit_codes', 'target_verified'],
        );
        assert.ok(outline(events).includes('read ok'));
      }),
    );
  });

  await t.test('take the place of a database after a safety backup, and are added to one', async () => {
    await rig.initRepository();
    await server.query('CREATE DATABASE target');
    await server.query('CREATE TABLE precious (a int)', 'target');
    assertGood(await restore('plain.sql.gz', 'target', 'replace'));
    await assertSame('target');
    assert.ok((await rig.listSnapshots()).some(({ tags }) => tags.includes('plan:safety')));
    await server.query('DROP VIEW cheap; DROP TABLE item; DROP FUNCTION f; DROP SCHEMA "we""ird" CASCADE', 'target');
    assertGood(await restore('plain.sql', 'target', 'append', { safetyBackup: false }));
    await assertSame('target');
    await server.query('DELETE FROM item', 'target');
    assertGood(await restore('custom.dump', 'target', 'clean', { safetyBackup: false }));
    await assertSame('target');
  });

  await t.test('that are damaged, or ask for more than SQL, leave everything as it is', async () => {
    const trace = join(offered, 'pwned');
    const withLine = (line: string) => plain.replace('\nSET statement_timeout', `\n${line}\nSET statement_timeout`);
    const flipped = Buffer.from(custom);
    flipped[custom.length - 3000] = (flipped[custom.length - 3000] ?? 0) ^ 0xff;
    write('cut.sql', plain.slice(0, plain.indexOf('\n1000\t')));
    write('cut.gz', gzipSync(plain).subarray(0, -100));
    write('cut.dump', custom.subarray(0, -100));
    write('flipped.dump', flipped);
    write('my.sql', '-- MariaDB dump 10\n-- Server version\t10.11.6-MariaDB\n-- Dump completed\n');
    write('shell.sql', withLine(`\\! touch ${trace}`));
    write('clean.sql', dumpPg(server, '--clean', '--if-exists', 'shop'));
    write('unasked.sql', dumpPg(server, '--clean', 'shop'));
    const late = `SELECT 1 \\! touch ${trace}`;
    const out = `SELECT 1; \\unrestrict \`touch ${trace}\``;
    write('late.sql', withLine(late));
    write('late.gz', gzipSync(withLine(late)));
    write('out.sql', withLine(out));
    write('out.gz', gzipSync(withLine(out)));
    write('rows.sql', withLine(`SELECT '\nCOPY x FROM stdin;\n'; ${out}\n;`));
    write('quotes.sql', withLine(`SET standard_conforming_strings = off; SELECT 'a\\'; \\! touch ${trace}`));
    write(
      'large.sql',
      plain.replace('\n-- PostgreSQL database dump complete', '\nBEGIN;\nCOMMIT;\n-- PostgreSQL database dump complete'),
    );
    await assertRefused(scene, [
      ['cut.sql', 'replace', 'dump_damaged', /does not end with the line/],
      ['cut.gz', 'append', 'dump_damaged', /unexpected end of file/],
      ['cut.dump', 'clean', 'dump_damaged', /cut\.dump/],
      ['flipped.dump', 'replace', 'dump_damaged', /flipped\.dump/],
      ['my.sql', 'replace', 'dump_refused', /is a dump of mariadb/],
      ['shell.sql', 'append', 'dump_refused', /is the command \\! of psql/],
      ['late.sql', 'append', 'restore_failed', /backslash commands are restricted/],
      ['late.gz', 'replace', 'restore_failed', /backslash commands are restricted/],
      ['out.sql', 'replace', 'dump_refused', /word \\unrestrict/],
      ['out.gz', 'append', 'dump_refused', /word \\unrestrict/],
      ['rows.sql', 'append', 'dump_refused', /word \\unrestrict/],
      ['quotes.sql', 'append', 'restore_failed', /ERROR|restricted/],
      ['clean.sql', 'append', 'dump_refused', /drops in line \d+ what stands there/],
      ['unasked.sql', 'replace', 'dump_refused', /drops in line \d+ what a new database does not have.*--if-exists/],
      ['large.sql', 'append', 'dump_refused', /ends a transaction in line \d+/],
    ]);
    assert.equal(existsSync(trace), false);
    await assert.rejects(async () => assertGood(await restore('plain.sql', 'target', 'data_only')), /not restored in the mode/);
  });

  await t.test('fill an empty database wholly or not at all', async () => {
    await server.query('CREATE DATABASE hollow TEMPLATE template0');
    const empty = await server.dump('hollow');
    const half = plain.replace('\n-- PostgreSQL database dump complete', '\nSELECT 1/0;\n-- PostgreSQL database dump complete');
    write('half.sql', half);
    const failed = readEnd(await restore('half.sql', 'hollow', 'new'));
    assert.deepEqual([failed.state, failed.reason], ['failed', 'restore_failed'], failed.message);
    const ending = readEnd(await restore('large.sql', 'hollow', 'new'));
    assert.deepEqual([ending.state, ending.reason], ['failed', 'dump_refused'], ending.message);
    assert.match(ending.message, /ends a transaction in line \d+.* half of it might stay in hollow, which is there/);
    assert.equal(await server.dump('hollow'), empty);
    assertGood(await restore('plain.sql', 'hollow', 'new'));
    await assertSame('hollow');
    assertGood(await restore('large.sql', 'not_there', 'new'));
    await assertSame('not_there');
  });

  await t.test('are opened below the offered directories only, and only as they were chosen', () =>
    refuseForeignPlaces(scene, 'bare.sql'),
  );

  await t.test('can be cancelled in the middle', async () => {
    const end = '\n-- PostgreSQL database dump complete';
    write('slow.sql.gz', gzipSync(plain.replace(end, `\nSELECT pg_sleep(600);\n${end}`)));
    const before = [await server.dump('target'), await listDatabases(server)];
    const order = createFileOrder(rig, source, join(offered, 'slow.sql.gz'), { database: 'target', on: server, mode: 'replace' });
    await giveOrder(rig, { ...order, options: { safetyBackup: false } });
    const isSleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    await waitUntil('the statement that sleeps', async () => (await server.query(isSleeping)) === '1', { intervalMs: 50 });
    const from = { clock: systemClock, randomBytes: systemRandomBytes };
    const cancel = { run: order.run, requestedBy: 'ann', notAfter: systemClock.now() + 60_000 };
    await rig.handlers['run.cancel'](cancel, createId('frame', from));
    assert.equal(readEnd(await rig.awaitEnd(order.run)).state, 'cancelled');
    assert.deepEqual([await server.dump('target'), await listDatabases(server)], before);
  });
}

async function testMariadb(t: TestContext): Promise<void> {
  const scene = await openScene(t, startMariadb, MY_SHOP);
  const { server, restore, write, assertSame, offered } = scene;
  const plain = dumpMy(server, 'shop').toString();

  await t.test('come into a new database, and take the place of one', async () => {
    write('plain.sql', plain);
    write('plain.sql.gz', gzipSync(plain));
    assertGood(await restore('plain.sql.gz', 'fresh'));
    await assertSame('fresh');
    await server.query('CREATE DATABASE target');
    await server.query('CREATE TABLE precious (a int)', 'target');
    assertGood(await restore('plain.sql', 'target', 'replace', { safetyBackup: false }));
    await assertSame('target');
  });

  await t.test('are cleaned into one, added to one, and give their rows alone', async () => {
    await server.query("UPDATE item SET name = 'lost'; DROP VIEW cheap; CREATE TABLE later (a int)", 'target');
    assertGood(await restore('plain.sql.gz', 'target', 'clean', { safetyBackup: false }));
    assert.equal(await server.query('SHOW TABLES', 'target'), 'cheap\nitem\nlater');
    await server.query('DROP TABLE later; DELETE FROM item', 'target');
    assertGood(await restore('plain.sql', 'target', 'data_only', { safetyBackup: false }));
    await assertSame('target');
    assert.match(
      readEnd(await restore('plain.sql', 'target', 'append', { safetyBackup: false })).message,
      /these names are taken: .*item/,
    );
    await server.query('DROP VIEW cheap; DROP TABLE item', 'target');
    assertGood(await restore('plain.sql', 'target', 'append', { safetyBackup: false }));
    await assertSame('target');
  });

  await t.test('that are damaged, leave the target or want more than SQL leave everything as it is', async () => {
    const trace = join(offered, 'pwned');
    const withLine = (line: string) => plain.replace('\n--\n-- Table structure', `\n${line}\n--\n-- Table structure`);
    write('cut.sql', plain.slice(0, -60));
    write('cut.gz', gzipSync(plain).subarray(0, -100));
    write('databases.sql', dumpMy(server, '--databases', 'shop'));
    write('shell.sql', withLine(`\\! touch ${trace}`));
    write('system.sql', withLine(`system touch ${trace}\n;`));
    write('delimiter.sql', withLine(`delimiter //\nselect 1//\n\\! touch ${trace}\n//\ndelimiter ;`));
    write('mysql8.sql', plain.replaceAll(/utf8mb4_[a-z]+_ci/g, 'utf8mb4_0900_ai_ci'));
    write('local.sql', withLine("CREATE TABLE z (a text);\nLOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE z;"));
    await assertRefused(scene, [
      ['cut.sql', 'replace', 'dump_damaged', /does not end with the line/],
      ['cut.gz', 'clean', 'dump_damaged', /unexpected end of file/],
      ['databases.sql', 'replace', 'dump_refused', /whole databases/],
      ['shell.sql', 'replace', 'restore_failed', /ERROR/],
      ['system.sql', 'append', 'restore_failed', /ERROR/],
      ['delimiter.sql', 'replace', 'restore_failed', /ERROR/],
      ['mysql8.sql', 'replace', 'restore_failed', /does not know utf8mb4_0900_ai_ci, a collation of MySQL 8/],
      ['local.sql', 'replace', 'restore_failed', /local infile/],
    ]);
    assert.equal(existsSync(trace), false);
  });
}

describe('Dumps that lie on the host', { concurrency: 2 }, () => {
  it('of PostgreSQL', testPostgres);
  it('of MariaDB', testMariadb);
});
