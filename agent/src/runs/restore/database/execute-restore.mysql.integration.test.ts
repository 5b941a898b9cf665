import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { getMysqlFolder, startMysql } from '../../../handlers/fixtures/mysql-server.ts';
import {
  addDatabase,
  carryOut,
  createFileOrder,
  createOrder,
  getMade,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig } from '../../fixtures/run-rig.ts';

const TABLES_SQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text COLLATE utf8mb4_0900_as_cs, facts json, secret int DEFAULT 7 INVISIBLE);
INSERT INTO customers VALUES (1, '🦔', '{"k": 1}'), (2, 'bob', NULL);
CREATE TABLE \`order "x" 注文\` (id int AUTO_INCREMENT PRIMARY KEY, customer int, FOREIGN KEY (customer) REFERENCES customers (id));
INSERT INTO \`order "x" 注文\` (customer) VALUES (1), (2);`;
/** What moves not with the tables; the default was another one when it was made. */
const CODE_SQL = `
CREATE FUNCTION unit(word char(9)) RETURNS int DETERMINISTIC RETURN 1;
CREATE TRIGGER tidy BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = trim(NEW.name);
CREATE VIEW few AS SELECT id, unit('x') AS unit FROM customers;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DISABLE DO SELECT '🦔';`;

function assertSucceeded(events: readonly DurableEvent[]): void {
  assert.equal(readEnd(events).state, 'succeeded', `${readEnd(events).message}\n${readLog(events)}`);
}

test('A MySQL database is backed up and restored', async (t) => {
  const restic = GENERATIONS[1]?.binary ?? '';
  const offered = mkdtempSync(join(tmpdir(), 'holdfast-mysql-'));
  t.after(() => rmSync(offered, { recursive: true, force: true }));
  const server = await startMysql();
  t.after(() => server.remove());

  const store = async (database: string, sql: string, toolFolders: readonly string[]) => {
    const rig = await openRunRig(t, { restic, toolFolders, dumpDirs: [offered] });
    await rig.initRepository();
    await server.query(`CREATE DATABASE ${database}`);
    await server.query(sql, database);
    const source = addDatabase(rig, server, database);
    const events = await rig.runPlan();
    return { rig, source, events };
  };
  const families = [
    { title: 'MySQL’s own clients', name: 'own', folders: [getMysqlFolder()], tool: 'mysqldump' },
    { title: 'MariaDB’s clients', name: 'stand_in', folders: [], tool: 'mariadb-dump' },
  ];

  for (const { title, name, folders, tool } of families) {
    await t.test(`with ${title}: whole under another name, in place of its tables, and held against its record`, async () => {
      const { rig, source, events } = await store(name, TABLES_SQL, folders);
      assertSucceeded(events);
      assert.match(readLog(events), new RegExp(`^.*${tool} → restic`, 'm'));
      const made = getMade(events);
      assert.deepEqual(made.contents?.tables.map((table) => table.name).sort(), ['customers', 'order "x" 注文']);
      const restore = (database: string, mode: RestoreMode) => {
        const order = createOrder(rig, source, made, { database, on: server });
        const target = { kind: 'database', source: source.id, database, mode } as const;
        return carryOut(rig, { ...order, target, options: { safetyBackup: true } });
      };
      await server.query("CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY 'of the reader'; GRANT SELECT ON *.* TO reader@'%'");
      const reader = { kind: server.kind, port: server.port, user: 'reader', password: 'of the reader' };
      const anew = createOrder(rig, source, made, { database: `${name}_copy`, on: reader });
      assert.equal(readEnd(await carryOut(rig, anew)).reason, 'restore_permission');
      // The connection only reads; who was given for this restore may do more.
      const given = createOrder(rig, source, made, { database: `${name}_copy`, on: reader });
      const credential = rig.seal('request', `${given.run}.credential`, { password: server.password });
      const copy = await carryOut(rig, { ...given, options: { connectAs: server.user }, credential });
      assertSucceeded(copy);
      assert.equal(await server.dump(`${name}_copy`), await server.dump(name));
      assert.match(JSON.stringify(findEvent(copy, 'run.finished').evidence), /2 tables/);
      const before = await server.dump(name);
      await server.query('DELETE FROM `order "x" 注文`; CREATE TABLE later (a int)', name);
      assertSucceeded(await restore(name, 'replace'));
      assert.equal(await server.dump(name), before);
      await server.query('CREATE VIEW v AS SELECT 1 AS a', name);
      const kept = await server.dump(name);
      assert.deepEqual([readEnd(await restore(name, 'replace')).reason, await server.dump(name)], ['target_refused', kept]);
    });
  }

  await t.test('with routines, triggers, views and events of another default collation, under another name', async () => {
    const { rig, source, events } = await store('coded', TABLES_SQL + CODE_SQL, [getMysqlFolder()]);
    assertSucceeded(events);
    await server.query('ALTER DATABASE coded CHARACTER SET latin1');
    const again = await rig.runPlan();
    assertSucceeded(again);
    await server.query('ALTER DATABASE coded CHARACTER SET ascii');
    const order = createOrder(rig, source, getMade(again), { database: 'decoded', on: server });
    assertSucceeded(await carryOut(rig, order));
    const dropNames = (dump: string) => dump.replaceAll(/^ALTER DATABASE .*$/gm, '');
    assert.equal(dropNames(await server.dump('decoded')), dropNames(await server.dump('coded')));
    assert.match(await server.query('SHOW CREATE DATABASE coded'), /ascii/, 'the live database is left alone');
  });

  await t.test('is never green where its dump could not be restored', async () => {
    const { events } = await store('beyond', 'CREATE TABLE t (a int, b int AS (a + 1))', []);
    const { state, message } = readEnd(events);
    assert.equal(state, 'failed');
    assert.match(`${message}\n${readLog(events)}`, /1 columns of this database are generated .* Install MySQL’s own clients/);
    assert.throws(() => getMade(events));
  });

  await t.test('from a file of either tool, and from none that was cut off', async () => {
    const { rig, source, events } = await store('filed', TABLES_SQL, [getMysqlFolder()]);
    assertSucceeded(events);
    const script = await server.dump('filed');
    const heads = {
      mysqldump: '-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)\n-- Server version\t9.7.4-2\n',
      mariadbs: '/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n-- Server version\t9.7.4-2\n',
    };
    for (const [database, head] of Object.entries(heads)) {
      const path = join(offered, `${database}.sql`);
      writeFileSync(path, `${head}\n${script}\n-- Dump completed\n`);
      assertSucceeded(await carryOut(rig, createFileOrder(rig, source, path, { database, on: server })));
      assert.equal(await server.dump(database), script);
      writeFileSync(path, `${head}\n${script}\n`);
      const cut = await carryOut(rig, createFileOrder(rig, source, path, { database: `${database}_cut`, on: server }));
      assert.equal(readEnd(cut).reason, 'dump_damaged', readEnd(cut).message);
      assert.equal(await server.query(`SHOW DATABASES LIKE '${database}\\_cut'`), '');
    }
  });
});
