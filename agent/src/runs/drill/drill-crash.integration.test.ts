import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { type DatabaseServer, startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { openCrashRig } from '../fixtures/crash-rig.ts';
import type { JournaledDrill } from '../journaled-run.ts';
import { backUpForDrill, findDrillEnd, findDrillRoot, journalDrill, listProcessesIn } from './fixtures/killed-drills.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };

/** Key and number of the shared memory that marks the server as running; undefined as long as it has not written them. */
function findSegment(root: string): string | undefined {
  const [entry = ''] = existsSync(root) ? readdirSync(root) : [];
  const path = join(root, entry, 's/data/postmaster.pid');
  const line = existsSync(path) ? readFileSync(path, 'utf8').split('\n')[6] : undefined;
  const named = /^\s*(\d+)\s+(\d+)\s*$/.exec(line ?? '');
  return named ? `${named[1]} ${named[2]}` : undefined;
}

const hasSegment = (segment: string) =>
  readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .some((row) => row.trim().replaceAll(/\s+/g, ' ').startsWith(`${segment} `));

test('An agent that is killed in the middle of a drill leaves neither server nor directory, and the drill says that it was cut off', async (t) => {
  const server: DatabaseServer = await startPostgres();
  after(() => server.remove());
  await server.query('CREATE DATABASE shop TEMPLATE template0');
  await server.query('CREATE TABLE many AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 60000) i', 'shop');
  await server.query("CREATE ROLE drilled LOGIN SUPERUSER PASSWORD 'simple'");
  // No secret is sealed for the rig: the server trusts its own machine meanwhile.
  const hba = await server.query('SHOW hba_file');
  writeFileSync(hba, 'host all drilled 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  await server.query('SELECT pg_reload_conf()');
  const config = { host: '127.0.0.1', port: server.port, user: 'drilled', database: 'shop', roles: 'none' };
  const rig = await openCrashRig({
    restic: GENERATIONS[0]?.binary ?? '',
    source: () => ({ kind: 'postgres', config }),
  });
  t.after(() => rig.remove());
  const root = await findDrillRoot(rig);
  const drill = await backUpForDrill(rig);
  const { order } = drill;
  journalDrill(rig, drill);
  rig.start();
  await rig.until('a throw-away server', () => listProcessesIn(root).some((line) => line.includes('unix_socket_directories')));
  const segment = await rig.until('the mark of a running server', () => findSegment(root));
  assert.equal(hasSegment(segment), true);
  await rig.kill('SIGKILL');

  rig.start();
  assert.deepEqual(await rig.until('the end of the drill', () => findDrillEnd(rig, order)), ['failed', 'interrupted']);
  await rig.until('nothing of the drill', () => listProcessesIn(root).length === 0 && !existsSync(root));
  await rig.until('nothing left', () => rig.listLeftovers().length === 0, 50);
  assert.equal(hasSegment(segment), false, 'its shared memory is gone');
  await rig.kill('SIGTERM');

  // The same in a database on a named server: it is dropped by the agent that starts next.
  const second: JournaledDrill['order'] = { ...order, run: createId('run', from), server: { kind: 'postgres', config } };
  journalDrill(rig, { ...drill, order: second });
  rig.start();
  const scratches = `SELECT count(*) FROM pg_database WHERE datname = 'holdfast_drill_${second.run}'`;
  const deadline = systemClock.now() + 60_000;
  while ((await server.query(scratches)) !== '1' && systemClock.now() < deadline) await setTimeout(20);
  assert.equal(await server.query(scratches), '1');
  await rig.kill('SIGKILL');
  rig.start();
  assert.deepEqual(await rig.until('the end of the second drill', () => findDrillEnd(rig, second)), ['failed', 'interrupted']);
  assert.equal(await server.query(scratches), '0', 'dropped before the end is told');
  assert.equal(await server.query('SELECT count(*) FROM many', 'shop'), '60000');
});
