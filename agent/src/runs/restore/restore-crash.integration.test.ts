import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { type CrashRig, openCrashRig } from '../fixtures/crash-rig.ts';
import { startPostgresServer } from '../fixtures/postgres-server.ts';
import { holdTool } from './fixtures/held-tools.ts';
import { backUpOnce, describeOrder, journalRestore, killAtHolds } from './fixtures/journaled-restores.ts';

const execFileAsync = promisify(execFile);
const from = { clock: systemClock, randomBytes: systemRandomBytes };

const SHOP_SQL = `
CREATE TABLE a AS SELECT i AS id, repeat('a', 50) || i AS note FROM generate_series(1, 3000) i;
CREATE TABLE b AS SELECT * FROM a; ALTER TABLE a ADD PRIMARY KEY (id); CREATE INDEX by_note ON b (note);
ALTER TABLE b OWNER TO keeper;`;

/** What is there before a restore of each kind; `none`: no database. */
const STANDING = {
  none: undefined,
  empty: '',
  tables:
    'CREATE TABLE a (id int PRIMARY KEY, note text); CREATE TABLE b (id int, note text); CREATE TABLE later AS SELECT 7 AS x;',
  later: 'CREATE TABLE later AS SELECT 7 AS x;',
  old: "CREATE TABLE a (id int, was text); INSERT INTO a VALUES (1, 'old'); CREATE TABLE later AS SELECT 7 AS x;",
} as const;

/** A point at which the tool of a stage is: about to begin, or done and not yet gone. */
interface Case {
  mode: RestoreMode;
  standing: keyof typeof STANDING;
  /** `scratch`: the one that fills the private database. */
  at: `${'before' | 'after'} ${string}` | `${'before' | 'after'} ${string} of scratch`;
  /** What stands at the target afterwards. */
  left: 'old' | 'new';
  options?: RestoreOptions;
  /** From a script in gzip on the host in place of the snapshot; `restrict` is its psql. */
  isFile?: boolean;
  /** While the agent is away somebody drops what it made, and makes another database of that name. */
  isReplaced?: boolean;
}

/** Every stage of every way; `create`, `verify`, `swap` and `proof` are the scripts and readings of the stages. */
const CASES: readonly Case[] = [
  { mode: 'new', standing: 'none', at: 'after create', left: 'old' },
  { mode: 'new', standing: 'none', at: 'before pg_restore', left: 'old', options: { jobs: 2, roles: 'all' } },
  { mode: 'new', standing: 'none', at: 'after pg_restore', left: 'old', options: { jobs: 2 } },
  { mode: 'new', standing: 'none', at: 'after pg_restore', left: 'old', isReplaced: true },
  { mode: 'new', standing: 'none', at: 'before verify', left: 'new' },
  { mode: 'replace', standing: 'none', at: 'before verify', left: 'new' },
  { mode: 'schema_only', standing: 'none', at: 'after pg_restore', left: 'old', options: { jobs: 4 } },
  { mode: 'new', standing: 'empty', at: 'before pg_restore', left: 'old' },
  { mode: 'new', standing: 'empty', at: 'after pg_restore', left: 'new', options: { jobs: 1 } },
  { mode: 'replace', standing: 'old', at: 'before pg_restore of scratch', left: 'old', options: { jobs: 2 } },
  { mode: 'replace', standing: 'old', at: 'before verify of scratch', left: 'old' },
  { mode: 'replace', standing: 'old', at: 'before pg_dump', left: 'old', options: { safetyBackup: true } },
  { mode: 'replace', standing: 'old', at: 'before swap', left: 'old' },
  { mode: 'replace', standing: 'old', at: 'after swap', left: 'new' },
  { mode: 'clean', standing: 'old', at: 'before pg_restore', left: 'old' },
  { mode: 'clean', standing: 'tables', at: 'after pg_restore', left: 'new' },
  { mode: 'append', standing: 'later', at: 'before pg_restore', left: 'old', options: { jobs: 1 } },
  { mode: 'append', standing: 'later', at: 'after pg_restore', left: 'new' },
  { mode: 'data_only', standing: 'tables', at: 'after pg_restore', left: 'new' },
  { mode: 'tables', standing: 'old', at: 'after pg_restore of scratch', left: 'old', options: { jobs: 2 } },
  { mode: 'tables', standing: 'old', at: 'after pg_restore', left: 'new' },
  { mode: 'tables', standing: 'none', at: 'before pg_restore', left: 'old' },
  { mode: 'tables', standing: 'none', at: 'after pg_restore', left: 'new' },
  { mode: 'new', standing: 'none', at: 'after restrict', left: 'old', isFile: true },
  { mode: 'replace', standing: 'old', at: 'before restrict of scratch', left: 'old', isFile: true },
  { mode: 'append', standing: 'later', at: 'before restrict', left: 'old', isFile: true },
];

