import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { type DatabaseServer, startPostgres } from '../../../handlers/fixtures/database-servers.ts';
import {
  carryOut,
  createOrder,
  getMade,
  giveOrder,
  type RestoreOrder,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, type RunRig } from '../../fixtures/run-rig.ts';
import { findPack, flipByte, storeAltered } from '../fixtures/altered-backups.ts';
import { type StoredShop, storeShop } from '../fixtures/stored-shop.ts';

const HOSTILE_TABLE = '--order "x" \n注文 %s $(x)';
const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

const SHOP_SQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers SELECT i, 'customer 🦔 ' || i FROM generate_series(1, 500) i;
CREATE SCHEMA sales;
CREATE TABLE sales.${quote(HOSTILE_TABLE)} (id serial PRIMARY KEY, customer int REFERENCES customers, note text);
INSERT INTO sales.${quote(HOSTILE_TABLE)} (customer, note) SELECT i, 'note ' || i FROM generate_series(1, 400) i;
CREATE INDEX by_note ON sales.${quote(HOSTILE_TABLE)} (note);
CREATE VIEW few AS SELECT * FROM customers WHERE id < 5;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';`;

/** What a person did by mistake after the backup. */
const DAMAGE_SQL =
  'DELETE FROM sales.' +
  quote(HOSTILE_TABLE) +
  "; UPDATE customers SET name = 'lost'; CREATE TABLE later (x int); INSERT INTO later VALUES (7);";

const ALL_DATABASES = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";

interface Wish {
  mode: RestoreMode;
  options?: RestoreOptions;
  tables?: { schema?: string; name: string }[];
}

function orderOf({ rig, source, made, server }: StoredShop, database: string, wish: Wish): RestoreOrder {
  const order = createOrder(rig, source, made, { database, on: server });
  const target = {
    kind: 'database',
    source: source.id,
    database,
    mode: wish.mode,
    ...(wish.tables ? { tables: wish.tables } : {}),
  } as const;
  return { ...order, target, options: { acceptOlderServer: false, ...wish.options } };
}

/** A fresh database with what a person has made of it since the backup. */
async function makeDamaged({ server }: StoredShop, name: string): Promise<string> {
  await server.query(`CREATE DATABASE ${quote(name)} TEMPLATE shop`);
  await server.query(DAMAGE_SQL, name);
  return server.dump(name);
}

/** The events of the backup run that went before, if there was one. */
function listSafety(rig: RunRig, events: readonly DurableEvent[]): readonly DurableEvent[] {
  const seen = findEvent(events, 'run.finished').evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '';
  const run = /run_[A-Za-z0-9_-]+/.exec(seen)?.[0];
  return run === undefined ? [] : rig.listEvents(run as RestoreOrder['run']);
}

