import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeHex } from '@holdfast/shared/adapters/sources/database.ts';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import { readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { openCrashRig } from '../../fixtures/crash-rig.ts';
import { holdTool } from '../fixtures/held-tools.ts';
import { backUpOnce, describeOrder, journalRestore, killAtHolds } from '../fixtures/journaled-restores.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };

const SHOP_SQL = `
CREATE TABLE a (id int PRIMARY KEY, note text CHARACTER SET utf8mb4);
INSERT INTO a SELECT seq, concat('note 🦔 ', seq) FROM seq_1_to_2000;
CREATE TABLE b (id int PRIMARY KEY, a int, CONSTRAINT of_a FOREIGN KEY (a) REFERENCES a (id));
INSERT INTO b SELECT seq, seq FROM seq_1_to_2000;`;
const CODE_SQL = `
DELIMITER //
CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1//
CREATE TRIGGER tidy BEFORE INSERT ON b FOR EACH ROW SET NEW.id = abs(NEW.id)//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DISABLE DO SELECT 1//
DELIMITER ;
CREATE VIEW few AS SELECT id, one() AS one FROM a WHERE id < 5;`;

/** What is there before a restore of each kind; `none`: no database. */
const STANDING = {
  none: undefined,
  empty: '',
  hollow:
    'CREATE TABLE a (id int PRIMARY KEY, note text CHARACTER SET utf8mb4); CREATE TABLE b (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES a (id));',
  later: 'CREATE TABLE later AS SELECT 7 AS x;',
  old: "CREATE TABLE a (id int, was text); INSERT INTO a VALUES (1, 'old'); CREATE TABLE later AS SELECT 7 AS x; CREATE VIEW few AS SELECT 9 AS nine;",
  named: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int, CONSTRAINT of_a FOREIGN KEY (a) REFERENCES a (id));
    INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1); CREATE TRIGGER tidy BEFORE INSERT ON b FOR EACH ROW SET NEW.id = 0;`,
} as const;

/**
 * A point at which a client is: about to begin, or done and not yet gone. `fill` writes the dump into the first database, or the list of what comes
 * into one that `pour` then fills, `verify` counts in the target, `dump` makes the safety backup, `routines` and `events` carry over what cannot be moved, before and after the move; the others are the scripts of the stages.
 */
interface Case {
  mode: RestoreMode;
  standing: keyof typeof STANDING;
  at: `${'before' | 'after'} ${'fill' | 'pour' | 'verify' | 'dump' | 'routines' | 'events' | `take-${string}`}`;
  left: 'old' | 'new';
  safetyBackup?: boolean;
  /** From a dump file of the host in place of the snapshot. */
  isFile?: boolean;
  /** By a user who may make no databases, so that what is there is filled bit by bit. */
  isPoor?: boolean;
  /** While the agent is away somebody drops what it made, and makes another database of that name. */
  isReplaced?: boolean;
}

const CASES: readonly Case[] = [
  { mode: 'new', standing: 'none', at: 'before fill', left: 'old' },
  { mode: 'new', standing: 'none', at: 'after fill', left: 'old' },
  { mode: 'new', standing: 'none', at: 'after fill', left: 'old', isReplaced: true },
  { mode: 'new', standing: 'none', at: 'before verify', left: 'new' },
  { mode: 'new', standing: 'empty', at: 'after fill', left: 'old' },
  { mode: 'new', standing: 'empty', at: 'before take-move', left: 'old' },
  { mode: 'new', standing: 'empty', at: 'after take-move', left: 'new' },
  { mode: 'new', standing: 'empty', at: 'after fill', left: 'old', isPoor: true },
  { mode: 'new', standing: 'empty', at: 'after pour', left: 'old', isPoor: true },
  { mode: 'new', standing: 'empty', at: 'before verify', left: 'new', isPoor: true },
  { mode: 'replace', standing: 'old', at: 'before fill', left: 'old' },
  { mode: 'replace', standing: 'old', at: 'before dump', left: 'old', safetyBackup: true },
  { mode: 'replace', standing: 'old', at: 'before routines', left: 'old' },
  { mode: 'replace', standing: 'old', at: 'before take-move', left: 'old' },
  { mode: 'replace', standing: 'old', at: 'after take-move', left: 'new' },
  { mode: 'replace', standing: 'old', at: 'before events', left: 'new' },
  { mode: 'replace', standing: 'old', at: 'before events', left: 'new', isFile: true },
  { mode: 'replace', standing: 'old', at: 'before take-views', left: 'new' },
  { mode: 'replace', standing: 'named', at: 'after take-keys', left: 'old' },
  { mode: 'replace', standing: 'named', at: 'before take-names', left: 'new' },
  { mode: 'replace', standing: 'named', at: 'after take-names', left: 'new' },
  { mode: 'clean', standing: 'named', at: 'before take-clear', left: 'new' },
  { mode: 'tables', standing: 'named', at: 'after take-move', left: 'new' },
  { mode: 'clean', standing: 'old', at: 'after take-strip', left: 'old' },
  { mode: 'clean', standing: 'old', at: 'before take-clear', left: 'new' },
  { mode: 'append', standing: 'later', at: 'before take-move', left: 'old' },
  { mode: 'append', standing: 'later', at: 'after take-move', left: 'new' },
  { mode: 'schema_only', standing: 'none', at: 'after take-move', left: 'old' },
  { mode: 'data_only', standing: 'hollow', at: 'before take-rows', left: 'old' },
  { mode: 'data_only', standing: 'hollow', at: 'after take-rows', left: 'new' },
  { mode: 'tables', standing: 'old', at: 'after take-choose', left: 'old' },
  { mode: 'tables', standing: 'old', at: 'after take-move', left: 'new' },
];

/** What a client of MariaDB was started for, and the database or run it is about. */
const lookOf = (tool: string) => `point=${tool === 'mariadb' ? 'fill' : 'dump'} text="$*"
case " $* " in *" --no-create-info "*) point=triggers ;; esac
case " $* " in *" --routines --events "*) [ $point = triggers ] && point=events ;; *" --routines "*) [ $point = triggers ] && point=routines ;; esac
for arg in "$@"; do
  case "$arg" in
    --defaults-file=*) text="$text $(cat "\${arg#--defaults-file=}")" ;;
    "--execute=source "*) script=\${arg#--execute=source }; point=\${script##*/}; point=\${point%.sql}; text="$text $(cat "$script")" ;;
    "--execute="*serverVersion*) point=question ;;
    "--execute="*"JSON_OBJECT('tables'"*) point=verify ;;
    --execute=*|--version) point=question ;;
    --init-command=*) point=pour ;;
  esac
