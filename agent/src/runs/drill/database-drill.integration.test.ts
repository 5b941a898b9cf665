import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { DrillAssertion } from '@holdfast/shared/domain/drill.ts';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { type DatabaseServer, startMariadb, startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { openMysqlFolder, startMysql } from '../../handlers/fixtures/mysql-server.ts';
import { addDatabase, getMade, readEnd, readLog, sealDraft } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, outline, type RunRig } from '../fixtures/run-rig.ts';
import { carryOutDrill, createDrillOrder, giveDrill, readEvidence } from './fixtures/drill-orders.ts';

const POSTGRES_SQL = `
CREATE ROLE shop_owner; CREATE SCHEMA shop AUTHORIZATION shop_owner;
CREATE TABLE shop."order ""x"" 注文" (id serial PRIMARY KEY, note text, at timestamptz DEFAULT now());
INSERT INTO shop."order ""x"" 注文" (note) SELECT 'note ''' || i || E'\\n\\\\.' FROM generate_series(1, 3000) i;
ALTER TABLE shop."order ""x"" 注文" OWNER TO shop_owner;
CREATE TABLE kinds (kind varchar(10) CHECK (kind IN ('a', 'b')));
CREATE TABLE people (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE people_few PARTITION OF people FOR VALUES FROM (0) TO (100);
INSERT INTO people VALUES (1, 'ann'), (2, 'bob');
CREATE VIEW shop.few AS SELECT id FROM shop."order ""x"" 注文" WHERE id < 5;
CREATE FUNCTION shop.said() RETURNS text LANGUAGE plpgsql AS $x$
-- a remark

BEGIN RETURN 'SET me'; END $x$;`;

const MARIADB_SQL = `
CREATE TABLE \`order \`\`x\`\` 注文\` (id int AUTO_INCREMENT PRIMARY KEY, note text);
INSERT INTO \`order \`\`x\`\` 注文\` (note) SELECT concat('note \\'', seq, '\\n🦔') FROM seq_1_to_3000;
CREATE TABLE kinds (kind varchar(10) CHECK (kind IN ('a', 'b')));
CREATE TABLE people (id int PRIMARY KEY, name text);
INSERT INTO people VALUES (1, 'ann'), (2, 'bob');
CREATE VIEW few AS SELECT id FROM people WHERE id < 5;
CREATE EVENT nightly ON SCHEDULE EVERY 1 SECOND DO DELETE FROM people;
CREATE PROCEDURE older(word char(9)) SELECT word;
ALTER DATABASE shop CHARACTER SET latin1;`;

const MYSQL_SQL = `
SET SESSION cte_max_recursion_depth = 3000;
CREATE TABLE \`order \`\`x\`\` 注文\` (id int AUTO_INCREMENT PRIMARY KEY, note text, chars int AS (char_length(note)));
INSERT INTO \`order \`\`x\`\` 注文\` (note) WITH RECURSIVE seq AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM seq WHERE n < 3000)
  SELECT concat('note \\'', n, '\\n🦔') FROM seq;
CREATE TABLE kinds (kind varchar(10) CHECK (kind IN ('a', 'b')), place VECTOR(2), facts json);
CREATE TABLE people (id int PRIMARY KEY, name text, secret int DEFAULT 7 INVISIBLE);
INSERT INTO people VALUES (1, 'ann'), (2, 'bob');
CREATE VIEW few AS SELECT id FROM people WHERE id < 5;
CREATE EVENT nightly ON SCHEDULE EVERY 1 SECOND DO DELETE FROM people;
CREATE PROCEDURE older(word char(9)) SELECT word;
ALTER DATABASE shop CHARACTER SET latin1;`;

interface Engine {
  title: string;
  start(): Promise<DatabaseServer>;
  sql: string;
  restic: number;
  /** Memory in which restic can live, and a throw-away server or what it does cannot. */
  tooLittleMiB: number;
  /** A question for which it needs more, where it lives. */
  hungry?: string;
  /** Where its programs are, unless on the system's path. */
  findTools?: (t: TestContext) => string;
  create: string;
  checks: readonly string[];
  stages: readonly string[];
  /** Gives 1 when a second has begun in which nothing was written. */
  settled?: string;
  /** Counts databases of drills on the live server. */
  leftovers: string;
  /** SQL that would change, read or start something on the host, were it allowed to. */
  mischief(marker: string): readonly string[];
}

