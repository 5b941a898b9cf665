import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { StreamArtifact } from '@holdfast/shared/adapters/source.ts';
import { type CommandRunner, createCommandRunner } from '../adapters/command-run.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';

const adapter = getSourceAdapter('mariadb');
/** How often the writer has written before the dump begins and after it has ended. */
const SOME_ROWS = 50;

let mariadb: MariadbHandle;
let runner: CommandRunner;

before(async () => {
  mariadb = await startMariadb();
  runner = await createCommandRunner('fault-dumps');
});
after(async () => {
  await runner?.remove();
  await mariadb?.stop();
});

async function takeDump(database: string, change: Config = {}) {
  const config = { host: mariadb.host, port: mariadb.port, user: mariadb.superuser, database, ...change };
  const input = { config, secrets: { password: mariadb.password }, workDir: runner.workDir };
  const look = adapter.planProbe(input);
  assert.ok(look);
  const probe = adapter.parseProbe(await runner.run(look));
  const [artifact] = adapter.planBackup(input, probe) as readonly StreamArtifact[];
  assert.ok(artifact);
  return { artifact, probe, outcome: await runner.run(artifact.producer) };
}

/** Options in the home of the agent's user that would make dumps incomplete, or good ones look bad. */
const writeCarelessOptions = () =>
  writeFile(
    join(dirname(runner.workDir), '.my.cnf'),
    '[client]\nforce\n[mysqldump]\nforce\nskip-comments\nskip-triggers\nno-data\n[mariadb-dump]\nforce\nskip-comments\nno-data\n',
  );

describe('A dump of MariaDB beside an option file of the agent’s user', { timeout: 120_000 }, () => {
  it('does not go on after an error, and its exit code says so', async () => {
    await writeCarelessOptions();
    await mariadb.query(
      'CREATE DATABASE broken; USE broken; CREATE TABLE a (n INT); CREATE VIEW b AS SELECT n FROM a; DROP TABLE a; CREATE TABLE c (n INT)',
    );
    const { outcome, artifact } = await takeDump('broken');
    assert.notEqual(outcome.exitCode, 0);
    assert.doesNotMatch(outcome.stdout, /Dump completed/);
    // The same dump told to go on: it reaches its end, has its trailer, and only the exit code knows.
    const [first = '', ...others] = artifact.producer.args;
    const forced = await runner.run({ ...artifact.producer, args: [first, '--force', ...others] });
    assert.match(forced.stdout, /Dump completed/);
    assert.notEqual(forced.exitCode, 0);
  });

  it('is whole, and begins as its format says', async () => {
    await writeCarelessOptions();
    await mariadb.fillDatabase('whole', 1);
    const { outcome, artifact } = await takeDump('whole');
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stdout, /INSERT INTO/);
    assert.match(outcome.stdout, /TRIGGER/);
    assert.match(outcome.stdout, /-- Dump completed/);
    assert.ok(artifact.magicHex.some((magic) => outcome.bytes.toString('hex', 0, magic.length / 2) === magic));
  });
});

describe('Tables without transactions that are written to during a dump', { timeout: 180_000 }, () => {
  /** Writes each number to `first`, then to `second`, until told to stop. */
  const write = async (database: string, isOver: () => boolean, onRows: (rows: number) => void) => {
    for (let n = 1; !isOver(); n += 1) {
      await mariadb.query(`INSERT INTO first VALUES (${n}); INSERT INTO second VALUES (${n})`, database);
      onRows(n);
    }
  };
  const countRows = (dump: string, table: string) =>
    [...dump.matchAll(new RegExp(`INSERT INTO \`${table}\` VALUES\\n?([\\s\\S]*?);\\n`, 'g'))].reduce(
      (sum, [, rows = '']) => sum + (rows.match(/\(\d+\)/g)?.length ?? 0),
      0,
    );

  const dumpWhileWriting = async (database: string, change: Config) => {
    // What lies between the two takes the dump a while.
    await mariadb.query(
      `CREATE DATABASE ${database}; USE ${database};
       CREATE TABLE first (n INT) ENGINE=MyISAM; CREATE TABLE second (n INT) ENGINE=MyISAM;
       CREATE TABLE middle (t LONGTEXT) ENGINE=MyISAM; INSERT INTO middle SELECT REPEAT('x', 1000000) FROM seq_1_to_100`,
    );
    let rows = 0;
    let isOver = false;
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const writer = write(
      database,
      () => isOver,
      (n) => {
        rows = n;
        if (n >= SOME_ROWS) resolve();
      },
    );
    await Promise.race([enough, writer]);
    const before = rows;
    const taken = await takeDump(database, change);
    isOver = true;
    await writer;
    assert.equal(taken.outcome.exitCode, 0, taken.outcome.stderr);
    const [first, second] = [countRows(taken.outcome.stdout, 'first'), countRows(taken.outcome.stdout, 'second')];
    assert.ok(first >= before && second >= before, `${first} and ${second} rows of at least ${before}`);
    return { ...taken, first, second };
  };

  it('are warned of, because one transaction does not hold them together', async () => {
    const { probe } = await dumpWhileWriting('torn', { consistency: 'transaction' });
    assert.match(probe.warnings.join('\n'), /3 tables have an engine without transactions/);
  });

  it('are in step in the dump when the tables are locked', async () => {
    const { first, second } = await dumpWhileWriting('locked', { consistency: 'lock' });
    assert.ok(first - second === 0 || first - second === 1, `${first} rows beside ${second}`);
  });
});
