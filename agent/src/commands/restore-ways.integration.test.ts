import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { startMariadb, startPostgres } from '../handlers/fixtures/database-servers.ts';
import { addDatabase, getMade, readEnd, readLog } from '../handlers/fixtures/restore-orders.ts';
import { writeFatedRestic } from '../runs/fixtures/fated-restic.ts';
import { findEvent, outline, PASSWORD, writeFolder } from '../runs/fixtures/run-rig.ts';
import { takeInConsoleRuns } from '../runs/recovery/console-runs.ts';
import { reconcileRepository } from '../runs/recovery/reconcile.ts';
import { type CommandEnd, type EnrolledHost, openEnrolledHost, SECRETS } from './fixtures/enrolled-host.ts';

const RESTIC = GENERATIONS[1]?.binary ?? '';

async function restore(host: EnrolledHost, ...args: readonly string[]): Promise<CommandEnd> {
  const end = await host.run(['restore', ...args]);
  for (const secret of SECRETS) assert.ok(!`${end.stdout}${end.stderr}`.includes(secret));
  return end;
}

function assertDone(end: CommandEnd): CommandEnd {
  assert.equal(end.code, 0, end.stderr);
  return end;
}

function assertRefused(end: CommandEnd, code: number, words: RegExp): void {
  assert.equal(end.code, code, end.stderr);
  assert.match(end.stderr, words);
  assert.equal(end.stdout, '');
}

interface Told {
  snapshot: string;
  target: string;
  mode: string;
  evidence: { check: string; ok: boolean; seen: string }[];
}
const read = <T>(end: CommandEnd): T => JSON.parse(assertDone(end).stdout) as T;

test('Files by hand, with the first repository gone and a copy in the second', async (t) => {
  const host = await openEnrolledHost(t, RESTIC);
  const { rig } = host;
  await rig.initRepository();
  const folder = writeFolder(join(rig.dir, 'letters'), { 'a/b.txt': 'dear reader', 'a/c.txt': 'c', 'd.txt': 'd' });
  const source = rig.addFiles('letters', [folder]);
  assert.equal(readEnd(await rig.runPlan([source.id])).state, 'succeeded');
  const first = join(rig.dir, 'repository');
  const second = join(rig.dir, 'second');
  cpSync(first, second, { recursive: true });
  renameSync(first, join(rig.dir, 'lost'));
  const id = createId('repository', { clock: systemClock, randomBytes: systemRandomBytes });
  const secrets = host.seal('repository', id, { password: PASSWORD });
  rig.spec.repositories.push({ id, name: 'second', kind: 'local', config: { path: second }, secrets, version: 1 });
  host.storeSpec();
  const letters = ['--source', 'letters'] as const;
  const inSecond = [...letters, '--repository', 'second'] as const;

  await t.test('lists and restores what the second holds, and says which one was passed over', async () => {
    const listed = await restore(host, '--list', '--json');
    assert.deepEqual(
      read<{ repository: string }[]>(listed).map(({ repository }) => repository),
      ['second'],
    );
    assert.match(listed.stderr, /not looked into, so newer snapshots may lie there: disk: .*no repository at this address/s);
    const target = join(rig.dir, 'whole');
    assertDone(await restore(host, ...letters, '--to', target));
    assert.equal(readFileSync(join(target, folder, 'a/b.txt'), 'utf8'), 'dear reader');
  });

  await t.test('fails where none of those asked for answers, or has such a name', async () => {
    const gone = await restore(host, '--list', '--repository', 'disk');
    assertRefused(gone, 1, /^holdfast-agent: disk: .*There is no repository at this address/s);
    const unknown = await restore(host, '--list', '--repository', 'tape');
    assertRefused(unknown, 1, /this host has no repository "tape"; it has disk, second/);
  });

  await t.test('puts chosen paths back in place once the host is named, and leaves all others', async () => {
    writeFolder(folder, { 'a/b.txt': 'damaged', 'a/c.txt': 'mine by now', 'a/new.txt': 'new' });
    const back = [...inSecond, '--in-place', '--path', join(folder, 'a/b.txt')];
    assertRefused(await restore(host, ...back), 2, /files that stand there are replaced: give the name of this host, rig/);
    assert.equal(readFileSync(join(folder, 'a/b.txt'), 'utf8'), 'damaged');
    const end = await host.run(['restore', ...back, '--confirm', 'rig', '--json'], { env: { HOLDFAST_RESTORES: 'beside' } });
    assert.match(end.stderr, /HOLDFAST_RESTORES refuses such a restore of a server; by hand it is carried out/);
    const told = read<Told>(end);
    assert.deepEqual([told.mode, told.target], ['in_place', join(folder, 'a/b.txt')]);
    const contents = ['a/b.txt', 'a/c.txt', 'a/new.txt'].map((name) => readFileSync(join(folder, name), 'utf8'));
    assert.deepEqual(contents, ['dear reader', 'mine by now', 'new']);
    const seen = told.evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '';
    const safety = /snapshot ([0-9a-f]{8}) in second/.exec(seen)?.[1] ?? '';
    const undo = [...inSecond, '--snapshot', safety, '--in-place', '--path', join(folder, 'a/b.txt'), '--confirm', 'rig'];
    const undone = read<Told>(await restore(host, ...undo, '--no-safety-backup', '--json'));
    assert.ok(undone.evidence.every(({ check, ok }) => ok && check !== 'safety_backup'));
    assert.equal(readFileSync(join(folder, 'a/b.txt'), 'utf8'), 'damaged', 'the safety backup brings back what was there');
  });

  await t.test('makes an archive of a directory, and nothing of a path that the snapshot has not', async () => {
    const archive = join(rig.dir, 'a.tar');
    const asTar = [...inSecond, '--to-file', archive, '--archive', 'tar', '--path', join(folder, 'a')];
    assertDone(await restore(host, ...asTar));
    const names = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' });
    assert.ok(names.includes('b.txt') && names.includes('c.txt') && !names.includes('d.txt'), names);
    const missing = join(rig.dir, 'never');
    const nothing = await restore(host, ...inSecond, '--to', missing, '--path', join(folder, 'no such file'));
    assert.equal(nothing.code, 1);
    assert.match(nothing.stderr, /The snapshot holds nothing at/);
    assert.equal(existsSync(missing), false);
  });
});