const ENGINES: readonly Engine[] = [
  {
    title: 'PostgreSQL',
    start: startPostgres,
    sql: POSTGRES_SQL,
    restic: 1,
    tooLittleMiB: 110,
    hungry: "select length(string_agg(repeat('x', 1000000), '')) from generate_series(1, 300)",
    create: 'CREATE DATABASE shop TEMPLATE template0',
    leftovers: "SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast%'",
    checks: ['target_verified', 'same_content', 'same_content', 'undamaged'],
    stages: ['preflight', 'preflight ok', 'restore', 'restore ok', 'evidence', 'evidence ok'],
    mischief: (marker) => [
      `COPY (SELECT 1) TO PROGRAM 'touch ${marker}'`,
      `SELECT 1 \\! touch ${marker}`,
      `SELECT pg_read_file('/etc/passwd')`,
      'DELETE FROM people RETURNING 1',
      "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM people RETURNING 1",
      'SELECT id FROM people',
    ],
  },
  {
    title: 'MariaDB',
    start: startMariadb,
    sql: MARIADB_SQL,
    restic: 0,
    tooLittleMiB: 200,
    create: 'CREATE DATABASE shop',
    settled:
      "SELECT FLOOR(UNIX_TIMESTAMP(NOW(6))) > MAX(UNIX_TIMESTAMP(UPDATE_TIME)) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop'",
    leftovers: "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'holdfast%'",
    checks: ['target_verified', 'same_content', 'undamaged'],
    stages: ['preflight', 'preflight ok', 'restore', 'restore ok', 'evidence', 'evidence ok'],
    mischief: (marker) => [
      `SELECT 1 INTO OUTFILE '${marker}'`,
      `SELECT 1\n\\! touch ${marker}\n`,
      "SELECT length(load_file('/etc/passwd')) + 1",
      '1)), (DELETE FROM people',
      'SELECT User FROM mysql.user LIMIT 1',
      'SELECT id FROM people',
    ],
  },
  {
    title: 'MySQL',
    start: startMysql,
    sql: MYSQL_SQL,
    restic: 1,
    tooLittleMiB: 200,
    findTools: openMysqlFolder,
    create: 'CREATE DATABASE shop',
    settled: `SET SESSION information_schema_stats_expiry = 0;
      SELECT FLOOR(UNIX_TIMESTAMP(NOW(6))) > MAX(UNIX_TIMESTAMP(UPDATE_TIME)) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop'`,
    leftovers: "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'holdfast%'",
    checks: ['target_verified', 'same_content', 'undamaged'],
    stages: ['preflight', 'preflight ok', 'restore', 'restore ok', 'evidence', 'evidence ok'],
    mischief: (marker) => [
      `SELECT 1 INTO OUTFILE '${marker}'`,
      `SELECT 1\n\\! touch ${marker}\n`,
      "SELECT length(load_file('/etc/passwd')) + 1",
      '1)), (DELETE FROM people',
      'SELECT User FROM mysql.user LIMIT 1',
      'SELECT id FROM people',
    ],
  },
];

const readCommandLine = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
const equals = (sql: string, value: string): DrillAssertion => ({ sql, operator: '=', value });

interface Stored {
  rig: RunRig;
  server: DatabaseServer;
  source: SpecSource;
  made: SnapshotMade;
}

async function openStored(t: TestContext, engine: Engine): Promise<Stored> {
  const server = await engine.start();
  t.after(() => server.remove());
  const rig = await openRunRig(t, {
    restic: GENERATIONS[engine.restic]?.binary,
    toolFolders: engine.findTools ? [engine.findTools(t)] : [],
  });
  await rig.initRepository();
  await server.query(engine.create);
  await server.query(engine.sql, 'shop');
  // The server tells the time of a write in whole seconds: what was written in this one is not certain.
  const { settled } = engine;
  if (settled !== undefined)
    await waitUntil('the second of the write to be over', async () => (await server.query(settled)) === '1');
  const source = addDatabase(rig, server, 'shop');
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  return { rig, server, source, made: getMade(events) };
}

