import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { type PostgresHandle, startPostgres } from './postgres.ts';
import { findProcesses } from './processes.ts';
import { runTool, tryTool } from './tool-run.ts';

let postgres: PostgresHandle;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.stop());

async function dumpAndRestore(from: string, to: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-dump-'));
  const options = { env: postgres.connectionEnv };
  await runTool(join(postgres.programFolder, 'pg_dump'), ['-Fc', '-Z0', '-f', join(folder, 'dump'), from], options);
  await postgres.createDatabase(to);
  await runTool(join(postgres.programFolder, 'pg_restore'), ['--exit-on-error', '-d', to, join(folder, 'dump')], options);
  await rm(folder, { recursive: true });
}

test('a filled database comes back from a dump with the same rows, definitions, owners and grants', async () => {
  await postgres.fillDatabase('sample', 3);
  await dumpAndRestore('sample', 'restored');
  const source = await postgres.hashDatabase('sample');
  assert.deepEqual(await postgres.hashDatabase('restored'), source);
  assert.ok(Object.keys(source).length > 40, 'the digest covers the definitions too');
  const size = Number(await postgres.query("SELECT pg_table_size('shop.event_log')", 'sample'));
  assert.ok(size > 2.5e6 && size < 5e6, `about 3 MB, not ${size}`);
});

test('the digest notices one changed value, one lost grant, another owner and a moved sequence', async () => {
  await dumpAndRestore('sample', 'changed');
  const source = await postgres.hashDatabase('sample');
  const changes = [
    "UPDATE shop.event_log SET kind = 'other' WHERE id = 17",
    'REVOKE SELECT ON shop.invoice FROM sample_reader',
    'ALTER TABLE shop.empty OWNER TO postgres',
    "SELECT nextval('shop.invoice_number')",
    "SELECT lo_put(424242, 5, decode('ab', 'hex'))",
  ];
  let previous = source;
  for (const change of changes) {
    await postgres.query(change, 'changed');
    const now = await postgres.hashDatabase('changed');
    assert.notEqual(now['digest'], previous['digest'], change);
    previous = now;
  }
});

test('names that need quoting make databases like any other', async () => {
  const name = `odd "name' \\ --db ☃`;
  await postgres.fillDatabase(name, 0);
  assert.match((await postgres.hashDatabase(name))['table shop.customer'] ?? '', /^504\|/);
});

test('a wrong password is refused', async () => {
  const env = { ...postgres.connectionEnv, PGPASSWORD: 'wrong' };
  const outcome = await tryTool(join(postgres.programFolder, 'psql'), ['-c', 'SELECT 1'], { env });
  assert.notEqual(outcome.code, 0);
  assert.match(outcome.stderr, /password authentication failed/);
});

test('a crash leaves no process, and the server recovers at the same port', async () => {
  await postgres.crash();
  assert.deepEqual(findProcesses({ directory: postgres.directory }), []);
  await assert.rejects(postgres.query('SELECT 1'));
  await postgres.startAgain();
  assert.equal(await postgres.query('SELECT 1'), '1');
});

test('a kept directory keeps data, password and port over a stop, even where its account could not go alone', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'holdfast-closed-'));
  const dir = join(closed, 'postgres');
  try {
    const first = await startPostgres({ dir });
    await first.createDatabase('kept');
    await first.stop();
    const second = await startPostgres({ dir });
    assert.equal(second.port, first.port);
    assert.equal(second.password, first.password);
    assert.equal(await second.query("SELECT count(*) FROM pg_database WHERE datname = 'kept'"), '1');
    await second.stop();
  } finally {
    await rm(closed, { recursive: true, force: true });
  }
});

test('stopping leaves neither process nor file, and may be repeated', async () => {
  const other = await startPostgres();
  await other.stop();
  await other.stop();
  assert.deepEqual(findProcesses({ directory: other.directory }), []);
  assert.ok(!existsSync(other.directory));
});