done`;

test('An agent that is killed in any stage of any restore leaves each MariaDB database wholly old or wholly new, and nothing else', async (t) => {
  const server = await startMariadb();
  t.after(() => server.remove());
  await server.query(
    "CREATE USER rig@'%'; GRANT ALL ON *.* TO rig@'%' WITH GRANT OPTION; CREATE USER poor@'%'; GRANT SET USER ON *.* TO poor@'%'; CREATE DATABASE shop",
  );
  await server.query(SHOP_SQL + CODE_SQL, 'shop');
  const config = { host: '127.0.0.1', port: server.port, user: 'rig', database: 'shop' };
  const rig = await openCrashRig({
    restic: GENERATIONS[0]?.binary ?? '',
    concurrency: CASES.length,
    source: () => ({ kind: 'mariadb', config }),
  });
  t.after(() => rig.remove());
  const backup = await backUpOnce(rig);
  const { ledger } = backup;
  const listDatabases = () => server.query('SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1');
  for (const tool of ['mariadb', 'mariadb-dump']) holdTool(rig, `/usr/bin/${tool}`, lookOf(tool));

  const path = join(rig.dir, 'dumps', 'shop.sql');
  mkdirSync(join(rig.dir, 'dumps'), { recursive: true });
  writeFileSync(path, `-- MariaDB dump 10.19\n${await server.dump('shop')}\n-- Dump completed\n`);
  const { size: sizeBytes, mtimeMs } = statSync(path);
  const file = { path, sizeBytes, modifiedAt: Math.floor(mtimeMs) };

  const cases: (Case & { run: RunId; database: string; before: string | undefined })[] = [];
  for (const [index, one] of CASES.entries()) {
    const run = createId('run', from);
    const database = `t${String(index).padStart(2, '0')}_${one.mode}`;
    const standing = STANDING[one.standing];
    if (standing !== undefined) {
      await server.query(`CREATE DATABASE ${database}`);
      if (standing !== '') await server.query(standing, database);
      if (one.isPoor) await server.query(`GRANT ALL ON ${database}.* TO poor@'%'`);
    }
    // Questions name databases by their bytes.
    const name = one.at.endsWith('verify') ? encodeHex(database) : database;
    writeFileSync(join(rig.dir, 'hold', `${one.at.replace(' ', '-')}@${name}+${run}`), '');
    const { snapshot, engineId, ...order } = describeOrder(rig, run, backup);
    journalRestore(rig, {
      ...order,
      ...(one.isFile ? { sizeBytes } : { snapshot, engineId }),
      source: { id: ledger.source, kind: 'mariadb', config },
      target: {
        kind: 'database',
        source: ledger.source,
        database,
        mode: one.mode,
        ...(one.isFile ? { from: file } : {}),
        ...(one.mode === 'tables' ? { tables: [{ name: 'a' }, { name: 'b' }] } : {}),
      },
      connection: { kind: 'mariadb', config: one.isPoor ? { ...config, user: 'poor' } : config },
      options: { safetyBackup: one.safetyBackup ?? false },
    });
    const before = standing === undefined ? undefined : await server.dump(database);
    cases.push({ ...one, run, database, before });
  }
  const standing = await listDatabases();

  await killAtHolds(
    rig,
    cases.map(({ run, mode, at }) => ({ run, name: `${mode} ${at}` })),
    async () => {
      for (const { database } of cases.filter(({ isReplaced }) => isReplaced)) {
        await server.query(`DROP DATABASE ${database}; CREATE DATABASE ${database}`);
        await server.query('CREATE TABLE theirs AS SELECT 1 AS x', database);
      }
    },
  );

  const content = await server.dump('shop');
  const showTable = 'SHOW CREATE TABLE b';
  const table = await server.query(showTable, 'shop');
  const stays: string[] = [];
  for (const { mode, standing, at, left, run, database, before, isReplaced } of cases) {
    const name = `${mode} ${at}`;
    const events = rig.listEvents(run);
    const end = readEnd(events);
    if (left === 'new') assert.equal(end.state, 'succeeded', `${name}: ${end.message}`);
    else assert.deepEqual([end.state, end.reason], ['failed', 'interrupted'], `${name}: ${end.message}`);
    if (isReplaced) {
      assert.match(readLog(events), /somebody has made another of that name: it stays as it is/);
      assert.equal(await server.query('SELECT x FROM theirs', database), '1', name);
    }
    if (standing === 'none' && (left === 'new' || isReplaced)) stays.push(database);
    if (standing === 'none' && left === 'old') continue;
    const now = await server.dump(database);
    if (left === 'old') assert.equal(now, before, name);
    else
      assert.equal(await server.query('SELECT count(*), sum(b.a) FROM a JOIN b ON b.a = a.id', database), '2000\t2001000', name);
    if (left === 'new' && mode !== 'data_only') assert.equal(await server.query(showTable, database), table, name);
    if ((mode === 'replace' || standing === 'none') && left === 'new') assert.equal(now, content, name);
  }
  for (const database of stays) await server.query(`DROP DATABASE ${database}`);
  assert.equal(await listDatabases(), standing, 'nothing new stays, nothing private either');
  assert.equal(await rig.kill('SIGTERM'), 0);
});