/** Nothing of a drill is on this host: no directory, and no process that was started for one. */
function assertNothingLeft({ workbench }: RunRig): void {
  const { path } = workbench.drillGround.create();
  const root = path.slice(0, path.lastIndexOf('/'));
  assert.deepEqual(readdirSync(root), [path.slice(root.length + 1)]);
  void workbench.drillGround.remove({ path });
  assert.deepEqual(workbench.journal.runs.listProcesses(), []);
}

for (const engine of ENGINES) {
  test(`${engine.title}: a drill proves a backup, tells what does not hold, and leaves the live server alone`, async (t) => {
    const { rig, server, source, made } = await openStored(t, engine);
    const { snapshots } = rig.workbench.journal;
    const isProven = () => snapshots.listByPlan(rig.plan().id).find(({ engineId }) => engineId === made.engineId)?.isProven;
    // What happens to the live database afterwards is none of a drill's business.
    await server.query('DELETE FROM people', 'shop');
    const before = await server.dump('shop');

    await t.test('proves what came back, with figures, and removes it', async () => {
      assert.equal(isProven(), false);
      const assertions = [
        equals('SELECT count(*) FROM people;', '2'),
        { ...equals('select max(id) from people', '1'), operator: '>' as const },
      ];
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, made, assertions));
      assert.deepEqual(readEnd(events), { state: 'succeeded', reason: undefined, message: '' }, readLog(events));
      assert.deepEqual(readEvidence(events), [...engine.checks, 'assertion', 'assertion']);
      assert.deepEqual(outline(events), [
        'run.created',
        'run.started',
        ...engine.stages,
        'part.finished',
        'run.finalizing',
        'run.finished',
      ]);
      const { drill } = findEvent(events, 'part.finished').part;
      assert.deepEqual([drill?.isProven, drill?.rows, drill?.things], [true, 3002, 3]);
      assert.ok(drill && drill.restoreMs > 0 && drill.snapshotAgeMs > 0);
      assert.equal(isProven(), true);
      assertNothingLeft(rig);
    });

    await t.test(
      'what is not as recorded, or does not hold, takes the proof back; what is asserted reads the throw-away database and nothing else',
      async () => {
        const marker = `/var/tmp/holdfast-mischief-${process.pid}`;
        const mischief = engine.mischief(marker).map((sql) => equals(sql, '1'));
        const assertions = [equals('select count(*) from people', '3'), equals('select count(*) from nobody', '0'), ...mischief];
        assert.ok(made.contents);
        const counted = made.contents.tables.filter(({ isExact, rows }) => isExact && rows === 3000);
        assert.equal(counted.length, 1, 'the big table was counted as it was dumped');
        const tables = made.contents.tables.map((table) => (table === counted[0] ? { ...table, rows: 2999 } : table));
        const otherwise = { ...made, contents: { ...made.contents, tables } };
        const events = await carryOutDrill(rig, createDrillOrder(rig, source, otherwise, assertions));
        const { state, reason, message } = readEnd(events);
        assert.deepEqual([state, reason], ['failed', 'drill_failed']);
        assert.match(message, /^Not as recorded .*order .*注文.*: 2999 rows recorded, 3000 rows restored \(and 8 more\)/);
        const checks = engine.checks.with(1, 'same_content failed');
        assert.deepEqual(readEvidence(events), [...checks, ...assertions.map(() => 'assertion failed')], readLog(events));
        assert.match(readLog(events), /select count\(\*\) from people: 2, must be exactly 3/);
        assert.equal(existsSync(marker), false);
        assert.equal(findEvent(events, 'part.finished').part.drill?.isProven, false);
        assert.equal(isProven(), false);
        assertNothingLeft(rig);
      },
    );

    await t.test(
      'on a named server it takes place in a database of its own, which is dropped, and holds nothing else',
      async () => {
        const atServer = (assertions: readonly DrillAssertion[]) => {
          const order = createDrillOrder(rig, source, made, assertions);
          const config = { host: '127.0.0.1', port: server.port, user: server.user, database: 'shop' };
          return { ...order, server: sealDraft(rig, `${order.run}.sources`, server.kind, config, { password: server.password }) };
        };
        const asked = await carryOutDrill(rig, atServer([equals('select count(*) from people', '2')]));
        const { server: sealed, ...order } = atServer([equals('select 1', '1')]);
        const bare = await carryOutDrill(rig, { ...order, server: { kind: sealed.kind, config: sealed.config } });
        assert.match(readEnd(bare).message, /only through a connection with a password/);
        const isRefused = engine.title === 'PostgreSQL';
        assert.equal(readEnd(asked).reason, isRefused ? 'target_refused' : undefined, readLog(asked));
        const events = await carryOutDrill(rig, atServer([]));
        assert.deepEqual(readEnd(events), { state: 'succeeded', reason: undefined, message: '' }, readLog(events));
        assert.deepEqual(readEvidence(events), ['target_verified', 'same_content']);
        const { drill } = findEvent(events, 'part.finished').part;
        assert.deepEqual([drill?.isProven, drill?.rows, drill?.things], [true, 3002, 3]);
        assert.equal(await server.query(engine.leftovers), '0');
        assert.equal(rig.workbench.journal.runs.listClosedWith('drill', 'scratch').length, 0);
        assertNothingLeft(rig);
      },
    );

    await t.test('without the room it needs it does not begin, and says nothing of the backup', async () => {
      const order = createDrillOrder(rig, source, { ...made, sizeBytes: 2 ** 50 });
      const events = await carryOutDrill(rig, order);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'disk_full']);
      assert.match(readEnd(events).message, /needs \d+ MiB of room on this host, and there are \d+ MiB/);
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assert.equal(isProven(), true, 'what was proven stays proven');
      assertNothingLeft(rig);
    });

    await t.test('with less memory than its server needs it fails for that, and says nothing of the backup', async () => {
      const { options } = rig.plan();
      const { limits } = options;
      options.limits = { memoryMiB: engine.tooLittleMiB };
      const asked = engine.hungry === undefined ? [] : [equals(engine.hungry, '300000000')];
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, made, asked));
      options.limits = limits;
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'memory_limit'], readLog(events));
      assert.match(
        readEnd(events).message,
        new RegExp(`^A program of the drill .*\\b${engine.tooLittleMiB} MiB`),
        readLog(events),
      );
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assert.equal(isProven(), true, 'what was proven stays proven');
      assertNothingLeft(rig);
    });

    await t.test('whose server is killed under it fails, and says nothing of the backup', async () => {
      const order = createDrillOrder(rig, source, made);
      await giveDrill(rig, order);
      const { runs } = rig.workbench.journal;
      const isServer = ({ pid }: { pid: number }) =>
        /\/(?:postgres|mariadbd|mysqld)\0(?!.*(?:--initialize|--bootstrap))/.test(readCommandLine(pid));
      await waitUntil('the throw-away server', () => runs.listProcesses().some(isServer));
      process.kill(runs.listProcesses().find(isServer)?.pid ?? 0, 'SIGKILL');
      const events = await rig.awaitEnd(order.run);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'unknown_failure'], readLog(events));
      assert.match(readEnd(events).message, /^A program of the drill ended unasked, or lost its server; that says nothing/);
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assert.equal(isProven(), true, 'what was proven stays proven');
      assertNothingLeft(rig);
    });

    await t.test('a cancelled drill says nothing of the backup and leaves nothing', async () => {
      const order = createDrillOrder(rig, source, made);
      await giveDrill(rig, order);
      await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === 'restore');
      assert.equal(rig.executor.cancel(order.run), true);
      const events = await rig.awaitEnd(order.run);
      assert.equal(readEnd(events).state, 'cancelled');
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assertNothingLeft(rig);
    });
    assert.equal(await server.dump('shop'), before);
  });
}
