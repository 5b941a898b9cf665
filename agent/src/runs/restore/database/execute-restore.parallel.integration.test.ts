import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { StoredGlobals } from '@holdfast/shared/protocol/restore-roles.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { startPostgres } from '../../../handlers/fixtures/database-servers.ts';
import {
  type Connection,
  carryOut,
  createOrder,
  giveOrder,
  type RestoreOrder,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, PASSWORD } from '../../fixtures/run-rig.ts';
import { findPack, flipByte } from '../fixtures/altered-backups.ts';
import { storeShop } from '../fixtures/stored-shop.ts';

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
const HOSTILE_ROLE = 'we"ird\'s\nCREATE ROLE evil SUPERUSER; -- 注文 \\x';

const ROLES_SQL = `
CREATE ROLE ${quote(HOSTILE_ROLE)} LOGIN PASSWORD 'first' CONNECTION LIMIT 7;
CREATE ROLE readers; COMMENT ON ROLE readers IS 'who''s reading';
CREATE ROLE ann LOGIN PASSWORD 'of ann' IN ROLE readers; ALTER ROLE ann SET search_path = "$user", "odd schema";
CREATE ROLE bystander CREATEDB; CREATE ROLE chief SUPERUSER;
GRANT pg_monitor TO ann;`;

const SHOP_SQL = `
CREATE TABLE a (id serial PRIMARY KEY, note text); INSERT INTO a (note) SELECT repeat('a', 50) || i FROM generate_series(1, 4000) i;
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, note text); INSERT INTO b SELECT i, i, 'b 🦔' FROM generate_series(1, 3000) i;
CREATE TABLE ${quote('odd "x"\n注文')} AS SELECT * FROM b;
ALTER TABLE a OWNER TO ${quote(HOSTILE_ROLE)}; GRANT SELECT ON b TO ann; CREATE INDEX by_note ON a (note);
SELECT lo_from_bytea(4242, decode(repeat('c0ffee', 100), 'hex'));`;

const DROP_ROLES = `DROP ROLE IF EXISTS ${quote(HOSTILE_ROLE)}, ann, readers, bystander, chief`;
const ROLE_FACTS = `SELECT json_agg(json_build_object('name', rolname, 'login', rolcanlogin, 'super', rolsuper, 'createdb', rolcreatedb, 'limit', rolconnlimit,
  'password', rolpassword, 'config', (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0),
  'comment', shobj_description(oid, 'pg_authid'), 'in', (SELECT array_agg(g.rolname ORDER BY 1) FROM pg_auth_members m JOIN pg_authid g ON g.oid = m.roleid WHERE m.member = a.oid))
  ORDER BY rolname) FROM pg_authid a WHERE rolname !~ '^pg_' AND rolname <> 'postgres'`;

function getGlobals(events: readonly DurableEvent[]): StoredGlobals {
  const made = events.flatMap((event) =>
    event.type === 'snapshot.made' && event.snapshot.role === 'globals' ? [event.snapshot] : [],
  );
  const [one] = made;
  assert.ok(one?.fileName);
  return { engineId: one.engineId, fileName: one.fileName };
}

