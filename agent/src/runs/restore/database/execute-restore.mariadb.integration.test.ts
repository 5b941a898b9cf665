import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import {
  carryOut,
  createOrder,
  getMade,
  giveOrder,
  type RestoreOrder,
  readEnd,
  readLog,
  sealDraft,
} from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, PASSWORD } from '../../fixtures/run-rig.ts';
import { flipByte, listPacks, storeAltered } from '../fixtures/altered-backups.ts';
import { type StoredShop, storeShop } from '../fixtures/stored-shop.ts';

const HOSTILE = '--order "x" `y` 注文 $(x) %s';
const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;
const ORDERS = quote(HOSTILE);

const SHOP_SQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text CHARACTER SET utf8mb4, twice int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO customers (id, name) SELECT seq, concat('customer 🦔 ', seq) FROM seq_1_to_500;
CREATE TABLE ${ORDERS} (id int AUTO_INCREMENT PRIMARY KEY, customer int, note text,
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
INSERT INTO ${ORDERS} (customer, note) SELECT seq, concat('note ', seq) FROM seq_1_to_400;
CREATE SEQUENCE numbers START WITH 42;`;

/** What moves not with the tables. */
const CODE_SQL = `
DELIMITER //
CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1//
CREATE PROCEDURE \`say "hello"\`() BEGIN SELECT '🦔; --'; END//
CREATE TRIGGER tidy BEFORE INSERT ON ${ORDERS} FOR EACH ROW BEGIN SET NEW.note = concat(trim(NEW.note), ''); END//
CREATE TRIGGER mark BEFORE INSERT ON ${ORDERS} FOR EACH ROW FOLLOWS tidy SET NEW.note = replace(NEW.note, '🐛', '🦔')//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DISABLE DO SELECT '🦔'//
DELIMITER ;
CREATE VIEW \`few 注\` AS SELECT id, one() AS one FROM customers WHERE id < 5;
CREATE VIEW a_view_of_a_view AS SELECT id FROM \`few 注\`;`;

/** What a person did by mistake after the backup. */
const DAMAGE_SQL = `DELETE FROM ${ORDERS}; UPDATE customers SET name = 'lost'; CREATE TABLE later (x int); INSERT INTO later VALUES (7);
  CREATE VIEW newer AS SELECT id FROM customers; DROP VIEW a_view_of_a_view; DROP FUNCTION one; CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 2;`;

interface Wish {
  mode: RestoreMode;
  tables?: string[];
  options?: RestoreOptions;
}

function orderOf({ rig, source, made, server }: StoredShop, database: string, { mode, tables, options }: Wish): RestoreOrder {
  const order = createOrder(rig, source, made, { database, on: server });
  const chosen = tables?.map((name) => ({ name }));
  const target = { kind: 'database', source: source.id, database, mode, ...(chosen ? { tables: chosen } : {}) } as const;
  return { ...order, target, options: { acceptOlderServer: false, safetyBackup: false, ...options } };
}

function assertSucceeded(events: readonly DurableEvent[]): void {
  assert.equal(readEnd(events).state, 'succeeded', `${readEnd(events).message}\n${readLog(events)}`);
}

test('A restore into a MariaDB database that exists', async (t) => {
  const restic = GENERATIONS[1]?.binary ?? '';
  const shop = await storeShop(t, await startMariadb(), SHOP_SQL + CODE_SQL, { restic });
  const { rig, server, before } = shop;
  const listNames = () => server.query('SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1');
  const names = await listNames();
  const run = (database: string, wish: Wish) => carryOut(rig, orderOf(shop, database, wish));
  const drop = (name: string) => server.query(`DROP DATABASE ${quote(name)}`);
  /** A copy with what a person has made of it since the backup. */
  const makeDamaged = async (name: string) => {
    await server.query(`CREATE DATABASE ${quote(name)}`);
    await server.query(before, name);
    await server.query(DAMAGE_SQL, name);
    return server.dump(name);
  };
  const refuse = async (database: string, wish: Wish, words: RegExp) => {
    const untouched = await server.dump(database);
    const there = await listNames();
    const end = readEnd(await run(database, wish));
    assert.deepEqual([end.state, end.reason], ['failed', 'target_refused'], end.message);
    assert.match(end.message, words);
    assert.doesNotMatch(end.message, /holdfast:|ERROR|\.sql/);
    assert.equal(await server.dump(database), untouched);
    assert.equal(await listNames(), there);
  };

  await t.test('replaces it with views, triggers, routines and events, and backs up what was there', async () => {
    const damaged = await makeDamaged('whole');
    const events = await run('whole', { mode: 'replace', options: { safetyBackup: true } });
    assertSucceeded(events);
    assert.equal(await server.dump('whole'), before);
    const { evidence } = findEvent(events, 'run.finished');
    const safety = /run_[A-Za-z0-9_-]+/.exec(evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '')?.[0];
    const stored = getMade(rig.listEvents(safety as RestoreOrder['run']));
    assertSucceeded(await carryOut(rig, createOrder(rig, shop.source, stored, { database: 'undone', on: server })));
    assert.equal(await server.dump('undone'), damaged);
    await drop('undone');
    await drop('whole');
    assert.equal(await listNames(), names);
  });

  await t.test(
    'takes the backup from the second repository where the first is gone, and backs up what was there into it',
    async () => {
      await makeDamaged('whole');
      const order = orderOf(shop, 'whole', { mode: 'replace', options: { safetyBackup: true } });
      const { kind, config } = order.repository.draft;
      const id = createId('repository', { clock: systemClock, randomBytes: systemRandomBytes });
      const second = { id, draft: sealDraft(rig, `${order.run}.second`, kind, config, { password: PASSWORD }) };
      const gone = { ...order.repository, draft: { ...order.repository.draft, config: { path: `${rig.dir}/nowhere` } } };
      const events = await carryOut(rig, {
        ...order,
        repository: gone,
        second: { engineId: shop.made.engineId, repository: second },
      });
      assertSucceeded(events);
      assert.equal(await server.dump('whole'), before);
      const safety = findEvent(events, 'run.finished').evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '';
      const stored = rig.listEvents(/run_[A-Za-z0-9_-]+/.exec(safety)?.[0] as RestoreOrder['run']);
      assert.equal(findEvent(stored, 'run.created').repository, id);
      await drop('whole');
    },
  );

  await t.test('cleans what the backup holds and leaves the rest', async () => {
    await makeDamaged('cleaned');
    assertSucceeded(await run('cleaned', { mode: 'clean' }));
    assert.equal(await server.query('SELECT x FROM later', 'cleaned'), '7');
    await server.query('DROP TABLE later; DROP VIEW newer', 'cleaned');
    assert.equal(await server.dump('cleaned'), before);
    await server.query('CREATE TABLE bills (customer int, FOREIGN KEY (customer) REFERENCES customers (id))', 'cleaned');
    await refuse('cleaned', { mode: 'clean' }, /^other tables refer to some that would be replaced.*cleaned\.bills/);
    await drop('cleaned');
  });

  await t.test('ends the sessions in it when that is wished, and need not wait for the tables they use', async () => {
    await makeDamaged('busy');
    // Keeps a lock on the definition of the table that would give way.
    const held = 'START TRANSACTION; SELECT count(*) FROM customers; SELECT sleep(300)';
    const session = server.query(held, 'busy').then(
      () => 'ended by itself',
      (error: unknown) => String(error),
    );
    const count = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = 'busy' AND INFO LIKE 'SELECT sleep%'";
    await waitUntil('the session of another person', async () => (await server.query(count)) !== '0', { intervalMs: 5 });
    const events = await run('busy', { mode: 'replace', options: { endSessions: true } });
    assertSucceeded(events);
    assert.match(readLog(events), /1 other session is open in busy and will be ended/);
    assert.match(await session, /Lost connection|server has gone away|killed/i);
    assert.equal(await server.dump('busy'), before);
    await drop('busy');
  });

  await t.test('appends beside what is there, and changes nothing when a name is taken', async () => {
    await server.query('CREATE DATABASE appended');
    await server.query('CREATE TABLE later (x int); INSERT INTO later VALUES (7)', 'appended');
    assertSucceeded(await run('appended', { mode: 'append' }));
    assert.equal(await server.query('SELECT x FROM later', 'appended'), '7');
    await refuse('appended', { mode: 'append' }, /^these names are taken: .*customers/);
    await server.query('DROP TABLE later', 'appended');
    assert.equal(await server.dump('appended'), before);
    await drop('appended');
    await server.query('CREATE DATABASE taken; CREATE FUNCTION taken.one() RETURNS int RETURN 3');
    await refuse('taken', { mode: 'append' }, /^these names are taken: one/);
    await drop('taken');
  });

  await t.test('brings the tables without rows, and rows without tables', async () => {
    assertSucceeded(await run('hollow', { mode: 'schema_only' }));
    const counts = `SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM ${ORDERS}), (SELECT count(*) FROM a_view_of_a_view)`;
    assert.equal(await server.query(counts, 'hollow'), '0\t0\t0');
    await refuse('hollow', { mode: 'data_only' }, /^triggers would fire for each row that comes in, on: --order/);
    await server.query('DROP TRIGGER tidy; DROP TRIGGER mark', 'hollow');
    assertSucceeded(await run('hollow', { mode: 'data_only' }));
    const sums = `SELECT count(*), sum(crc32(concat_ws('|', id, name, twice))), (SELECT sum(crc32(concat_ws('|', id, customer, note))) FROM ${ORDERS}) FROM customers`;
    assert.equal(await server.query(sums, 'hollow'), await server.query(sums, 'shop'));
    const filled = await server.dump('hollow');
    // One table takes its rows, the other has a row with the same key: neither is changed.
    await server.query('SET foreign_key_checks = 0; DELETE FROM customers WHERE id <> 500', 'hollow');
    const partly = await server.dump('hollow');
    const again = readEnd(await run('hollow', { mode: 'data_only' }));
    assert.deepEqual([again.state, again.reason], ['failed', 'restore_failed'], again.message);
    assert.match(again.message, /Duplicate entry/);
    assert.equal(await server.dump('hollow'), partly);
    assert.notEqual(partly, filled);
    await server
      .query(`ALTER TABLE ${ORDERS} DROP FOREIGN KEY \`${HOSTILE.replaceAll('`', '``')}_ibfk_1\``, 'hollow')
      .catch(() => '');
    await drop('hollow');
  });

  await t.test('brings chosen tables with their keys and triggers, and leaves the others', async () => {
    await makeDamaged('chosen');
    assertSucceeded(await run('chosen', { mode: 'tables', tables: [HOSTILE] }));
    const show = `SHOW CREATE TABLE ${ORDERS}`;
    assert.equal(await server.query(show, 'chosen'), await server.query(show, 'shop'));
    const triggers = 'SHOW TRIGGERS';
    const firsts = (text: string) => text.split('\n').map((line) => line.split('\t').slice(0, 5));
    assert.deepEqual(firsts(await server.query(triggers, 'chosen')), firsts(await server.query(triggers, 'shop')));
    assert.equal(await server.query("SELECT count(*) FROM customers WHERE name = 'lost'", 'chosen'), '500');
    assert.equal(
      await server.query(`DELETE FROM customers WHERE id = 1; SELECT count(*) FROM ${ORDERS}`, 'chosen'),
      '399',
      'the key holds',
    );
    // Rows that refer to a customer who is gone do not come.
    const end = readEnd(await run('chosen', { mode: 'tables', tables: [HOSTILE] }));
    assert.match(end.message, /foreign key constraint fails/i);
    await refuse(
      'chosen',
      { mode: 'tables', tables: ['customers'] },
      /^other tables refer to the chosen ones; choose these too: chosen\.--order/,
    );
    await refuse('chosen', { mode: 'tables', tables: ['no `such'] }, /^the backup has no such tables: no `such/);
    assertSucceeded(await run('chosen', { mode: 'tables', tables: ['customers', HOSTILE] }));
    assert.equal(await server.query("SELECT count(*) FROM customers WHERE name LIKE '%🦔%'", 'chosen'), '500');
    assertSucceeded(await run('alone', { mode: 'tables', tables: ['customers', 'numbers'] }));
    assert.equal(await server.query('SHOW TABLES', 'alone'), 'customers\nnumbers');
    await drop('chosen');
    await drop('alone');
    assert.equal(await listNames(), names);
  });

  await t.test('is refused into one that is not there', async () => {
    for (const mode of ['clean', 'data_only'] as const) {
      const end = readEnd(await run('nowhere', { mode }));
      assert.deepEqual([end.state, end.reason], ['failed', 'target_refused'], mode);
    }
    assert.equal(await listNames(), names);
  });

  for (const stage of ['evidence', 'swap'])
    await t.test(`cancelled as ${stage} begins leaves it as it was, or has done all`, async () => {
      const damaged = await makeDamaged('kept');
      const order = orderOf(shop, 'kept', { mode: 'replace' });
      await giveOrder(rig, order);
      await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === stage);
      rig.executor.cancel(order.run);
      const { state } = readEnd(await rig.awaitEnd(order.run));
      assert.ok(state === 'cancelled' || (stage === 'swap' && state === 'succeeded'), state);
      assert.equal(await server.dump('kept'), state === 'succeeded' ? before : damaged);
      await drop('kept');
      assert.equal(await listNames(), names);
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });

  for (const mode of ['data_only', 'clean'] as const)
    await t.test(`cancelled amid its last step in the way ${mode} has it taken back, or done, and says which`, async () => {
      if (mode === 'clean') await makeDamaged('amid');
      else {
        assertSucceeded(await run('amid', { mode: 'schema_only' }));
        await server.query('DROP TRIGGER tidy; DROP TRIGGER mark', 'amid');
      }
      const standing = await server.dump('amid');
      const find = (what: string) =>
        server.query(`SELECT coalesce(max(ID), 0) FROM information_schema.PROCESSLIST WHERE ${what}`);
      // Another person uses a table, for which the last step has to wait.
      const held = server
        .query('START TRANSACTION; SELECT count(*) FROM customers FOR UPDATE; SELECT sleep(300)', 'amid')
        .catch(() => '');
      const holder = "DB = 'amid' AND INFO LIKE 'SELECT sleep%'";
      await waitUntil('the session of another person', async () => (await find(holder)) !== '0', { intervalMs: 5 });
      const order = orderOf(shop, 'amid', { mode, options: { safetyBackup: false } });
      await giveOrder(rig, order);
      // Of tables it is their definition that is waited for, of rows the place they go to. (INNODB_TRX would not do: who reads it more often
      // than ten times a second reads the same old answer.)
      const waiting =
        mode === 'clean'
          ? `SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = 'holdfast_new_${order.run}' AND STATE = 'Waiting for table metadata lock'`
          : "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'";
      await waitUntil('the last step', async () => (await server.query(waiting)) !== '0', { intervalMs: 5 });
      rig.executor.cancel(order.run);
      // Rows are taken back at once; a move of tables is not to be cut.
      if (mode === 'clean') await server.query(`KILL ${await find(holder)}`);
      const events = await rig.awaitEnd(order.run);
      const end = readEnd(events);
      if (mode === 'clean') {
        assertSucceeded(events);
        assert.match(JSON.stringify(events), /could not be taken back any more, so the new content is in place/);
        assert.notEqual(await server.dump('amid'), standing);
      } else {
        assert.deepEqual([end.state, end.reason], ['cancelled', 'cancelled'], readLog(events));
        assert.match(end.message, /the target is as it was/);
        await server.query(`KILL ${await find(holder)}`);
        assert.equal(await server.dump('amid'), standing);
      }
      await held;
      await drop('amid');
      assert.equal(await listNames(), names);
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });

  await t.test('of a dump from a newer server is refused until that is accepted', async () => {
    const newer = await storeAltered(shop, "sed 's/^-- Server version\\t10\\./-- Server version\\t99./'");
    await server.query('CREATE DATABASE older; CREATE TABLE older.precious (x int)');
    const wish = { mode: 'append' } as const;
    const refused = readEnd(await carryOut(rig, orderOf({ ...shop, made: newer }, 'older', wish)));
    assert.equal(refused.reason, 'server_older', refused.message);
    assert.equal(await server.query('SHOW TABLES', 'older'), 'precious');
    const accepted = { ...wish, options: { acceptOlderServer: true } };
    assertSucceeded(await carryOut(rig, orderOf({ ...shop, made: newer }, 'older', accepted)));
    await drop('older');
  });

  await t.test(
    'of a dump that is cut at the end of a statement is refused where all of it is read first, and where it is not',
    async () => {
      const cut = await storeAltered(shop, 'grep -v "^-- Dump completed"');
      const damaged = await makeDamaged('cut');
      const wish = { mode: 'replace', options: { readFirst: true } } as const;
      const end = readEnd(await carryOut(rig, orderOf({ ...shop, made: cut }, 'cut', wish)));
      assert.deepEqual([end.state, end.reason], ['failed', 'snapshot_damaged'], end.message);
      assert.equal(await server.dump('cut'), damaged);
      // Unread and into a new one, by what passes; what was made is removed.
      const there = await listNames();
      const anew = await carryOut(rig, createOrder(rig, shop.source, cut, { database: 'cut_new', on: server }));
      assert.deepEqual([readEnd(anew).state, readEnd(anew).reason], ['failed', 'snapshot_damaged'], readLog(anew));
      assert.equal(await listNames(), there);
      await drop('cut');
    },
  );

  await t.test(
    'of a dump that lacks what was counted at the backup takes nobody’s place, and is partial where it stands alone',
    async () => {
      const altered = await storeAltered(shop, "LC_ALL=C sed '/^INSERT INTO `customers`/,/;$/d'");
      // What is written in the second of the backup is never called exact.
      const { contents } = shop.made;
      const tables = contents?.tables.map((table) =>
        table.name === 'customers' ? { ...table, rows: 500, isExact: true } : table,
      );
      const short = { ...altered, ...(contents && tables ? { contents: { ...contents, tables } } : {}) };
      const damaged = await makeDamaged('short');
      const refused = readEnd(await carryOut(rig, orderOf({ ...shop, made: short }, 'short', { mode: 'replace' })));
      assert.deepEqual([refused.state, refused.reason], ['failed', 'restore_differs'], refused.message);
      assert.match(refused.message, /customers: 500 rows recorded, 0 rows restored/);
      assert.equal(await server.dump('short'), damaged);
      const events = await carryOut(rig, createOrder(rig, shop.source, short, { database: 'short_new', on: server }));
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['partial', 'restore_differs'], readLog(events));
      const evidence = findEvent(events, 'run.finished').evidence.find(({ check }) => check === 'same_content');
      assert.equal(evidence?.ok, false);
      assert.match(readLog(events), /not as recorded: customers: 500 rows recorded, 0 rows restored/);
      assert.equal(await server.query(`SELECT count(*) FROM ${ORDERS}`, 'short_new'), '400', 'what came stays');
      await drop('short_new');
      await drop('short');
    },
  );

  await t.test('of a snapshot with flipped bytes never touches it', async () => {
    const damaged = await makeDamaged('target');
    // The listings are small; what is bigger holds rows.
    for (const pack of listPacks(rig)) if (statSync(pack).size > 2000) flipByte(pack);
    for (const mode of ['replace', 'data_only'] as const) {
      const end = readEnd(await run('target', { mode }));
      assert.deepEqual([end.state, end.reason], ['failed', 'repository_damaged'], `${mode}: ${end.message}`);
      assert.equal(await server.dump('target'), damaged, mode);
    }
    await drop('target');
    assert.equal(await listNames(), names);
  });
});