test('A PostgreSQL database by hand, over one that stands', async (t) => {
  const server = await startPostgres();
  t.after(() => server.remove());
  const host = await openEnrolledHost(t, RESTIC);
  const { rig } = host;
  await rig.initRepository();
  await server.query('CREATE DATABASE shop');
  await server.query('CREATE TABLE item AS SELECT i FROM generate_series(1, 500) i', 'shop');
  const source = addDatabase(rig, server, 'shop');
  source.secrets = host.seal('source', source.id, { password: server.password });
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  host.storeSpec();
  const good = await server.dump('shop');
  await server.query("CREATE TABLE damage AS SELECT 'oh' AS word; DELETE FROM item WHERE i > 3", 'shop');
  const damaged = await server.dump('shop');
  const over = ['--source', 'shop', '--to-database', 'shop'] as const;
  const consent = ['--understood', '--confirm', 'shop'] as const;
  let safety = '';

  await t.test('is refused without consent and its name, and stays as it was', async () => {
    const wrong = await restore(host, ...over, '--mode', 'replace', '--understood', '--confirm', 'shap');
    assertRefused(wrong, 2, /--confirm must be the name of the database that is changed, shop/);
    assert.equal(await server.dump('shop'), damaged);
  });

  await t.test('is replaced after what stood there was backed up, of which the list tells', async () => {
    const told = read<Told>(await restore(host, ...over, '--mode', 'replace', ...consent, '--json'));
    assert.equal(await server.dump('shop'), good);
    const evidence = told.evidence.find(({ check }) => check === 'safety_backup');
    assert.equal(evidence?.ok, true);
    assert.equal(told.evidence.find(({ check }) => check === 'same_content')?.ok, true, 'held against the record of this host');
    safety = /snapshot ([0-9a-f]{8}) in disk/.exec(evidence.seen)?.[1] ?? '';
    const { stdout } = assertDone(await restore(host, '--list'));
    assert.match(stdout, new RegExp(`^${safety}  shop .*yes, before a restore$`, 'm'));
    assert.equal(await server.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast%'"), '0');
  });

  await t.test('comes back from its safety backup by clean, without another one where that is waived', async () => {
    const undo = ['--snapshot', safety, '--mode', 'clean', '--no-safety-backup'];
    const end = await restore(host, ...over, ...undo, ...consent, '--json');
    const told = read<Told>(end);
    assert.equal(await server.dump('shop'), damaged);
    assert.ok(told.evidence.every(({ check, ok }) => ok && check !== 'safety_backup' && check !== 'same_content'));
    assert.match(end.stderr, /this host keeps no record of what the database held/);
  });

  await t.test('takes nobody’s place where it is less than this host recorded', async () => {
    const made = getMade(events);
    const { contents } = made;
    assert.ok(contents);
    const tables = contents.tables.map((table) => ({ ...table, rows: 7_000_000, isExact: true }));
    rig.workbench.journal.contents.keep(findEvent(events, 'run.finished').run, source.id, { ...contents, tables });
    const undo = ['--snapshot', made.engineId, '--mode', 'replace', '--no-safety-backup'];
    const end = await restore(host, ...over, ...undo, ...consent);
    assertRefused(end, 1, /public\.item: 7000000 rows recorded/);
    assert.equal(await server.dump('shop'), damaged);
  });

  await t.test('is replaced from a dump file of the host, in the same way', async () => {
    const file = join(rig.dir, 'old.sql');
    const { port, user, password } = server;
    const args = ['--host=127.0.0.1', `--port=${port}`, `--username=${user}`, '--format=custom', `--file=${file}`, 'shop'];
    execFileSync('pg_dump', args, { env: { PATH: '/usr/bin:/bin', PGPASSWORD: password } });
    await server.query('DROP TABLE damage', 'shop');
    const from = ['--file', file, ...over, '--mode', 'replace'];
    assertRefused(await restore(host, ...from, '--to', '/x'), 2, /--to does not go with --file/);
    const told = read<Told>(await restore(host, ...from, ...consent, '--json'));
    assert.equal(await server.dump('shop'), damaged);
    assert.ok(told.evidence.some(({ check, ok }) => check === 'safety_backup' && ok));
  });
});

test('A MariaDB database by hand: what the backup holds is added to one that stands', async (t) => {
  const server = await startMariadb();
  t.after(() => server.remove());
  const host = await openEnrolledHost(t, RESTIC);
  const { rig } = host;
  await rig.initRepository();
  await server.query('CREATE DATABASE shop; CREATE DATABASE archive');
  await server.query('CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1), (2), (3)', 'shop');
  await server.query('CREATE TABLE older (id int); INSERT INTO older VALUES (9)', 'archive');
  const source = addDatabase(rig, server, 'shop');
  source.secrets = host.seal('source', source.id, { password: server.password });
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  host.storeSpec();
  const append = ['--source', 'shop', '--to-database', 'archive', '--mode', 'append', '--understood'] as const;
  assertRefused(await restore(host, ...append, '--confirm', 'shop'), 2, /--confirm must be .* archive/);
  const told = read<Told>(await restore(host, ...append, '--confirm', 'archive', '--json'));
  assert.deepEqual([told.mode, told.target], ['append', 'archive']);
  assert.ok(told.evidence.some(({ check, ok }) => check === 'safety_backup' && ok));
  assert.equal(await server.query('SELECT (SELECT sum(id) FROM archive.item), (SELECT sum(id) FROM archive.older)'), '6\t9');
  assert.equal(await server.query("SHOW DATABASES LIKE 'holdfast%'"), '');

  await t.test('through a connection that only reads, as a user whose password is in no argument', async () => {
    await server.query("CREATE USER reader@'%' IDENTIFIED BY 'of the reader'; GRANT SELECT ON *.* TO reader@'%'");
    source.config = { ...source.config, user: 'reader' };
    source.secrets = host.seal('source', source.id, { password: 'of the reader' });
    host.storeSpec();
    const anew = ['--source', 'shop', '--to-database', 'lifted'] as const;
    assertRefused(await restore(host, ...anew), 1, /CREATE command denied|Access denied for user 'reader'/);
    assertRefused(await restore(host, ...anew, '--password-file', '/x'), 2, /--password-file goes with --connect-as USER/);
    const as = [...anew, '--connect-as', server.user] as const;
    assertRefused(await restore(host, ...as), 2, /the password is needed/);
    const file = join(rig.dir, 'password');
    writeFileSync(file, `${server.password}\n`, { mode: 0o644 });
    assertRefused(await restore(host, ...as, '--password-file', file), 2, /can be read by others; make it yours alone/);
    chmodSync(file, 0o600);
    for (const end of [
      await restore(host, ...as, '--password-file', file),
      await host.run(['restore', ...as, '--mode', 'replace', '--understood', '--confirm', 'lifted'], { input: server.password }),
    ]) {
      assertDone(end);
      assert.ok(!`${end.stdout}${end.stderr}`.includes(server.password));
      assert.equal(await server.query('SELECT sum(id) FROM lifted.item'), '6');
    }
  });
});

test('What stood there before a restore by hand', async (t) => {
  const host = await openEnrolledHost(t, writeFatedRestic(t, RESTIC, ['work', 'work', 'kill']));
  const { rig, stateDir } = host;
  await rig.initRepository();
  const folder = writeFolder(join(rig.dir, 'letters'), { 'a.txt': 'dear reader' });
  const source = rig.addFiles('letters', [folder]);
  const { engineId } = getMade(await rig.runPlan([source.id]));
  host.storeSpec();
  const back = ['--source', 'letters', '--snapshot', engineId, '--in-place', '--path', join(folder, 'a.txt'), '--confirm', 'rig'];
  const before = rig.listEvents().length;
  const takeIn = () =>
    takeInConsoleRuns({ workbench: rig.workbench, stateDir, createRecorderFor: rig.executor.createRecorderFor });
  const listNew = () => rig.listEvents().slice(before);

  await t.test('is in the ledger of the host, and told to the server, once', async () => {
    writeFolder(folder, { 'a.txt': 'damaged' });
    assertDone(await restore(host, ...back));
    const listed = async () => assertDone(await restore(host, '--list')).stdout;
    assert.match(await listed(), / yes, before a restore$/m, 'also while no agent took it in');
    takeIn();
    takeIn();
    const events = listNew();
    const { run, ...created } = findEvent(events, 'run.created');
    assert.deepEqual(
      [created.kind, created.trigger, created.plan, created.repository, created.sources],
      ['backup', 'local', undefined, rig.repository.id, [source.id]],
    );
    const stages = ['preflight', 'preflight ok', 'store', 'store ok', 'evidence', 'snapshot.made', 'evidence ok'];
    const ends = ['part.finished', 'run.finalizing', 'run.finished'];
    assert.deepEqual(outline(events), ['run.created', 'run.started', ...stages, ...ends]);
    assert.equal(readEnd(events).state, 'succeeded');
    assert.match(readLog(events), /is backed up into disk first, before a restore by hand/);
    const made = getMade(events);
    assert.equal(rig.workbench.journal.snapshots.find(rig.repository.id, made.engineId)?.state, 'vouched');
    assert.match(await listed(), / yes, before a restore$/m);
    await reconcileRepository(rig.workbench, rig.spec, rig.repository.id, new Set());
    assert.deepEqual(listNew().length, events.length, 'nothing is an orphan');
    assert.ok(rig.workbench.journal.runs.find(run)?.closedAt);
  });

  await t.test(
    'is nobody’s where the command was killed just after it was stored, and its run ends as interrupted, once',
    async () => {
      writeFolder(folder, { 'a.txt': 'mine' });
      const told = listNew().length;
      const stored = (await rig.listSnapshots()).length;
      const end = await restore(host, ...back);
      assert.notEqual(end.code, 0);
      assert.equal(readFileSync(join(folder, 'a.txt'), 'utf8'), 'mine');
      assert.equal((await rig.listSnapshots()).length, stored + 1);
      takeIn();
      takeIn();
      const events = listNew().slice(told);
      assert.deepEqual(outline(events).slice(0, 2), ['run.created', 'run.started']);
      assert.deepEqual(outline(events).slice(-2), ['part.finished', 'run.finished']);
      assert.equal(readEnd(events).reason, 'interrupted');
      await reconcileRepository(rig.workbench, rig.spec, rig.repository.id, new Set());
      assert.equal(findEvent(listNew().slice(told), 'repository.reconciled').orphans.length, 1, 'what it stored is told of');
    },
  );

  await t.test('is backed up all the same where nothing can be written down for the agent', async () => {
    writeFileSync(join(stateDir, 'console-is-in-the-way'), '');
    rmSync(join(stateDir, 'console'), { recursive: true });
    renameSync(join(stateDir, 'console-is-in-the-way'), join(stateDir, 'console'));
    const end = assertDone(await restore(host, ...back));
    assert.match(end.stderr, /only the repository will know of it/);
    assert.equal(readFileSync(join(folder, 'a.txt'), 'utf8'), 'dear reader');
  });
});
