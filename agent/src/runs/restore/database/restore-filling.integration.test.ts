import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { type DatabaseServer, startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import { getMysqlFolder, startMysql } from '../../../handlers/fixtures/mysql-server.ts';
import {
  addDatabase,
  type Connection,
  carryOut,
  createFileOrder,
  createOrder,
  getMade,
  giveOrder,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { openRunRig } from '../../fixtures/run-rig.ts';
import { recoverRuns } from '../../recovery/recovery.ts';

const TABLES_SQL = `
CREATE TABLE customers (id int PRIMARY KEY, name varchar(40));
INSERT INTO customers VALUES (1, 'ann'), (2, 'bob');
CREATE TABLE \`a
line \`\`of\`\` "注文"\` (id int PRIMARY KEY, customer int, FOREIGN KEY (customer) REFERENCES customers (id));
CREATE TABLE Orders (id int PRIMARY KEY, customer int, CONSTRAINT of_whom FOREIGN KEY (customer) REFERENCES customers (id));
INSERT INTO Orders VALUES (7, 1);`;
const CODE_SQL = `
CREATE FUNCTION One() RETURNS int DETERMINISTIC RETURN 1;
CREATE PROCEDURE tell() SELECT 1;
CREATE TRIGGER tidy BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = trim(NEW.name);
CREATE VIEW few AS SELECT id FROM customers WHERE id < 5;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DISABLE DO SELECT 1;`;

interface Engine {
  title: string;
  start(): Promise<DatabaseServer>;
  toolFolders(): readonly string[];
  sql: string;
  head: string;
  /** Who fills what is there bit by bit, and how it came to that. */
  filler(server: DatabaseServer): Promise<Connection>;
}

const ENGINES: readonly Engine[] = [
  {
    title: 'MariaDB, by a user who may make no databases',
    start: startMariadb,
    toolFolders: () => [],
    sql: `${TABLES_SQL}CREATE SEQUENCE numbers;${CODE_SQL}`,
    head: '-- MariaDB dump 10.19',
    async filler({ kind, port, query }) {
      await query(
        "CREATE USER poor@'%' IDENTIFIED BY 'of the poor'; GRANT ALL ON lent.* TO poor@'%'; GRANT SET USER ON *.* TO poor@'%'",
      );
      return { kind, port, user: 'poor', password: 'of the poor' };
    },
  },
  {
    title: 'MySQL',
    start: startMysql,
    toolFolders: () => [getMysqlFolder()],
    sql: TABLES_SQL + CODE_SQL,
    head: '-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)',
    filler: async (server) => server,
  },
];

/** What somebody else makes while the restore goes on. */
const THEIRS_SQL =
  'CREATE TABLE theirs (a int); INSERT INTO theirs VALUES (5); CREATE VIEW few_of_theirs AS SELECT a FROM theirs; CREATE FUNCTION their_one() RETURNS int DETERMINISTIC RETURN 2;';

async function openScene(t: TestContext, engine: Engine) {
  const offered = mkdtempSync(join(tmpdir(), 'holdfast-filling-'));
  t.after(() => rmSync(offered, { recursive: true, force: true }));
  const server = await engine.start();
  t.after(() => server.remove());
  const rig = await openRunRig(t, {
    restic: '/usr/bin/restic',
    toolFolders: engine.toolFolders(),
    dumpDirs: [offered],
  });
  await rig.initRepository();
  await server.query('CREATE DATABASE shop; CREATE DATABASE lent');
  await server.query(engine.sql, 'shop');
  const source = addDatabase(rig, server, 'shop');
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  const filler = await engine.filler(server);
  const script = await server.dump('shop');
  /** A dump with one more statement where all of it is there but the last word. */
  const writeWith = (name: string, statement: string) => {
    writeFileSync(join(offered, name), `${engine.head}\n-- Server version\t9.7.4\n${script}\n${statement}\n-- Dump completed\n`);
    return createFileOrder(rig, source, join(offered, name), { database: 'lent', on: filler });
  };
  return { rig, server, source, made: getMade(events), filler, writeWith };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

/** Gives the order and waits for its statement that sleeps. */
async function startSleeping({ rig, server, writeWith }: Scene) {
  const order = writeWith('sleeping.sql', 'DO SLEEP(600);');
  await giveOrder(rig, order);
  const asleep = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP(600)%'";
  await waitUntil('the statement that sleeps', async () => (await server.query(asleep)) === '1', { intervalMs: 50 });
  return order;
}

for (const engine of ENGINES)
  test(`An empty database of ${engine.title}`, async (t) => {
    const scene = await openScene(t, engine);
    const { rig, server, source, made, filler, writeWith } = scene;
    const { journal } = rig.workbench;
    const empty = await server.dump('lent');
    const whole = await server.dump('shop');
    const emptyIt = () => server.query('DROP DATABASE lent; CREATE DATABASE lent');

    await t.test('is filled with the whole of a snapshot, and bears no list of it afterwards', async () => {
      const events = await carryOut(rig, createOrder(rig, source, made, { database: 'lent', on: filler }));
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      assert.match(readLog(events), /The whole snapshot was read and authenticated/);
      assert.equal(await server.dump('lent'), whole);
      await emptyIt();
    });

    await t.test('stays empty where the dump is cut, or its last statement fails', async () => {
      const failing = await carryOut(rig, writeWith('failing.sql', 'INSERT INTO customers (id) VALUES (1);'));
      assert.deepEqual([readEnd(failing).state, readEnd(failing).reason], ['failed', 'restore_failed'], readLog(failing));
      assert.match(readLog(failing), /lent is empty again, as it was before/);
      assert.equal(await server.dump('lent'), empty);
    });

    await t.test('is emptied again of what came when that is cancelled, and keeps what somebody else has made', async () => {
      const order = await startSleeping(scene);
      assert.match(await server.query('SHOW TABLES', 'lent'), /holdfast_half_run_/);
      await server.query(THEIRS_SQL, 'lent');
      rig.executor.cancel(order.run);
      const events = await rig.awaitEnd(order.run);
      assert.equal(readEnd(events).state, 'cancelled', readLog(events));
      assert.match(readEnd(events).message, /what had come into lent is removed again/);
      assert.match(readLog(events), /what somebody else has made there meanwhile stays/);
      assert.equal(await server.query('SHOW TABLES', 'lent'), 'few_of_theirs\ntheirs');
      assert.equal(await server.query('SELECT a, their_one() FROM theirs', 'lent'), '5\t2');
      await server.query('DROP TABLE theirs; DROP VIEW few_of_theirs; DROP FUNCTION their_one', 'lent');
      assert.equal(await server.dump('lent'), empty, 'nothing else is left');
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });

    await t.test('whose server is killed in the middle is emptied as soon as that is back', async () => {
      const order = await startSleeping(scene);
      await server.kill();
      const events = await rig.awaitEnd(order.run);
      assert.equal(readEnd(events).state, 'failed');
      assert.match(readLog(events), /lent, which was empty before, could not be emptied again: .*it is tried again/);
      assert.equal(journal.runs.listClosedWith('restore', 'half').length, 1);
      await server.start();
      await recoverRuns(rig.workbench, rig.executor, undefined);
      await waitUntil('its end', () => journal.runs.listClosedWith('restore', 'half').length === 0);
      assert.equal(await server.dump('lent'), empty);
    });

    await t.test('of which an agent was killed is emptied, unless it is another one by now', async () => {
      for (const isOther of [false, true]) {
        const order = createOrder(rig, source, made, { database: 'lent', on: filler });
        const half = { made: [], filling: { database: 'lent', mark: order.run } };
        if (isOther) await server.query('CREATE TABLE customers (theirs int)', 'lent');
        else {
          const list = `holdfast_half_${order.run}`;
          await server.query(
            `CREATE TABLE ${list} (kind varchar(9), name varchar(255)); INSERT INTO ${list} VALUES ('table', 'customers')`,
            'lent',
          );
          await server.query('CREATE TABLE customers (id int)', 'lent');
        }
        journal.runs.record({ run: order.run, kind: 'restore', body: { kind: 'restore', order, started: true, half } });
        await recoverRuns(rig.workbench, rig.executor, undefined);
        const events = rig.listEvents(order.run);
        assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'interrupted']);
        assert.equal(await server.query('SHOW TABLES', 'lent'), isOther ? 'customers' : '');
      }
    });
  });
