import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { type DatabaseServer, startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { getMade } from '../../handlers/fixtures/restore-orders.ts';
import { openJournal } from '../../journal/journal.ts';
import { type CrashRig, openCrashRig } from '../fixtures/crash-rig.ts';
import type { JournaledDrill } from '../journaled-run.ts';
import { openDrillGround } from './ground.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };

/** Processes whose command line speaks of this directory. */
function listProcessesIn(directory: string): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return line.includes(directory) ? [line] : [];
    } catch {
      return [];
    }
  });
}

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

function journalDrill(rig: CrashRig, body: JournaledDrill): void {
  const journal = openJournal({ stateDir: join(rig.dir, 'state'), ...from, ballastBytes: 64 * 1024 });
  const { run, plan, source, snapshot } = body.order;
  const at = systemClock.now();
  const { repository } = body;
  journal.outbox.append(
    { type: 'run.created', run, at, kind: 'drill', trigger: 'manual', plan, repository, sources: [source], snapshot },
    () => void journal.runs.record({ run, kind: 'drill', plan, body }),
  );
  journal.close();
}

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
  const ground = openDrillGround({ stateDir: join(rig.dir, 'state'), isRoot: process.geteuid?.() === 0, toolPath: '' });
  const probe = ground.create();
  const root = probe.path.slice(0, probe.path.lastIndexOf('/'));
  await ground.remove(probe);

  const backup = rig.journalRun();
  rig.start();
  await rig.until('the end of the backup', () => rig.listEvents(backup).some((event) => event.type === 'run.finished'));
  const made = getMade(rig.listEvents(backup));
  await rig.kill('SIGTERM');
  const [ledger] = rig.listLedger();
  assert.ok(ledger);
  const order: JournaledDrill['order'] = {
    run: createId('run', from),
    plan: 'plan_of_the_crash' as PlanId,
    source: ledger.source,
    snapshot: made.id,
    engineId: made.engineId,
    fileName: made.fileName,
    sizeBytes: made.sizeBytes,
    createdAt: made.createdAt,
    assertions: [],
    trigger: 'manual',
    requestedBy: 'ann',
    notAfter: systemClock.now() + 600_000,
  };
  journalDrill(rig, { kind: 'drill', order, repository: ledger.repository, started: false });
  rig.start();
  await rig.until('a throw-away server', () => listProcessesIn(root).some((line) => line.includes('unix_socket_directories')));
  const segment = await rig.until('the mark of a running server', () => findSegment(root));
  assert.equal(hasSegment(segment), true);
  await rig.kill('SIGKILL');

  rig.start();
  await rig.until('the end of the drill', () => rig.listEvents(order.run).some((event) => event.type === 'run.finished'));
  const end = rig.listEvents(order.run).find((event) => event.type === 'run.finished');
  assert.ok(end?.type === 'run.finished');
  assert.deepEqual([end.state, end.failure?.reason], ['failed', 'interrupted']);
  await rig.until('nothing of the drill', () => listProcessesIn(root).length === 0 && !existsSync(root));
  await rig.until('nothing left', () => rig.listLeftovers().length === 0, 50);
  assert.equal(hasSegment(segment), false, 'its shared memory is gone');
  await rig.kill('SIGTERM');

  // The same in a database on a named server: it is dropped by the agent that starts next.
  const second: JournaledDrill['order'] = { ...order, run: createId('run', from), server: { kind: 'postgres', config } };
  journalDrill(rig, { kind: 'drill', order: second, repository: ledger.repository, started: false });
  rig.start();
  const scratches = `SELECT count(*) FROM pg_database WHERE datname = 'holdfast_drill_${second.run}'`;
  const deadline = systemClock.now() + 60_000;
  while ((await server.query(scratches)) !== '1' && systemClock.now() < deadline) await setTimeout(20);
  assert.equal(await server.query(scratches), '1');
  await rig.kill('SIGKILL');
  rig.start();
  await rig.until('the end of the second drill', () => rig.listEvents(second.run).some((event) => event.type === 'run.finished'));
  const cut = rig.listEvents(second.run).find((event) => event.type === 'run.finished');
  assert.deepEqual(cut?.type === 'run.finished' && [cut.state, cut.failure?.reason], ['failed', 'interrupted']);
  assert.equal(await server.query(scratches), '0', 'dropped before the end is told');
  assert.equal(await server.query('SELECT count(*) FROM many', 'shop'), '60000');
});
