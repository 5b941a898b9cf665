import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../handlers/fixtures/database-servers.ts';
import { openCrashRig } from '../fixtures/crash-rig.ts';
import { backUpForDrill, findDrillEnd, findDrillRoot, journalDrill, listProcessesIn } from './fixtures/killed-drills.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };

test('An agent that is killed while a throw-away MariaDB is made, or runs, leaves neither process nor directory, and the drill says that it was cut off', async (t) => {
  const server = await startMariadb();
  t.after(() => server.remove());
  await server.query("CREATE USER rig@'%'; GRANT ALL ON *.* TO rig@'%'; CREATE DATABASE shop");
  await server.query('CREATE TABLE many AS SELECT seq, REPEAT(MD5(seq), 20) AS t FROM seq_1_to_60000', 'shop');
  const config = { host: '127.0.0.1', port: server.port, user: 'rig', database: 'shop' };
  const rig = await openCrashRig({ restic: GENERATIONS[0]?.binary ?? '', source: () => ({ kind: 'mariadb', config }) });
  t.after(() => rig.remove());
  const root = await findDrillRoot(rig);
  const drill = await backUpForDrill(rig);

  const points = {
    'a data directory that is being made': () => listProcessesIn(root).some((line) => line.includes('mariadb-install-db')),
    'a server that answers': () => globSync(join(root, '*/s/server.sock')).length > 0,
  };
  for (const [what, isReached] of Object.entries(points)) {
    const order = { ...drill.order, run: createId('run', from) };
    journalDrill(rig, { ...drill, order });
    rig.start();
    await rig.until(what, isReached);
    await rig.kill('SIGKILL');

    rig.start();
    assert.deepEqual(await rig.until('the end of the drill', () => findDrillEnd(rig, order)), ['failed', 'interrupted'], what);
    await rig.until('nothing of the drill', () => listProcessesIn(root).length === 0 && !existsSync(root));
    await rig.until('nothing left', () => rig.listLeftovers().length === 0, 50);
    await rig.kill('SIGTERM');
  }
  assert.equal(await server.query('SELECT COUNT(*) FROM many', 'shop'), '60000');
});
