import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
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

const HOSTILE_NAMES = ['we"ird\'; DROP -- \n é注文', '--option', 'a=b', 'back\\', 'back`tick', ' blank', '#hash', '%'];
const adapter = getSourceAdapter('mariadb');

let mariadb: MariadbHandle;
let runner: CommandRunner;

before(async () => {
  mariadb = await startMariadb();
  runner = await createCommandRunner('adapter-mariadb');
  await mariadb.fillDatabase('sample', 1);
});
after(async () => {
  await runner?.remove();
  await mariadb?.stop();
});

const createSource = (change: Config = {}, password = mariadb.password): ProvedSource => ({
  adapter,
  runner,
  config: { host: mariadb.host, port: mariadb.port, user: mariadb.superuser, database: 'sample', ...change },
  secrets: password === '' ? {} : { password },
});

const createProbe = async (source: ProvedSource) => {
  const look = adapter.planProbe({ ...source, workDir: runner.workDir });
  assert.ok(look !== undefined);
  return adapter.parseProbe(await runner.run(look));
};

test('a filled database comes back under a hostile name with the same rows, routines, triggers and events', async () => {
  const source = createSource();
  const dump = getDataDump(await takeDumps(source));
  const target = 'we"ird\'; DROP -- \n é注文';
  assert.deepEqual(await restoreDump(source, target, dump), { ok: true, warnings: [] });
  assert.equal((await inspectTarget(source, target)).empty, false);
  const { tables, seen } = await verifyTarget(source, target);
  assert.ok(tables >= 2, seen);
  assert.doesNotMatch(seen, /\b0 (?:routines|triggers|events)/);
  assert.deepEqual(
    await verifyTarget(source, target).then((found) => found.tables),
    await verifyTarget(source, 'sample').then((found) => found.tables),
  );
  await dropTarget(source, target);
});

test('the restored rows and definitions are those of the source', async () => {
  const source = createSource();
  assert.equal((await restoreDump(source, 'restored', getDataDump(await takeDumps(source)))).ok, true);
  assert.deepEqual(await mariadb.hashDatabase('restored'), await mariadb.hashDatabase('sample'));
});

test('comments in the text of a routine come back', async () => {
  await mariadb.createDatabase('noted');
  await mariadb.query("EXECUTE IMMEDIATE 'CREATE PROCEDURE said() BEGIN SELECT 1; -- why\\nEND'", 'noted');
  const readText = (name: string) =>
    mariadb.query(`SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '${name}'`);
  const text = await readText('noted');
  assert.match(text, /-- why/);
  const source = createSource({ database: 'noted' });
  assert.equal((await restoreDump(source, 'noted2', getDataDump(await takeDumps(source)))).ok, true);
  assert.equal(await readText('noted2'), text);
});

test('a dump under locked tables comes back as well', async () => {
  const source = createSource({ consistency: 'lock' });
  assert.equal((await restoreDump(source, 'locked', getDataDump(await takeDumps(source)))).ok, true);
  assert.deepEqual(await mariadb.hashDatabase('locked'), await mariadb.hashDatabase('sample'));
});

