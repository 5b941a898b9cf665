import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { type MariadbHandle, startMariadb } from './mariadb.ts';
import { findProcesses } from './processes.ts';
import { runTool, tryTool } from './tool-run.ts';
import { getTool } from './tools.ts';

let mariadb: MariadbHandle;
before(async () => {
  mariadb = await startMariadb();
});
after(() => mariadb.stop());

async function dumpAndRestore(from: string, to: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-dump-'));
  const file = join(folder, 'dump.sql');
  const options = { env: mariadb.connectionEnv };
  const what = ['--single-transaction', '--routines', '--triggers', '--events', '--hex-blob', '--default-character-set=utf8mb4'];
  await runTool(getTool('mariadb-dump'), [...mariadb.connectionArgs, ...what, `--result-file=${file}`, from], options);
  await mariadb.query(`CREATE DATABASE ${to} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  await mariadb.query(`SOURCE ${file}`, to);
  await rm(folder, { recursive: true });
}

test('a filled database comes back from a dump with the same rows and definitions', async () => {
  await mariadb.fillDatabase('sample', 3);
  await dumpAndRestore('sample', 'restored');
  const source = await mariadb.hashDatabase('sample');
  assert.deepEqual(await mariadb.hashDatabase('restored'), source);
  assert.match(source['rows of `event_log`'] ?? '', /^3000 [1-9]/);
  for (const part of ['triggers', 'routines', 'parameters', 'events']) assert.notEqual(source[part], '', part);
});

test('the digest notices one changed value, a lost trigger, a changed routine and a moved sequence', async () => {
  await dumpAndRestore('sample', 'changed');
  let previous = await mariadb.hashDatabase('sample');
  const changes = [
    "UPDATE event_log SET kind = 'other' WHERE id = 17",
    'DROP TRIGGER tidy_email',
    "ALTER PROCEDURE forget COMMENT 'other'",
    'ALTER EVENT nightly DISABLE',
    'DO nextval(invoice_number)',
  ];
  for (const change of changes) {
    await mariadb.query(change, 'changed');
    const now = await mariadb.hashDatabase('changed');
    assert.notEqual(now['digest'], previous['digest'], change);
    previous = now;
  }
});

test('names that need quoting make databases like any other', async () => {
  const name = 'odd `name\' "x" ☃_%';
  await mariadb.fillDatabase(name, 0);
  assert.match((await mariadb.hashDatabase(name))['rows of `customer`'] ?? '', /^503 /);
});

test('a wrong password is refused', async () => {
  const outcome = await tryTool(getTool('mariadb'), [...mariadb.connectionArgs, '-e', 'SELECT 1'], {
    env: { MYSQL_PWD: 'wrong' },
  });
  assert.equal(outcome.code, 1);
  assert.match(outcome.stderr, /Access denied/);
});

test('a crash leaves no process, and the server recovers at the same port', async () => {
  await mariadb.crash();
  assert.deepEqual(findProcesses({ directory: mariadb.directory }), []);
  await assert.rejects(mariadb.query('SELECT 1'));
  await mariadb.startAgain();
  assert.equal(await mariadb.query('SELECT 1'), '1');
});

test('a kept directory keeps data, password and port over a stop, even where its account could not go alone', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'holdfast-closed-'));
  const dir = join(closed, 'mariadb');
  try {
    const first = await startMariadb({ dir });
    await first.createDatabase('kept');
    await first.stop();
    const second = await startMariadb({ dir });
    assert.equal(second.port, first.port);
    assert.equal(second.password, first.password);
    assert.match(await second.query('SHOW DATABASES'), /^kept$/m);
    await second.stop();
  } finally {
    await rm(closed, { recursive: true, force: true });
  }
});

test('stopping leaves neither process nor file, and may be repeated', async () => {
  const other = await startMariadb();
  await other.stop();
  await other.stop();
  assert.deepEqual(findProcesses({ directory: other.directory }), []);
  assert.ok(!existsSync(other.directory));
});
