import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import { formatTags, SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { GENERATIONS, writeNoise } from '../engines/restic/fixtures/laboratory.ts';
import { startMariadb, startPostgres } from '../handlers/fixtures/database-servers.ts';
import { addDatabase, getMade, readEnd, readLog } from '../handlers/fixtures/restore-orders.ts';
import { writeFolder } from '../runs/fixtures/run-rig.ts';
import { prepareRepository, withWorkDir } from '../runs/inputs.ts';
import { type CommandEnd, type EnrolledHost, openEnrolledHost, SECRETS } from './fixtures/enrolled-host.ts';

interface Row {
  snapshot: string;
  source: string;
  kind: string;
  repository: string;
  createdAt: number;
  vouched: string;
}

/** One clear line: no stack, no secret. */
function assertOneLine(end: CommandEnd, code: number, words: RegExp): void {
  assert.equal(end.code, code, end.stderr);
  assert.match(end.stderr, words);
  assert.match(end.stderr, /^holdfast-agent: [^\n]+\n$/);
  assert.equal(end.stdout, '');
  assertDiscreet(end);
}

function assertDiscreet({ stdout, stderr }: CommandEnd): void {
  for (const text of [stdout, stderr]) {
    for (const secret of SECRETS) assert.equal(text.includes(secret), false);
    assert.equal(/\n {4}at /.test(text), false, 'no stack trace');
  }
}

async function list(host: EnrolledHost): Promise<Row[]> {
  const end = await host.run(['restore', '--list', '--json']);
  assert.equal(end.code, 0, end.stderr);
  assertDiscreet(end);
  return JSON.parse(end.stdout) as Row[];
}

/** Stores a stream as an agent that died at the wrong moment would have: it has the tags and no run stands for it. */
/** What mariadb-dump writes last, once it has written everything. */
const DUMP_END = '-- Dump completed on 2026-11-21  3:00:00\n';

async function storeOrphan(
  { rig }: EnrolledHost,
  source: SpecSource,
  content: string,
  state?: 'unvouched' | 'vouched',
  plan = 'plan_x',
): Promise<string> {
  const { tooling, spec, repository, workbench } = rig;
  const run = workbench.createId('run');
  const path = join(rig.dir, 'orphan');
  writeFileSync(path, content);
  const outcome = await withWorkDir(tooling, (workDir) => {
    const { access } = prepareRepository(tooling, repository, workDir);
    return tooling.engine(tooling.exec).backupStream({
      access,
      workDir,
      producer: { command: { tool: 'restic', args: [path], env: {}, files: [] }, binary: '/bin/cat' },
      fileName: 'database.sql',
      tags: formatTags({ tenant: spec.tenant, host: spec.host, plan, source: source.id, run, role: 'data' }),
      host: spec.host,
      stallMs: 60_000,
    });
  });
  assert.equal(outcome.failure, undefined);
  const found = (await rig.listSnapshots()).find(({ tags }) => tags.includes(`run:${run}`));
  assert.ok(found);
  if (state !== undefined) {
    const snapshot = workbench.createId('snapshot');
    workbench.journal.snapshots.record({
      repository: repository.id,
      engineId: found.engineId,
      snapshot,
      run,
      source: source.id,
      state,
    });
  }
  return found.engineId;
}

test('A restore of files by hand, beside a running agent and with the server away', async (t) => {
  const host = await openEnrolledHost(t, GENERATIONS[1]?.binary ?? '');
  const { rig } = host;

  await t.test('says that there is nothing yet before the first spec', async () => {
    assertOneLine(await host.run(['restore', '--list']), 1, /holds no plans yet/);
  });

  await rig.initRepository();
  const folder = writeFolder(join(rig.dir, 'letters'), { 'a/b.txt': 'dear reader', '--x': 'y' });
  const source = rig.addFiles('letters \u001b[31m', [folder]);
  source.name = 'letters';
  const made = getMade(await rig.runPlan());
  host.storeSpec();

  await t.test('lists what can be restored, for people and for programs', async () => {
    const rows = await list(host);
    assert.deepEqual(
      rows.map(({ snapshot, source: name, kind, repository, vouched }) => [snapshot, name, kind, repository, vouched]),
      [[made.engineId, 'letters', 'files', 'disk', 'yes']],
    );
    const table = await host.run(['restore', '--list']);
    assert.match(table.stdout, /^SNAPSHOT +SOURCE +KIND +REPOSITORY +MADE +VOUCHED\n/);
    assert.match(table.stdout, new RegExp(`^${made.engineId.slice(0, 8)}  letters  files `, 'm'));
    assertDiscreet(table);
  });

  await t.test('brings the newest back to a new directory and says so on standard output alone', async () => {
    const target = join(rig.dir, 'by hand');
    const end = await host.run(['restore', '--source', 'letters', '--to', target]);
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.stdout, `restored letters of ${new Date(made.createdAt).toISOString()} to ${target}\n`);
    assert.equal(readFileSync(join(target, folder, 'a/b.txt'), 'utf8'), 'dear reader');
    assertDiscreet(end);
    const json = await host.run([
      'restore',
      '--source',
      source.id,
      '--snapshot',
      made.engineId.slice(0, 8),
      '--to',
      `${target} 2`,
      '--json',
    ]);
    assert.equal(json.code, 0, json.stderr);
    const told = JSON.parse(json.stdout) as { snapshot: string; target: string; evidence: { ok: boolean }[] };
    assert.deepEqual([told.snapshot, told.target, told.evidence.map(({ ok }) => ok)], [made.engineId, `${target} 2`, [true]]);
  });

  await t.test('is refused in one line for what is wrong, and makes nothing', async () => {
    const full = writeFolder(join(rig.dir, 'full'), { mine: 'precious' });
    const never = join(rig.dir, 'never');
    const wrong: [readonly string[], number, RegExp][] = [
      [['--source', 'letters', '--to', full], 1, /full exists and is not empty\. Choose a new name or directory/],
      [['--to', never], 2, /say what to restore with --source NAME/],
      [['--source', 'letters'], 2, /say where to with --to DIRECTORY/],
      [['--source', 'no-such', '--to', never], 1, /this host has no source "no-such"/],
      [['--source', 'letters', '--to', never, '--to-database', 'never'], 2, /--to-database is for databases/],
      [['--source', 'letters', '--snapshot', 'abc', '--to', never], 1, /at least the first eight letters/],
      [['--source', 'letters', '--snapshot', 'f'.repeat(64), '--to', never], 1, /at least the first eight letters/],
    ];
    for (const [args, code, words] of wrong) assertOneLine(await host.run(['restore', ...args]), code, words);
    assert.deepEqual(readdirSync(full), ['mine']);
    assert.equal(existsSync(never), false);
  });

  await t.test('cancelled with Ctrl-C takes away what it wrote and ends as failed', async () => {
    const noise = join(rig.dir, 'noise');
    mkdirSync(noise);
    for (const seed of [1, 2, 3]) writeNoise(join(noise, `big-${seed}`), 64 * 1024 * 1024, seed);
    const large = rig.addFiles('noise', [noise]);
    assert.equal(readEnd(await rig.runPlan([large.id])).state, 'succeeded');
    host.storeSpec();
    const target = join(rig.dir, 'interrupted');
    const interrupt = new AbortController();
    const ending = host.run(['restore', '--source', 'noise', '--to', target], { signal: interrupt.signal });
    let ended = false;
    void ending.then(() => {
      ended = true;
    });
    // Until all is there, it lies in a private directory inside the target.
    const hasBegun = () =>
      existsSync(target) && readdirSync(target).some((staging) => existsSync(join(target, staging, noise, 'big-1')));
    while (!ended && !hasBegun()) await new Promise((resolve) => setImmediate(resolve));
    interrupt.abort();
    const end = await ending;
    assert.equal(end.code, 1, end.stderr);
    assert.match(end.stderr, /^holdfast-agent: Cancelled\./m);
    assert.equal(existsSync(target), false);
    const { root } = rig.tooling.workDirs;
    assert.deepEqual(existsSync(root) ? readdirSync(root) : [], []);
    assertDiscreet(end);
  });

  await t.test('says what to do when the repository is gone', async () => {
    rig.repository.config = { path: join(rig.dir, 'moved-away') };
    host.storeSpec();
    const end = await host.run(['restore', '--list']);
    assert.equal(end.code, 1);
    assert.match(end.stderr, /^holdfast-agent: disk: [\s\S]*There is no repository at this address\. Correct the address/);
    assertDiscreet(end);
    assert.equal(existsSync(join(rig.dir, 'moved-away')), false);
  });
});