/** Which script or reading a client of PostgreSQL was started for, and the database or run it is about. */
const lookOf = (tool: string) => `point=${tool} text=$PGDATABASE
for arg in "$@"; do
  case "$arg" in
    --file=/dev/null) point=proof ;;
    --schema-only) [ ${tool} = pg_restore ] && case " $* " in *" --file=- "*) point=definitions ;; esac ;;
    --file=*.sql) script=\${arg#--file=}; point=\${script##*/}; point=\${point%.sql}; text="$text $(cat "$script")" ;;
  esac
done`;

const hasMark = (rig: CrashRig, run: RunId) => {
  const body = rig.findBody(run);
  return body?.kind === 'restore' && body.half?.change?.mark !== undefined;
};

test('An agent that is killed in any stage of any restore leaves each target wholly old or wholly new, and nothing else', async (t) => {
  const server = await startPostgresServer();
  after(() => server.stop());
  const query = (sql: string, database = 'postgres') => server.query(database, sql);
  const dump = async (database: string) => {
    const args = ['--host', server.socketDir, '--username', 'postgres', '--dbname', database];
    const { stdout } = await execFileAsync(join(server.binFolder, 'pg_dump'), args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout.replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  };
  await query('CREATE ROLE keeper');
  await query('CREATE ROLE spare');
  await query('CREATE DATABASE shop TEMPLATE template0');
  await query(SHOP_SQL, 'shop');
  const config = { host: server.socketDir, user: 'postgres', database: 'shop' };
  const rig = await openCrashRig({
    restic: GENERATIONS[0]?.binary ?? '',
    concurrency: CASES.length,
    source: () => ({ kind: 'postgres', config }),
  });
  t.after(() => rig.remove());
  const backup = await backUpOnce(rig);
  const { ledger, stored } = backup;
  const roles = stored.flatMap((event) =>
    event.type === 'snapshot.made' && event.snapshot.role === 'globals' ? [event.snapshot] : [],
  );
  assert.ok(roles[0]?.fileName);
  const globals = { engineId: roles[0].engineId, fileName: roles[0].fileName };
  // A restore makes it, and takes it back.
  await query('DROP ROLE spare');
  const listDatabases = () =>
    query("SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '') FROM pg_database WHERE datname ~ '^(t[0-9]|holdfast)'");
  for (const tool of ['psql', 'pg_restore', 'pg_dump']) holdTool(rig, join(server.binFolder, tool), lookOf(tool));

  mkdirSync(join(rig.dir, 'dumps'));
  const path = join(rig.dir, 'dumps/shop.sql.gz');
  writeFileSync(path, gzipSync(await dump('shop')));
  const { size: sizeBytes, mtimeMs } = statSync(path);
  const chosen = { path, sizeBytes, modifiedAt: Math.floor(mtimeMs) };

  const cases: (Case & { run: RunId; database: string; before: string | undefined })[] = [];
  for (const [index, one] of CASES.entries()) {
    const run = createId('run', from);
    const database = `t${String(index).padStart(2, '0')}_${one.mode}`;
    const standing = STANDING[one.standing];
    if (standing !== undefined) {
      await query(`CREATE DATABASE ${database} TEMPLATE template0`);
      if (standing !== '') await query(standing, database);
    }
    const [when = '', point = '', , isScratch] = one.at.split(' ');
    const hold = `${when}-${point}@${isScratch === undefined ? database : run}`;
    writeFileSync(join(rig.dir, 'hold', hold), '');
    const isOfTables = one.mode === 'tables';
    journalRestore(rig, {
      ...describeOrder(rig, run, backup),
      source: { id: ledger.source, kind: 'postgres', config },
      target: {
        kind: 'database',
        source: ledger.source,
        database,
        mode: one.mode,
        ...(isOfTables ? { tables: [{ name: 'a' }] } : {}),
        ...(one.isFile === true ? { from: chosen } : {}),
      },
      connection: { kind: 'postgres', config },
      options: { safetyBackup: false, ...one.options },
      globals,
    });
    const before = standing === undefined ? undefined : await dump(database);
    cases.push({ ...one, run, database, before });
  }
  const standing = await listDatabases();

  const marked = new Set<RunId>();
  await killAtHolds(
    rig,
    cases.map(({ run, mode, at }) => ({ run, name: `${mode} ${at}` })),
    async () => {
      for (const { run } of cases) if (hasMark(rig, run)) marked.add(run);
      for (const { database } of cases.filter(({ isReplaced }) => isReplaced)) {
        await query(`DROP DATABASE ${database} WITH (FORCE)`);
        await query(`CREATE DATABASE ${database} TEMPLATE template0`);
        await query('CREATE TABLE theirs AS SELECT 1 AS x', database);
      }
    },
  );

  const content = await dump('shop');
  const stays: string[] = [];
  for (const { mode, standing, at, left, run, database, before, isReplaced } of cases) {
    const name = `${mode} ${at}`;
    const events = rig.listEvents(run);
    const end = readEnd(events);
    // A transaction that was over before anybody could see its mark is told as one that has to be looked at.
    const isKnown = mode === 'replace' || (mode === 'new' && standing === 'none') || marked.has(run);
    if (left === 'new' && isKnown) assert.equal(end.state, 'succeeded', `${name}: ${end.message}`);
    else assert.deepEqual([end.state, end.reason], ['failed', 'interrupted'], `${name}: ${end.message}`);
    if (isReplaced) {
      assert.match(readLog(events), /somebody has made another of that name: it stays as it is/);
      assert.equal(await query('SELECT x FROM theirs', database), '1', name);
    }
    const isThere = left === 'new' && (isKnown || mode !== 'tables');
    if (standing === 'none' && (isThere || isReplaced)) stays.push(database);
    if (standing === 'none' && !isThere) continue;
    const now = await dump(database);
    if (left === 'old') assert.equal(now, before, name);
    else assert.equal(await query('SELECT count(*), max(id) FROM a', database), '3000|3000', name);
    if ((mode === 'replace' || standing === 'none') && mode !== 'tables' && left === 'new') assert.equal(now, content, name);
  }
  for (const database of stays) await query(`DROP DATABASE ${database}`);
  assert.equal(await listDatabases(), standing, 'nothing new stays, nothing private either');
  assert.equal(await query("SELECT count(*) FROM pg_roles WHERE rolname = 'spare'"), '0');
  assert.equal(await query("SELECT count(*) FROM pg_shdescription WHERE description LIKE 'Made by Holdfast%'"), '0');
  const spool = join(rig.dir, 'state/spool');
  assert.deepEqual(existsSync(spool) ? readdirSync(spool) : [], []);
  assert.equal(await rig.kill('SIGTERM'), 0);
});