test('A PostgreSQL dump restored from this host’s disk through several connections, with its roles', async (t) => {
  const server = await startPostgres();
  const stored = await storeShop(t, server, ROLES_SQL + SHOP_SQL, { restic: GENERATIONS[1]?.binary ?? '' });
  const { rig, source, made, before } = stored;
  const globals = getGlobals(stored.events);
  const rolesBefore = await server.query(ROLE_FACTS);
  await server.query('DROP DATABASE shop');
  await server.query(DROP_ROLES);
  const noRoles = await server.query(ROLE_FACTS);
  const { spoolDir } = rig.tooling;

  const orderOf = (database: string, mode: RestoreMode, options: RestoreOptions, on: Connection = server): RestoreOrder => {
    const order = createOrder(rig, source, made, { database, on });
    const tables = mode === 'tables' ? { tables: [{ name: 'a' }] } : {};
    return {
      ...order,
      target: { kind: 'database', source: source.id, database, mode, ...tables },
      options: { safetyBackup: false, ...options },
      globals,
    };
  };
  const restore = (database: string, mode: RestoreMode, options: RestoreOptions) =>
    carryOut(rig, orderOf(database, mode, options));
  const isClean = () => {
    assert.deepEqual(existsSync(spoolDir) ? readdirSync(spoolDir) : [], []);
    assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
  };

  await t.test('makes what its owners and grants name of the missing roles, and drops them when it is cancelled', async () => {
    const order = orderOf('first', 'new', { jobs: 2, roles: 'needed' });
    await giveOrder(rig, order);
    const isReached = (event: DurableEvent) =>
      event.type === 'run.finished' || (event.type === 'run.stage' && event.stage === 'restore');
    await rig.awaitEvent((event) => 'run' in event && event.run === order.run && isReached(event));
    rig.executor.cancel(order.run);
    const events = await rig.awaitEnd(order.run);
    assert.equal(readEnd(events).state, 'cancelled', readLog(events));
    assert.equal(await server.query(ROLE_FACTS), noRoles);
    isClean();
  });

  await t.test('brings all of it back, through two connections, with passwords, settings and memberships', async () => {
    const events = await restore('shop', 'new', { jobs: 2, roles: 'needed' });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(await server.dump('shop'), before);
    const facts = JSON.parse(await server.query(ROLE_FACTS)) as { name: string }[];
    const wanted = (JSON.parse(rolesBefore) as { name: string }[]).filter(({ name }) => name !== 'bystander' && name !== 'chief');
    assert.deepEqual(facts, wanted);
    const { evidence } = findEvent(events, 'run.finished');
    assert.deepEqual(
      evidence.map(({ check, ok }) => [check, ok]),
      [
        ['fully_read', true],
        ['exit_codes', true],
        ['target_verified', true],
        ['same_content', true],
      ],
    );
    assert.doesNotMatch(readLog(events), /SCRAM/);
    isClean();
  });

  await t.test('leaves roles that exist as they are, and makes the rest when all are wished', async () => {
    await server.query("ALTER ROLE ann PASSWORD 'another' NOLOGIN");
    const ann = () => server.query("SELECT rolpassword, rolcanlogin FROM pg_authid WHERE rolname = 'ann'");
    const changed = await ann();
    const events = await restore('second', 'new', { jobs: 1, roles: 'all' });
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(await ann(), changed);
    assert.equal(await server.query("SELECT rolsuper FROM pg_roles WHERE rolname = 'chief'"), 't');
    assert.match(readLog(events), /roles that exist stay as they are: ann/);
    assert.match(readLog(events), /made the roles bystander, chief\n/);
  });

  await t.test('is restored in every way that takes several connections, and in one transaction through one', async () => {
    const results: string[] = [];
    for (const [mode, jobs] of [
      ['replace', 4],
      ['schema_only', 4],
      ['tables', 2],
      ['clean', 1],
    ] as const) {
      const database = `by_${mode}`;
      if (mode !== 'schema_only') await server.query(`CREATE DATABASE ${database} TEMPLATE template0`);
      if (mode === 'replace' || mode === 'clean') await server.query('CREATE TABLE b (x int)', database);
      const events = await restore(database, mode, { jobs });
      assert.equal(readEnd(events).state, 'succeeded', `${mode}: ${readLog(events)}`);
      if (mode !== 'tables' && mode !== 'schema_only') assert.equal(await server.dump(database), before, mode);
      results.push(await server.query('SELECT count(*) FROM a', database));
      isClean();
    }
    assert.deepEqual(results, ['4000', '0', '4000', '4000']);
    for (const mode of ['clean', 'append', 'data_only'] as const) {
      const end = readEnd(await restore('by_clean', mode, { jobs: 2 }));
      assert.equal(end.state, 'failed');
      assert.match(end.message, /one transaction, and so one connection/);
    }
    assert.equal(await server.dump('by_clean'), before);
  });

  await t.test('is refused before anything is made where its user may make no roles', async () => {
    await server.query("CREATE ROLE poor LOGIN CREATEDB PASSWORD 'of the poor'; DROP ROLE bystander");
    const poor = { kind: 'postgres' as const, port: server.port, user: 'poor', password: 'of the poor' };
    const end = readEnd(await carryOut(rig, orderOf('third', 'new', { roles: 'all' }, poor)));
    assert.deepEqual([end.state, end.reason], ['failed', 'roles_refused']);
    assert.match(end.message, /The user poor may not make these roles: bystander\./);
    await server.query('ALTER ROLE poor CREATEROLE; DROP ROLE chief');
    const powerful = readEnd(await carryOut(rig, orderOf('third', 'new', { roles: 'all' }, poor)));
    assert.match(powerful.message, /The user poor may not make these roles: chief\./);
    assert.equal(await server.query("SELECT count(*) FROM pg_database WHERE datname = 'third'"), '0');
  });

  await t.test('tells a person who asks which roles it would make', async () => {
    const ref = 'req_of_the_test';
    const { id: _id, kind, config } = rig.repository;
    const answer = await rig.handlers['restore.roles'](
      {
        ref,
        repository: { kind, config, secrets: rig.seal('request', `${ref}.repositories`, { password: PASSWORD }) },
        connection: {
          kind: 'postgres',
          config: source.config,
          secrets: rig.seal('request', `${ref}.sources`, { password: server.password }),
        },
        engineId: made.engineId,
        fileName: made.fileName ?? '',
        globals,
        choice: 'all',
        notAfter: Date.now() + 60_000,
      },
      'frame_of_the_test',
    );
    assert.deepEqual(answer, {
      user: 'postgres',
      mayCreate: true,
      missing: [
        { name: 'bystander', isPowerful: false },
        { name: 'chief', isPowerful: true },
      ],
      missingCount: 2,
      forbiddenCount: 0,
      standingCount: 4,
      unknown: 0,
    });
  });

  await t.test('is refused with what is free and what is needed where the disk has no room for it', async () => {
    const order = orderOf('fourth', 'new', { jobs: 2 });
    const end = readEnd(await carryOut(rig, { ...order, sizeBytes: Number.MAX_SAFE_INTEGER / 4 }));
    assert.deepEqual([end.state, end.reason], ['failed', 'disk_full'], end.message);
    assert.match(end.message, new RegExp(`${join(rig.dir)}\\S* has \\d+ bytes free, and the dump needs`));
    const other = readEnd(await carryOut(rig, { ...order, run: orderOf('x', 'new', {}).run, sizeBytes: made.sizeBytes }));
    assert.equal(other.state, 'failed', 'an order’s secrets are bound to its run');
  });

  await t.test('cancelled as it is read, or with one flipped byte, leaves what is there, and no file', async () => {
    await server.query('CREATE DATABASE kept; ');
    await server.query('CREATE TABLE a (was text)', 'kept');
    const kept = await server.dump('kept');
    const order = orderOf('kept', 'replace', { jobs: 2 });
    await giveOrder(rig, order);
    const isReached = (event: DurableEvent) =>
      event.type === 'run.finished' || (event.type === 'run.stage' && event.stage === 'read');
    await rig.awaitEvent((event) => 'run' in event && event.run === order.run && isReached(event));
    rig.executor.cancel(order.run);
    assert.equal(readEnd(await rig.awaitEnd(order.run)).state, 'cancelled');
    flipByte(findPack(rig));
    for (const [mode, jobs] of [
      ['replace', 2],
      ['clean', 1],
    ] as const) {
      const end = readEnd(await restore('kept', mode, { jobs }));
      assert.equal(end.state, 'failed', mode);
      assert.equal(end.reason, 'repository_damaged', mode);
    }
    assert.equal(await server.dump('kept'), kept);
    assert.equal(await server.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast%'"), '0');
    isClean();
  });
});