test('A restore of a database by hand', async (t) => {
  const server = await startMariadb();
  t.after(() => server.remove());
  const host = await openEnrolledHost(t, GENERATIONS[0]?.binary ?? '');
  const { rig } = host;
  await rig.initRepository();
  await server.query('CREATE DATABASE shop');
  await server.query('CREATE TABLE item (id int); INSERT INTO item SELECT seq FROM seq_1_to_500;', 'shop');
  const source = addDatabase(rig, server, 'shop');
  source.secrets = host.seal('source', source.id, { password: server.password });
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  const { engineId } = getMade(events);
  host.storeSpec();
  const names = () => server.query("SHOW DATABASES LIKE 'shop%'");

  await t.test('makes it under a new name, and is refused where there is something', async () => {
    assertOneLine(
      await host.run(['restore', '--source', 'shop', '--to', '/tmp/x']),
      2,
      /say under which new name with --to-database NAME/,
    );
    const end = await host.run(['restore', '--source', 'shop', '--to-database', 'shop_2', '--json']);
    assert.equal(end.code, 0, end.stderr);
    assert.equal(await server.query('SELECT count(*), sum(id) FROM shop_2.item'), '500\t125250');
    assert.equal(`${end.stdout}${end.stderr}`.includes(server.password), false);
    assertDiscreet(end);
    const both = await host.run(['restore', '--source', 'shop', '--to-database', 'shop_3', '--to', '/tmp/x']);
    assertOneLine(both, 2, /--to is for files, and this is a database/);
    const again = await host.run(['restore', '--source', 'shop', '--to-database', 'shop']);
    assertOneLine(again, 1, /shop exists and is not empty/);
  });

  await t.test(
    'takes no dump that was cut short, nor one that its run gave up; one of which nobody knows only by its name, with a warning',
    async () => {
      // Cut at the end of a statement, such a dump restores without a complaint and with half of the rows.
      const cut = 'CREATE TABLE item (id int);\n';
      const refused = await storeOrphan(host, source, cut, 'unvouched');
      const unknown = await storeOrphan(host, source, `${cut}${DUMP_END}`);
      const rows = await list(host);
      assert.deepEqual(
        new Map(rows.map((row) => [row.snapshot, row.vouched])),
        new Map([
          [unknown, 'unknown'],
          [refused, 'no'],
          [engineId, 'yes'],
        ]),
      );
      const named = await host.run(['restore', '--source', 'shop', '--snapshot', refused, '--to-database', 'shop_3']);
      assertOneLine(named, 1, /no clean run vouches for this snapshot/);
      const latest = await host.run(['restore', '--source', 'shop', '--to-database', 'shop_3', '--json']);
      assert.equal(latest.code, 0, latest.stderr);
      assert.equal((JSON.parse(latest.stdout) as Row).snapshot, engineId);
      assert.equal(await server.query('SELECT count(*) FROM shop_3.item'), '500');
      const asked = await host.run(['restore', '--source', 'shop', '--snapshot', unknown, '--to-database', 'shop_4']);
      assert.equal(asked.code, 0, asked.stderr);
      assert.match(asked.stderr, /remembers no run that vouches for this snapshot/);
      await server.query('DROP DATABASE shop_4');
      const half = await storeOrphan(host, source, cut);
      const kept = await host.run(['restore', '--source', 'shop', '--snapshot', half, '--to-database', 'shop_4']);
      assert.equal(kept.code, 1);
      assert.match(kept.stderr, /The dump does not end as a whole one does/);
      assert.equal(await server.query("SHOW DATABASES LIKE 'shop_4'"), '');
    },
  );

  await t.test('takes the safety backup of a restore only by its name: it may hold what went wrong', async () => {
    const safety = await storeOrphan(host, source, `CREATE TABLE damage (id int);\n${DUMP_END}`, 'vouched', SAFETY_PLAN);
    const table = await host.run(['restore', '--list']);
    assert.match(table.stdout, new RegExp(`^${safety.slice(0, 8)}  shop .*yes, before a restore$`, 'm'));
    const latest = await host.run(['restore', '--source', 'shop', '--to-database', 'shop_5', '--json']);
    assert.equal((JSON.parse(latest.stdout) as Row).snapshot, engineId);
    const asked = await host.run(['restore', '--source', 'shop', '--snapshot', safety, '--to-database', 'shop_6', '--json']);
    assert.equal((JSON.parse(asked.stdout) as Row).snapshot, safety);
    await server.query('DROP DATABASE shop_5; DROP DATABASE shop_6');
  });

  await t.test('takes a dump file of the host in place of a snapshot', async () => {
    const { port, user, password } = server;
    const args = ['--no-defaults', '--protocol=tcp', '-h127.0.0.1', `-P${port}`, `-u${user}`, 'shop'];
    const dump = execFileSync('mariadb-dump', args, { env: { PATH: '/usr/bin:/bin', MYSQL_PWD: password } });
    writeFileSync(join(rig.dir, 'old.sql.gz'), gzipSync(dump));
    writeFileSync(join(rig.dir, 'cut.sql.gz'), gzipSync(dump).subarray(0, -20));
    const restore = (name: string, ...more: string[]) =>
      host.run(['restore', '--file', join(rig.dir, name), '--source', 'shop', '--to-database', 'shop_7', ...more]);
    const cut = await restore('cut.sql.gz');
    assert.equal(cut.code, 1);
    assert.match(
      cut.stderr,
      /^holdfast-agent: \S+cut\.sql\.gz cannot be read to its end: .*unexpected end of file.*Nothing was changed/m,
    );
    const end = await restore('old.sql.gz', '--json');
    assert.equal(end.code, 0, end.stderr);
    assert.equal((JSON.parse(end.stdout) as { target: string }).target, 'shop_7');
    assert.equal(await server.query('SELECT count(*), sum(id) FROM shop_7.item'), '500\t125250');
    assertDiscreet(end);
    const nameless = await host.run(['restore', '--file', join(rig.dir, 'old.sql.gz'), '--source', 'shop']);
    assertOneLine(nameless, 2, /under which new name/);
    await server.query('DROP DATABASE shop_7');
  });

  await t.test('says what to do when the database server is away', async () => {
    const before = await names();
    await server.kill();
    const end = await host.run(['restore', '--source', 'shop', '--to-database', 'shop_4']);
    assertOneLine(end, 1, /Check that the database server is up and reachable/);
    await server.start();
    assert.equal(await names(), before);
  });
});