/** Another person's session, idle in the database until it is ended. */
async function openSession(server: DatabaseServer, database: string): Promise<{ ended: Promise<string> }> {
  const ended = server.query('SELECT pg_sleep(300)', database).then(
    () => 'ended by itself',
    (error: unknown) => String(error),
  );
  const count = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`;
  await waitUntil('the session of another person', async () => (await server.query(count)) !== '0', { intervalMs: 1 });
  return { ended };
}

test('A restore into a PostgreSQL database that exists', async (t) => {
  const shop = await storeShop(t, await startPostgres(), SHOP_SQL, { restic: GENERATIONS[0]?.binary ?? '' });
  const storedPack = findPack(shop.rig);
  const { rig, server, before } = shop;
  const databases = await server.query(ALL_DATABASES);
  const drop = (name: string) => server.query(`DROP DATABASE ${quote(name)}`);
  const run = (database: string, wish: Wish) => carryOut(rig, orderOf(shop, database, wish));

  await t.test('replaces it as a whole, keeps its settings and grants, and backs up what was there', async () => {
    const damaged = await makeDamaged(shop, 'whole');
    await server.query(`CREATE ROLE keeper; ALTER DATABASE whole OWNER TO keeper; ALTER DATABASE whole SET work_mem = '9MB';
      ALTER DATABASE whole SET search_path = "$user", public, sales; REVOKE CONNECT ON DATABASE whole FROM PUBLIC; GRANT CONNECT ON DATABASE whole TO pg_monitor;`);
    const facts = `SELECT pg_get_userbyid(datdba), (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), (SELECT array_agg(c ORDER BY c) FROM pg_db_role_setting, unnest(setconfig) c WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = 'whole'`;
    const kept = await server.query(facts);
    const events = await run('whole', { mode: 'replace' });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(await server.dump('whole'), before);
    assert.equal(await server.query(facts), kept);
    assert.equal(await server.query(ALL_DATABASES), `${databases} whole`);
    const safety = listSafety(rig, events);
    assert.equal(readEnd(safety).state, 'succeeded');
    assert.match(readLog(events), /safety backup of whole: run_/);
    const restored = await carryOut(rig, {
      ...createOrder(rig, shop.source, getMade(safety), { database: 'undone', on: server }),
    });
    assert.equal(readEnd(restored).state, 'succeeded', readLog(restored));
    assert.equal(await server.dump('undone'), damaged, 'the safety backup brings back what was there');
    await drop('whole');
    await drop('undone');
  });

  await t.test('is refused with the number of sessions that are open, and ends them when that is wished', async () => {
    const damaged = await makeDamaged(shop, 'busy');
    const session = await openSession(server, 'busy');
    for (const mode of ['replace', 'clean'] as const) {
      const refused = readEnd(await run('busy', { mode }));
      assert.deepEqual([refused.state, refused.reason], ['failed', 'sessions_open'], refused.message);
      assert.match(refused.message, /1 other session is open in busy/);
    }
    const options = { endSessions: true, safetyBackup: false };
    const events = await run('busy', { mode: 'replace', options });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.match(await session.ended, /terminating connection|closed the connection/);
    assert.notEqual(await server.dump('busy'), damaged);
    assert.equal(await server.dump('busy'), before);
    assert.deepEqual(listSafety(rig, events), []);
    await drop('busy');
  });

  await t.test('cleans what the backup holds and leaves the rest', async () => {
    await makeDamaged(shop, 'cleaned');
    const events = await run('cleaned', { mode: 'clean' });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.deepEqual(
      findEvent(events, 'run.finished').evidence.map(({ check }) => check),
      [...['fully_read', 'safety_backup', 'exit_codes', 'target_verified', 'same_content']],
    );
    assert.equal(await server.query('SELECT x FROM later', 'cleaned'), '7');
    await server.query('DROP TABLE later', 'cleaned');
    assert.equal(await server.dump('cleaned'), before);
    await drop('cleaned');
  });

  await t.test('appends beside what is there, and changes nothing when a name is taken', async () => {
    await server.query('CREATE DATABASE appended TEMPLATE template0');
    await server.query('CREATE TABLE later (x int); INSERT INTO later VALUES (7)', 'appended');
    const events = await run('appended', { mode: 'append' });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    const counts = `SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM sales.${quote(HOSTILE_TABLE)}), (SELECT count(*) FROM later)`;
    assert.equal(await server.query(counts, 'appended'), '500|400|1');
    const untouched = await server.dump('appended');
    const taken = readEnd(await run('appended', { mode: 'append' }));
    assert.deepEqual([taken.state, taken.reason], ['failed', 'restore_failed']);
    assert.match(taken.message, /already exists/);
    assert.equal(await server.dump('appended'), untouched);
    await drop('appended');
  });

  await t.test('brings the tables without rows, and rows without tables', async () => {
    const schema = await run('hollow', { mode: 'schema_only' });
    assert.equal(readEnd(schema).state, 'succeeded', readLog(schema));
    const counts = `SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM sales.${quote(HOSTILE_TABLE)})`;
    assert.equal(await server.query(counts, 'hollow'), '0|0');
    const rows = await run('hollow', { mode: 'data_only' });
    assert.equal(readEnd(rows).state, 'succeeded', readLog(rows));
    assert.equal(await server.dump('hollow'), before);
    const again = readEnd(await run('hollow', { mode: 'data_only' }));
    assert.equal(again.reason, 'restore_failed');
    assert.equal(await server.dump('hollow'), before, 'rows that are there already come in no second time');
    await drop('hollow');
  });

  await t.test('brings chosen tables with their indexes and leaves the others', async () => {
    await makeDamaged(shop, 'chosen');
    const tables = [{ schema: 'sales', name: HOSTILE_TABLE }];
    const events = await run('chosen', { mode: 'tables', tables });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(await server.query(`SELECT count(*) FROM sales.${quote(HOSTILE_TABLE)}`, 'chosen'), '400');
    assert.equal(await server.query("SELECT count(*) FROM customers WHERE name = 'lost'", 'chosen'), '500');
    assert.equal(await server.query("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_note'", 'chosen'), '1');
    const damaged = await server.dump('chosen');
    const unknown = readEnd(await run('chosen', { mode: 'tables', tables: [{ name: 'no" such; DROP' }] }));
    assert.equal(unknown.state, 'failed');
    assert.equal(await server.dump('chosen'), damaged);
    assert.equal(await server.query(ALL_DATABASES), `chosen ${databases}`);
    const fresh = await run('alone', { mode: 'tables', tables: [{ name: 'customers' }] });
    assert.equal(readEnd(fresh).state, 'succeeded', readLog(fresh));
    assert.equal(await server.query('SELECT count(*) FROM customers', 'alone'), '500');
    await drop('chosen');
    await drop('alone');
  });

  await t.test('is refused into one that is not there, and by a safety backup that fails', async () => {
    for (const mode of ['clean', 'append', 'data_only'] as const) {
      const end = readEnd(await run('nowhere', { mode }));
      assert.deepEqual([end.state, end.reason], ['failed', 'target_refused'], mode);
    }
    const damaged = await makeDamaged(shop, 'unsafe');
    // Another user may restore, but not read everything.
    await server.query("ALTER ROLE keeper LOGIN SUPERUSER PASSWORD 'keeper'; ALTER DATABASE unsafe SET lock_timeout = '1s'");
    const lock = server
      .query('BEGIN; LOCK TABLE later IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300); COMMIT', 'unsafe')
      .catch(() => '');
    const held =
      "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = 'unsafe')";
    await waitUntil('the lock of the table', async () => (await server.query(held)) !== '0', { intervalMs: 1 });
    const order = orderOf(shop, 'unsafe', { mode: 'append' });
    await giveOrder(rig, order);
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === 'safety');
    rig.executor.cancel(order.run);
    const end = readEnd(await rig.awaitEnd(order.run));
    assert.deepEqual([end.state, end.reason], ['cancelled', 'cancelled']);
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'unsafe' AND pid <> pg_backend_pid()",
    );
    await lock;
    assert.equal(await server.dump('unsafe'), damaged);
    await drop('unsafe');
  });

  for (const stage of ['preflight', 'read', 'restore', 'evidence', 'safety', 'swap']) {
    await t.test(`cancelled as ${stage} begins leaves it as it was, or has done all, and nothing beside it`, async () => {
      const damaged = await makeDamaged(shop, 'kept');
      const order = orderOf(shop, 'kept', { mode: 'replace', options: { readFirst: true } });
      await giveOrder(rig, order);
      await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === stage);
      rig.executor.cancel(order.run);
      const end = readEnd(await rig.awaitEnd(order.run));
      assert.ok(end.state === 'cancelled' || (stage === 'swap' && end.state === 'succeeded'), `${end.state} ${end.message}`);
      assert.equal(await server.dump('kept'), end.state === 'succeeded' ? before : damaged);
      await drop('kept');
      assert.equal(await server.query(ALL_DATABASES), databases);
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
      assert.deepEqual(readdirSync(`${rig.dir}/repository/locks`), []);
    });
  }

  for (const mode of ['clean', 'data_only'] as const)
    await t.test(`cancelled amid the transaction of ${mode} leaves it as it was, and says so`, async () => {
      if (mode === 'clean') await makeDamaged(shop, 'amid');
      else assert.equal(readEnd(await run('amid', { mode: 'schema_only' })).state, 'succeeded');
      // Stops whoever makes a table, or brings the last row.
      await server.query(
        mode === 'clean'
          ? `CREATE FUNCTION held() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(300); END $$;
            CREATE EVENT TRIGGER held ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION held()`
          : `CREATE FUNCTION held(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = 500 THEN PERFORM pg_sleep(300); END IF; RETURN true; END $$;
            ALTER TABLE customers ADD CONSTRAINT held CHECK (public.held(id))`,
        'amid',
      );
      const standing = await server.dump('amid');
      const order = orderOf(shop, 'amid', { mode, options: { safetyBackup: false } });
      const sessions = (wait = '') =>
        server.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast ${order.run}' ${wait}`);
      await giveOrder(rig, order);
      await waitUntil('its middle', async () => (await sessions("AND wait_event = 'PgSleep'")) === '1', { intervalMs: 5 });
      rig.executor.cancel(order.run);
      const events = await rig.awaitEnd(order.run);
      const end = readEnd(events);
      assert.deepEqual([end.state, end.reason], ['cancelled', 'cancelled'], readLog(events));
      assert.match(end.message, /^The restore was cancelled; the target is as it was\b/);
      assert.equal(await server.dump('amid'), standing);
      await waitUntil('the end of its session', async () => (await sessions()) === '0', { intervalMs: 5 });
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
      await drop('amid');
    });

  await t.test('of a dump from a newer server is refused, and nothing is touched', async () => {
    const [major] = (await server.query('SHOW server_version')).split('.');
    // As long as what it replaces: the archive says how long its words are.
    const made = await storeAltered(shop, `LC_ALL=C sed '0,/${major}\\./s//99./'`);
    const damaged = await makeDamaged(shop, 'older');
    for (const mode of ['replace', 'clean', 'append', 'data_only', 'tables'] as const) {
      const wish = { mode, tables: [{ name: 'customers' }], options: { safetyBackup: false } };
      const end = readEnd(await carryOut(rig, orderOf({ ...shop, made }, 'older', wish)));
      assert.deepEqual([end.state, end.reason], ['failed', 'server_older'], `${mode}: ${end.message}`);
      assert.match(end.message, new RegExp(`The server is version ${major}\\..*, and the dump came from the newer 99\\.`));
    }
    assert.equal(await server.dump('older'), damaged);
    await drop('older');
    // Also of those who said nothing about older servers, as programs and people at the host may.
    const anew = readEnd(await carryOut(rig, createOrder(rig, shop.source, made, { database: 'anew', on: server })));
    assert.deepEqual([anew.state, anew.reason], ['failed', 'server_older'], anew.message);
    assert.equal(await server.query(ALL_DATABASES), databases);
  });

  await t.test('of a snapshot with one flipped byte never touches it', async () => {
    const damaged = await makeDamaged(shop, 'target');
    flipByte(storedPack);
    for (const mode of ['clean', 'append', 'data_only', 'replace', 'tables'] as const) {
      const end = readEnd(await run('target', { mode, tables: [{ name: 'customers' }], options: { safetyBackup: false } }));
      assert.equal(end.state, 'failed', mode);
      assert.equal(await server.dump('target'), damaged, mode);
    }
    await drop('target');
    assert.equal(await server.query(ALL_DATABASES), databases);
  });
});