test('databases with hostile names are discovered, dumped and restored like any other', async () => {
  for (const name of HOSTILE_NAMES) {
    await mariadb.createDatabase(name);
    await mariadb.query(`CREATE TABLE \`${name.replaceAll('`', '``')}\`.t AS SELECT 7 AS a`);
  }
  const { discovery } = adapter;
  assert.ok(discovery !== undefined);
  const listed = await runner.run(discovery.plan({ ...createSource(), workDir: runner.workDir }));
  const found = discovery.parse(listed.stdout).map((each) => each.name);
  for (const name of [...HOSTILE_NAMES, 'sample']) assert.ok(found.includes(name), JSON.stringify(name));
  for (const name of ['mysql', 'sys', 'information_schema', 'performance_schema']) assert.ok(!found.includes(name), name);
  for (const name of HOSTILE_NAMES) {
    const source = createSource(discovery.configFor(createSource().config, { name }));
    const target = `${name}2`;
    assert.equal((await restoreDump(source, target, getDataDump(await takeDumps(source)))).ok, true, JSON.stringify(name));
    assert.equal(await mariadb.query(`SELECT a FROM \`${target.replaceAll('`', '``')}\`.t`), '7');
    await dropTarget(source, target);
    assert.equal(await mariadb.query(`SELECT a FROM \`${name.replaceAll('`', '``')}\`.t`), '7', 'the source is untouched');
  }
});

test('a database that differs only in case is another database', async () => {
  await mariadb.createDatabase('Shop');
  assert.equal((await inspectTarget(createSource(), 'shop')).exists, false);
  assert.equal((await inspectTarget(createSource(), 'Shop')).exists, true);
});

test('the restored database has the character set and collation of the source', async () => {
  await mariadb.query('CREATE DATABASE latin CHARACTER SET latin1 COLLATE latin1_swedish_ci; CREATE TABLE latin.t (a int)');
  const source = createSource({ database: 'latin' });
  assert.equal((await restoreDump(source, 'latin2', getDataDump(await takeDumps(source)))).ok, true);
  assert.match(await mariadb.query('SHOW CREATE DATABASE latin2'), /latin1/);
});

test('a user and a password with every awkward character connect', async () => {
  const password = 'p a\\"\'#;\n\t%x\r\\';
  const digits = (text: string) => `CONVERT(0x${Buffer.from(text).toString('hex')} USING utf8mb4)`;
  const user = 'we#ird "u\\';
  await mariadb.query(
    `SET @s = CONCAT('CREATE USER ', QUOTE(${digits(user)}), ' IDENTIFIED BY ', QUOTE(${digits(password)})); PREPARE s FROM @s; EXECUTE s;
     SET @s = CONCAT('GRANT SELECT ON sample.* TO ', QUOTE(${digits(user)})); PREPARE s FROM @s; EXECUTE s`,
  );
  const probe = await createProbe(createSource({ user }, password));
  assert.match(probe.warnings.join('\n'), /no TRIGGER privilege/);
  assert.match(probe.warnings.join('\n'), /may hide routines/);
});

test('a superuser has no warnings about privileges, and tables without transactions are counted', async () => {
  await mariadb.createDatabase('mixed');
  const empty = await createProbe(createSource({ database: 'mixed' }));
  assert.deepEqual(empty.warnings, [
    'The database has no tables, or none that the user may see: make sure that it is the right one.',
  ]);
  await mariadb.query('CREATE TABLE mixed.old (a int) ENGINE=MyISAM; CREATE TABLE mixed.new (a int) ENGINE=InnoDB');
  const { warnings } = await createProbe(createSource({ database: 'mixed' }));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^1 tables have an engine without transactions/);
});

test('rows that lie on another server are not in the dump, which is said', async () => {
  await mariadb.createDatabase('linked');
  await mariadb.query(
    "INSTALL SONAME 'ha_federatedx'; CREATE TABLE linked.near (word text); INSERT INTO linked.near VALUES ('it is here');",
  );
  await mariadb.query(
    `CREATE TABLE linked.far (word text) ENGINE=FEDERATED CONNECTION='mysql://${mariadb.superuser}:${mariadb.password}@127.0.0.1:${mariadb.port}/linked/near'`,
  );
  const source = createSource({ database: 'linked' });
  assert.match(
    (await createProbe(source)).warnings.join('\n'),
    /^1 tables of an engine that keeps none itself: how they are made is in the backup/,
  );
  const dump = getDataDump(await takeDumps(source)).toString();
  assert.equal(dump.split('it is here').length, 2);
  assert.match(dump, /CREATE TABLE `far`/);
});

test('a hostile dump reaches nothing on the host, and garbage is a failed restore', async () => {
  const mark = join(runner.workDir, 'reached');
  const source = createSource();
  const head = '/*M!999999\\- enable the sandbox mode */ \n';
  for (const text of [
    `\\! touch ${mark}\n`,
    `system touch ${mark}\nSELECT 1;\n`,
    `${head}\\T ${mark}\nSELECT 1;\n`,
    'garbage\n',
  ]) {
    const verdict = await restoreDump(source, 'attacked', Buffer.from(text));
    assert.equal(verdict.ok, false, text);
    assert.equal(existsSync(mark), false, text);
    await dropTarget(source, 'attacked');
  }
});

test('wrong password, missing database, missing rights and no server are told apart', async () => {
  assert.equal(await findProbeFailure(createSource({}, 'wrong')), 'database_authentication');
  assert.equal(await findProbeFailure(createSource({}, '')), 'database_authentication');
  assert.equal(await findProbeFailure(createSource({ database: 'no such db' })), 'database_missing');
  assert.equal(await findProbeFailure(createSource({ port: await findFreePort(mariadb.host) })), 'database_unreachable');
  assert.equal(await findProbeFailure(createSource({ host: 'no-such-host.invalid' })), 'database_unreachable');
  assert.equal(await findProbeFailure(createSource({ host: '/no/such/socket' })), 'database_unreachable');
  await mariadb.query("CREATE USER weak IDENTIFIED BY 'weak-password'");
  assert.equal(await findProbeFailure(createSource({ user: 'weak' }, 'weak-password')), 'database_permission');
});

test('a server without TLS is refused where TLS is needed', async () => {
  await assert.rejects(
    createProbe(createSource({ sslMode: 'require' })),
    (error) => error instanceof AppError && /needs TLS/.test(error.message),
  );
});

test('a dump of a database that is gone, or without the right to see its events, is a failed dump with its reason', async () => {
  await mariadb.query("CREATE USER half IDENTIFIED BY 'half-password'; GRANT SELECT ON sample.* TO half");
  const fail = async (source: ProvedSource) => {
    const probe = await createProbe(createSource());
    const [artifact] = adapter.planBackup({ ...source, workDir: runner.workDir }, probe);
    assert.ok(artifact?.kind === 'stream');
    const outcome = await runner.run(artifact.producer);
    assert.notEqual(outcome.exitCode, 0);
    return adapter.classifyFailure(outcome).reason;
  };
  assert.equal(await fail(createSource({ database: 'gone' })), 'database_missing');
  assert.equal(await fail(createSource({ user: 'half' }, 'half-password')), 'database_permission');
});