test('A restore of a PostgreSQL database by hand, from this disk and with its roles', async (t) => {
  const server = await startPostgres();
  t.after(() => server.remove());
  const host = await openEnrolledHost(t, GENERATIONS[1]?.binary ?? '');
  const { rig } = host;
  await rig.initRepository();
  await server.query("CREATE ROLE keeper LOGIN PASSWORD 'first'; CREATE ROLE bystander");
  await server.query('CREATE DATABASE shop OWNER keeper');
  await server.query('CREATE TABLE item AS SELECT i FROM generate_series(1, 500) i; ALTER TABLE item OWNER TO keeper', 'shop');
  const source = addDatabase(rig, server, 'shop');
  source.secrets = host.seal('source', source.id, { password: server.password });
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  host.storeSpec();
  const before = await server.dump('shop');
  await server.query('DROP DATABASE shop');
  await server.query('DROP ROLE keeper, bystander');
  const restore = ['restore', '--source', 'shop', '--to-database', 'shop'];
  assertOneLine(await host.run([...restore, '--jobs', '17']), 2, /--jobs must be a whole number from 1 to 16/);
  assertOneLine(await host.run([...restore, '--roles', 'some']), 2, /--roles must be one of needed, all/);
  const end = await host.run([...restore, '--jobs', '2', '--roles', 'needed', '--limit', '100000', '--json']);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(await server.dump('shop'), before);
  assert.equal(
    await server.query("SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname IN ('keeper', 'bystander')"),
    'keeper',
  );
  assert.match(end.stderr, /roles to be made: keeper/);
  assert.equal(/SCRAM/.test(end.stderr), false);
  assertDiscreet(end);
});
