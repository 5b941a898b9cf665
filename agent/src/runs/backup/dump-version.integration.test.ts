import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../handlers/fixtures/database-servers.ts';
import { takeInventory } from '../../host/tools.ts';
import { startPostgresServer } from '../fixtures/postgres-server.ts';
import { findEvent, openRunRig } from '../fixtures/run-rig.ts';

const RESTIC = GENERATIONS[1]?.binary ?? '';
const CLIENTS = ['psql', 'pg_dump', 'pg_dumpall', 'pg_restore'];

/**
 * A host that has only these majors of PostgreSQL's clients, those of the real server's own major the real ones, and of the machine's other
 * tools only those that are named.
 */
async function openHost(t: TestContext, majors: readonly number[], others: readonly string[] = []) {
  const server = await startPostgresServer();
  t.after(() => server.stop());
  const serverMajor = Number((await server.query('postgres', 'SHOW server_version_num')).slice(0, 2));
  await server.query('postgres', 'CREATE DATABASE shop');
  await server.query('shop', 'CREATE TABLE orders AS SELECT n FROM generate_series(1, 1000) n');
  const rig = await openRunRig(t, { restic: RESTIC });
  await rig.initRepository();
  const [postgresFolder, path] = [join(rig.dir, 'postgresql'), join(rig.dir, 'path')];
  const oldDumped = join(rig.dir, 'old-dumped');
  mkdirSync(path);
  // The client that looks at the server is there in any case.
  symlinkSync(join(server.binFolder, 'psql'), join(path, 'psql'));
  for (const tool of others) symlinkSync(join('/usr/bin', tool), join(path, tool));
  for (const back of majors) {
    const folder = join(postgresFolder, String(serverMajor - back), 'bin');
    mkdirSync(folder, { recursive: true });
    for (const client of CLIENTS) {
      const script = `#!/bin/sh\n[ "$1" = --version ] && { echo "${client} (PostgreSQL) ${serverMajor - back}.9"; exit; }\n: > ${oldDumped}\nprintf 'PGDMP%1000s' x\n`;
      if (back > 0) writeFileSync(join(folder, client), script, { mode: 0o755 });
      else symlinkSync(join(server.binFolder, client), join(folder, client));
    }
  }
  const inventory = await takeInventory({
    exec: rig.tooling.exec,
    workDir: rig.dir,
    path: `${path}:${dirname(RESTIC)}`,
    postgresFolder,
  });
  rig.workbench.toolbox = () => inventory;
  const id = createId('source', { clock: systemClock, randomBytes: systemRandomBytes });
  const config = { host: server.socketDir, user: 'postgres', database: 'shop', sslMode: 'disable' };
  rig.spec.sources.push({ id, name: 'shop', kind: 'postgres', config, version: 1 });
  return { rig, serverMajor, hasOldDumped: () => existsSync(oldDumped) };
}

describe('A host whose pg_dump is older than the database server', { timeout: 120_000 }, () => {
  it('fails before anything is dumped, names both versions, and does not try again', async (t) => {
    const { rig, serverMajor, hasOldDumped } = await openHost(t, [1]);
    const events = await rig.awaitEnd(rig.order(undefined, { attempts: 3, retryAfterSeconds: 10 }));
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'tool_outdated']);
    const both = new RegExp(`pg_dump ${serverMajor - 1}\\.9 is older than the server ${serverMajor}\\.`);
    assert.match(end.failure?.message ?? '', both);
    assert.equal(
      events.some((event) => event.type === 'run.attempt'),
      false,
    );
    assert.equal((await rig.listSnapshots()).length, 0);
    // Whoever tests the source is told before the first night.
    const [{ kind, config } = assert.fail()] = rig.spec.sources;
    const question = { ref: 'req_1', draft: { kind, config }, notAfter: rig.workbench.clock.now() + 60_000 };
    const answer = await rig.handlers['source.test'](question, rig.workbench.createId('frame'));
    assert.deepEqual([answer.ok, answer.reason], [false, 'tool_outdated']);
    assert.match(answer.message, both);
    assert.equal(hasOldDumped(), false);
  });

  it('uses the one of the server’s own major version where both are installed', async (t) => {
    const { rig, hasOldDumped } = await openHost(t, [1, 0]);
    const end = findEvent(await rig.runPlan(), 'run.finished');
    assert.equal(end.state, 'succeeded', JSON.stringify(end.failure));
    assert.equal(hasOldDumped(), false);
    assert.equal((await rig.listSnapshots()).length, 2, 'the database and its roles');
  });
});

describe('A host without pg_dump', { timeout: 120_000 }, () => {
  it('fails the source that needs it, says which package brings it, and backs up the other one of the plan', async (t) => {
    const { rig } = await openHost(t, [], ['mariadb', 'mariadb-dump']);
    const { port, user, password, query, remove } = await startMariadb();
    t.after(remove);
    await query('CREATE DATABASE wiki; CREATE TABLE wiki.pages (id int PRIMARY KEY); INSERT INTO wiki.pages VALUES (1)');
    const id = createId('source', { clock: systemClock, randomBytes: systemRandomBytes });
    const config = { host: '127.0.0.1', port, user, database: 'wiki' };
    rig.spec.sources.push({
      ...{ id, name: 'wiki', kind: 'mariadb', config, version: 1 },
      secrets: rig.seal('source', id, { password }),
    });
    const events = await rig.runPlan();
    const parts = events.flatMap((event) => (event.type === 'part.finished' ? [event.part] : []));
    assert.deepEqual(
      rig.spec.sources.map((source) => {
        const part = parts.find((one) => one.source === source.id);
        return [source.kind, part?.state, part?.failure?.reason];
      }),
      [
        ['postgres', 'failed', 'tool_missing'],
        ['mariadb', 'succeeded', undefined],
      ],
    );
    const missing = parts.find((part) => part.source !== id)?.failure?.message ?? '';
    assert.match(missing, /pg_dump is not installed on this host\. Install the Debian package postgresql-client/);
    assert.equal(findEvent(events, 'run.finished').state, 'partial');
    assert.equal((await rig.listSnapshots()).length, 1);
  });
});
