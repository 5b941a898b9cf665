import assert from 'node:assert/strict';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { createCertificate } from '../harness/services/certificate.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type CommandRunner, createCommandRunner } from './command-run.ts';
import {
  dropTarget,
  findProbeFailure,
  getDataDump,
  inspectTarget,
  type ProvedSource,
  restoreDump,
  takeDumps,
  verifyTarget,
} from './database-proof.ts';

const HOSTILE_NAMES = ['we"ird\'; DROP -- \n 😀', '--option', 'a=b', 'postgres://x/y?host=/z', "dbname='x'", 'back\\', ' blank '];
const adapter = getSourceAdapter('postgres');

let postgres: PostgresHandle;
let runner: CommandRunner;

before(async () => {
  postgres = await startPostgres();
  runner = await createCommandRunner('adapter-postgres', postgres.programFolder);
  await postgres.fillDatabase('sample', 1);
});
after(async () => {
  await runner?.remove();
  await postgres?.stop();
});

const createSource = (change: Config = {}, password = postgres.password): ProvedSource => ({
  adapter,
  runner,
  config: { host: postgres.host, port: postgres.port, user: postgres.superuser, database: 'sample', ...change },
  secrets: password === '' ? {} : { password },
});

test('a filled database comes back under a hostile name with the same rows, definitions, owners and grants', async () => {
  const source = createSource();
  const dumps = await takeDumps(source);
  assert.deepEqual(
    dumps.map((dump) => dump.role),
    ['data', 'globals'],
  );
  const globals = dumps[1]?.bytes.toString() ?? '';
  assert.match(globals, /CREATE ROLE sample_owner;/);
  assert.match(globals, /PASSWORD 'SCRAM-SHA-256/, 'a superuser’s globals have the passwords');
  const target = 'we"ird\'; DROP -- \n 😀';
  assert.deepEqual(await restoreDump(source, target, getDataDump(dumps)), { ok: true, warnings: [] });
  assert.equal((await inspectTarget(source, target)).empty, false);
  const { tables, seen } = await verifyTarget(source, target);
  assert.ok(tables >= 7, seen);
  assert.deepEqual(await postgres.hashDatabase(target), await postgres.hashDatabase('sample'));
  await dropTarget(source, target);
});

test('databases with hostile names are discovered, dumped and restored like any other', async () => {
  for (const name of HOSTILE_NAMES) {
    await postgres.createDatabase(name);
    await postgres.query('CREATE TABLE t (a int); INSERT INTO t VALUES (7)', name);
  }
  const { discovery } = adapter;
  assert.ok(discovery !== undefined);
  const listed = await runner.run(discovery.plan({ ...createSource(), workDir: runner.workDir }));
  const found = discovery.parse(listed.stdout).map((each) => each.name);
  for (const name of [...HOSTILE_NAMES, 'sample', 'postgres']) assert.ok(found.includes(name), JSON.stringify(name));
  assert.ok(!found.includes('template1') && !found.includes('template0'));
  for (const name of HOSTILE_NAMES) {
    const source = createSource(discovery.configFor(createSource().config, { name }));
    const target = `${name}2`;
    assert.equal((await restoreDump(source, target, getDataDump(await takeDumps(source)))).ok, true, JSON.stringify(name));
    assert.equal(await postgres.query('SELECT a FROM t', target), '7');
    await dropTarget(source, target);
    assert.equal(await postgres.query('SELECT a FROM t', name), '7', 'the source is untouched');
  }
});

test('the restored database has the encoding and the locale of the source', async () => {
  const icu = "LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LC_COLLATE 'C' LC_CTYPE 'C'";
  await postgres.query(`CREATE DATABASE icu TEMPLATE template0 ENCODING 'UTF8' ${icu}`);
  await postgres.query(`CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`);
  const columns = 'pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider, daticulocale';
  for (const name of ['icu', 'latin']) {
    const source = createSource({ database: name });
    assert.equal((await restoreDump(source, `${name}2`, getDataDump(await takeDumps(source)))).ok, true);
    const describe = (database: string) => postgres.query(`SELECT ${columns} FROM pg_database WHERE datname = '${database}'`);
    assert.equal(await describe(`${name}2`), await describe(name));
  }
});

test('a role that is missing costs ownership and grants with a warning, and nothing else', async () => {
  await postgres.query('CREATE ROLE gone');
  await postgres.createDatabase('owned');
  await postgres.query('CREATE TABLE t (a int); ALTER TABLE t OWNER TO gone; INSERT INTO t VALUES (1)', 'owned');
  const source = createSource({ database: 'owned' });
  const dump = getDataDump(await takeDumps(source));
  await postgres.query('DROP OWNED BY gone', 'owned');
  await postgres.query('DROP ROLE gone');
  const verdict = await restoreDump(source, 'orphaned', dump);
  assert.ok(verdict.ok);
  assert.match(verdict.warnings.join('\n'), /role gone does not exist/);
  assert.equal(await postgres.query('SELECT a FROM t', 'orphaned'), '1');
});

test('a dump that is cut anywhere, is garbage or is empty is a failed restore', async () => {
  const source = createSource();
  const dump = getDataDump(await takeDumps(source));
  const broken = [0.1, 0.5, 0.9].map((part) => dump.subarray(0, Math.floor(dump.length * part)));
  for (const bytes of [...broken, dump.subarray(0, dump.length - 1), Buffer.from('garbage\n'.repeat(100)), Buffer.alloc(0)]) {
    const verdict = await restoreDump(source, 'broken', bytes);
    assert.equal(!verdict.ok && verdict.reason, 'restore_failed', `${bytes.length} bytes`);
    await dropTarget(source, 'broken');
  }
});

test('a restore into a database that has the same tables is a failed restore', async () => {
  const source = createSource();
  const dump = getDataDump(await takeDumps(source));
  assert.equal((await restoreDump(source, 'twice', dump)).ok, true);
  assert.ok(adapter.restore !== undefined);
  const again = adapter.restore.planRestore({ ...source, workDir: runner.workDir, targetDatabase: 'twice' });
  const verdict = adapter.restore.judgeRestore(await runner.run(again, dump));
  assert.equal(!verdict.ok && verdict.reason, 'restore_failed');
});

test('rows that lie on another server are not in the dump, which is said', async () => {
  await postgres.createDatabase('linked');
  await postgres.query(
    'CREATE EXTENSION postgres_fdw; CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE far (word text) SERVER there',
    'linked',
  );
  const probe = async (database: string) => {
    const look = adapter.planProbe({ ...createSource({ database }), workDir: runner.workDir });
    assert.ok(look !== undefined);
    return adapter.parseProbe(await runner.run(look));
  };
  await postgres.createDatabase('hollow');
  assert.match((await probe('hollow')).warnings.join(), /^The database has no tables, or none that the user may see/);
  const { warnings } = await probe('linked');
  assert.deepEqual(warnings, [
    '1 foreign tables: how they are made is in the backup, their rows are not. Back them up where they are.',
  ]);
  await takeDumps(createSource({ database: 'linked' }));
});

test('subscriptions are not in the dump of a user who is no superuser, which is said', async () => {
  await postgres.createDatabase('subscribed');
  const dead = "CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false)";
  await postgres.query(
    `CREATE SUBSCRIPTION of_orders ${dead}; ALTER SUBSCRIPTION of_orders SET (slot_name = NONE)`,
    'subscribed',
  );
  await postgres.query("CREATE ROLE reads LOGIN PASSWORD 'of the reader' IN ROLE pg_read_all_data");
  const source = createSource({ database: 'subscribed', user: 'reads' }, 'of the reader');
  const look = adapter.planProbe({ ...source, workDir: runner.workDir });
  assert.ok(look !== undefined);
  assert.match(
    adapter.parseProbe(await runner.run(look)).warnings.join('\n'),
    /^1 subscriptions of logical replication are not in the dump/m,
  );
  await postgres.query('DROP SUBSCRIPTION of_orders', 'subscribed');
});

test('a user without rights is warned about, gets roles without passwords, and its dump fails for that reason', async () => {
  await postgres.query("CREATE ROLE weak LOGIN PASSWORD 'weak:pass\\word'");
  await postgres.query('CREATE TABLE plain (a int); GRANT SELECT ON plain TO weak', 'postgres');
  await postgres.createDatabase('mine');
  await postgres.query('CREATE TABLE t (a int); GRANT SELECT ON t TO weak', 'mine');
  const weak = { user: 'weak', database: 'mine' };
  const dumps = await takeDumps(createSource(weak, 'weak:pass\\word'));
  assert.doesNotMatch(dumps[0]?.bytes.toString() ?? '', /PASSWORD/);
  await postgres.query('REVOKE SELECT ON t FROM weak', 'mine');
  const source = createSource(weak, 'weak:pass\\word');
  const input = { ...source, workDir: runner.workDir };
  const look = adapter.planProbe(input);
  assert.ok(look !== undefined);
  const probe = adapter.parseProbe(await runner.run(look));
  assert.match(probe.warnings.join('\n'), /cannot read 1 of the tables/);
  const data = adapter.planBackup(input, probe).find((artifact) => artifact.role === 'data');
  assert.ok(data?.kind === 'stream');
  assert.equal(adapter.classifyFailure(await runner.run(data.producer)).reason, 'database_permission');
});

test('wrong password, unknown user, missing database, no server, no TLS and an unknown host are told apart', async () => {
  assert.equal(await findProbeFailure(createSource({}, 'wrong')), 'database_authentication');
  assert.equal(await findProbeFailure(createSource({}, '')), 'database_authentication');
  assert.equal(await findProbeFailure(createSource({ user: 'nobody-here' })), 'database_authentication');
  assert.equal(await findProbeFailure(createSource({ database: 'no"such\ndb' })), 'database_missing');
  assert.equal(await findProbeFailure(createSource({ port: await findFreePort(postgres.host) })), 'database_unreachable');
  assert.equal(await findProbeFailure(createSource({ sslMode: 'require' })), 'database_unreachable');
  assert.equal(await findProbeFailure(createSource({ host: 'no-such-host.invalid' })), 'database_unreachable');
});

const HELD_LOCKS = `SELECT count(*) FROM pg_locks WHERE relation = 'shop.empty'::regclass AND mode = 'AccessExclusiveLock' AND granted`;

test('a dump whose session is ended on the server exits with an error and is a failed dump', async () => {
  const source = createSource();
  const input = { ...source, workDir: runner.workDir };
  const look = adapter.planProbe(input);
  assert.ok(look !== undefined);
  const probe = adapter.parseProbe(await runner.run(look));
  const data = adapter.planBackup(input, probe).find((artifact) => artifact.role === 'data');
  assert.ok(data?.kind === 'stream');
  // The dump asks for this lock, waits for it, and so can be found and ended at a known point.
  const holder = postgres.query(
    `BEGIN; LOCK TABLE shop.empty IN ACCESS EXCLUSIVE MODE;
     DO $$ BEGIN
       FOR i IN 1..600 LOOP
         EXIT WHEN (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE application_name LIKE 'holdfast%' AND query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock') > 0;
         PERFORM pg_stat_clear_snapshot(), pg_sleep(0.1);
       END LOOP;
     END $$; COMMIT`,
    'sample',
  );
  await waitFor('the lock to be held', async () => ((await postgres.query(HELD_LOCKS, 'sample')) === '1' ? true : undefined), {
    deadlineMs: 20_000,
  });
  const outcome = await runner.run(data.producer);
  await holder;
  assert.notEqual(outcome.exitCode, 0);
  assert.equal(adapter.classifyFailure(outcome).reason, 'dump_failed', outcome.stderr);
});

/** Gives the running server a certificate for 127.0.0.1; resolves with the authority that signed it. */
async function enableTls(): Promise<string> {
  const files = await createCertificate(postgres.directory);
  const owner = await stat(postgres.directory);
  for (const file of [files.certificateFile, files.keyFile]) await chown(file, owner.uid, owner.gid);
  await chmod(files.keyFile, 0o600);
  await postgres.query(`ALTER SYSTEM SET ssl_cert_file = '${files.certificateFile}'`);
  await postgres.query(`ALTER SYSTEM SET ssl_key_file = '${files.keyFile}'`);
  await postgres.query('ALTER SYSTEM SET ssl = on');
  await postgres.query('SELECT pg_reload_conf()');
  await waitFor('TLS to be on', async () => ((await postgres.query('SHOW ssl')) === 'on' ? true : undefined), {
    deadlineMs: 20_000,
  });
  return readFile(files.caFile, 'utf8');
}

test('a verified TLS connection works with the right CA, and is refused with another', async () => {
  const sslRootCert = await enableTls();
  const other = await createCertificate(runner.workDir);
  const otherCa = await readFile(other.caFile, 'utf8');
  assert.ok((await takeDumps(createSource({ sslMode: 'verify-full', sslRootCert }))).length > 0);
  assert.ok((await takeDumps(createSource({ sslMode: 'require' }))).length > 0);
  assert.equal(await findProbeFailure(createSource({ sslMode: 'verify-ca', sslRootCert: otherCa })), 'database_unreachable');
});
