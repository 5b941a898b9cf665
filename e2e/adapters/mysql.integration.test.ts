import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { DatabaseServer } from '../../agent/src/handlers/fixtures/database-servers.ts';
import { getMysqlFolder, startMysql } from '../../agent/src/handlers/fixtures/mysql-server.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { type CommandRunner, createCommandRunner } from './command-run.ts';
import {
  dropTarget,
  findProbeFailure,
  getDataDump,
  inspectTarget,
  type ProvedSource,
  restoreDump,
  takeDumps,
  verifyTarget,
} from './database-proof.ts';

const HOSTILE_NAMES = ['we"ird\'; DROP -- \n é注文', '--option', 'back\\', 'back`tick', '%'];
/** What both families can dump. */
const SHOP_SQL = `
CREATE TABLE customer (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(200) COLLATE utf8mb4_0900_as_cs, facts json, photo longblob,
  joined datetime(6), stamped timestamp NULL, bits bit(17), spot point SRID 4326, secret int DEFAULT 7 INVISIBLE, token char(36) DEFAULT (uuid()),
  KEY loud ((upper(name))), KEY late (joined DESC), CHECK (secret > 0)) AUTO_INCREMENT = 1000;
INSERT INTO customer (name, facts, photo, joined, stamped, bits, spot, secret) VALUES
  ('O''Brien \\\\ "quoted"\\t\\n🦔', '{"k": [1, null, "é🦔"]}', x'00ff0027225c1a', '9999-12-31 23:59:59.999999', '2024-02-29 23:59:59', b'10000000000000001', ST_GeomFromText('POINT(1 2)', 4326), 9),
  ('', NULL, '', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE \`Bestellung \`\`groß\`\` 注文\` (id int PRIMARY KEY, customer bigint unsigned, FOREIGN KEY (customer) REFERENCES customer (id));
INSERT INTO \`Bestellung \`\`groß\`\` 注文\` VALUES (1, 1000);
CREATE TABLE part (year int) PARTITION BY RANGE (year) (PARTITION old VALUES LESS THAN (2020), PARTITION recent VALUES LESS THAN MAXVALUE);
CREATE VIEW named AS SELECT id FROM customer WHERE name <> '';
DELIMITER //
CREATE TRIGGER tidy BEFORE INSERT ON customer FOR EACH ROW SET NEW.name = trim(NEW.name)//
CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC BEGIN RETURN n * 2; -- 'quotes'
END//
CREATE PROCEDURE forget(IN who bigint) COMMENT 'löscht 🦔' BEGIN DELETE FROM customer WHERE id = who; END//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DO DELETE FROM customer//
DELIMITER ;`;
const OWN_SQL = `CREATE TABLE own (id int, twice int AS (id * 2) STORED, thrice int AS (id * 3), place VECTOR(3));
INSERT INTO own (id, place) VALUES (1, STRING_TO_VECTOR('[1,2,3]'));`;
/** As the guide says. */
const GRANTS = 'GRANT SELECT, SHOW VIEW, TRIGGER, LOCK TABLES, EVENT ON *.* TO holdfast';

const FAMILIES = [
  { title: 'MySQL’s own clients', tools: ['mysql', 'mysqldump'], sql: `${SHOP_SQL}\n${OWN_SQL}` },
  { title: 'MariaDB’s clients', tools: ['mariadb', 'mariadb-dump'], sql: SHOP_SQL },
] as const;

const adapter = getSourceAdapter('mysql');
let mysql: DatabaseServer;
let runner: CommandRunner;

before(async () => {
  mysql = await startMysql();
  runner = await createCommandRunner('adapter-mysql', getMysqlFolder());
  await mysql.query(
    `CREATE USER holdfast IDENTIFIED BY 'least'; ${GRANTS}; CREATE USER weak IDENTIFIED BY 'weak'; CREATE USER half IDENTIFIED BY 'half'`,
  );
});
after(async () => {
  await runner?.remove();
  await mysql?.remove();
});

for (const { title, tools, sql } of FAMILIES) {
  const database = `shop_of_${tools[0]}`;
  describe(`A MySQL server and ${title}`, () => {
    const createSource = (change: Config = {}, password = mysql.password): ProvedSource => ({
      ...{ adapter, runner, tools },
      config: { host: '127.0.0.1', port: mysql.port, user: mysql.user, database, ...change },
      secrets: password === '' ? {} : { password },
    });
    const probe = async (source: ProvedSource) => {
      const look = adapter.planProbe({ ...source, workDir: runner.workDir });
      assert.ok(look);
      return adapter.parseProbe(await runner.run(look));
    };
    const dump = async (source: ProvedSource) => {
      const [artifact] = adapter.planBackup({ ...source, workDir: runner.workDir }, await probe(createSource()));
      assert.ok(artifact?.kind === 'stream');
      return runner.run(artifact.producer);
    };

    before(async () => {
      await mysql.query(`CREATE DATABASE \`${database}\``);
      await mysql.query(sql, database);
    });

    it('bring a database back under a hostile name, as it was', async () => {
      const target = `we"ird'; DROP -- \n é注文 of ${tools[0]}`;
      const source = createSource();
      assert.deepEqual(await restoreDump(source, target, getDataDump(await takeDumps(source))), { ok: true, warnings: [] });
      assert.equal(await mysql.dump(target), await mysql.dump(database));
      assert.equal((await inspectTarget(source, target)).empty, false);
      const { seen } = await verifyTarget(source, target);
      await mysql.query('CREATE DATABASE IF NOT EXISTS empty_one');
      assert.equal(
        (await takeDumps(createSource({ database: 'empty_one' }))).length,
        1,
        'an empty database is no dump that is too small',
      );
      assert.match(seen, /^[34] tables .* 1 views, 2 routines, 1 triggers, 1 events$/);
      await dropTarget(source, target);
    });

    it('dump it whole with the rights of the guide and no more, in a transaction or under locks, with and without TLS', async () => {
      for (const consistency of ['transaction', 'lock']) {
        for (const sslMode of ['disable', 'require']) {
          // What the server remembers of a password would let a plain connection in.
          await mysql.query('FLUSH PRIVILEGES');
          const source = createSource({ user: 'holdfast', consistency, sslMode }, 'least');
          assert.deepEqual((await probe(source)).warnings, []);
          const bytes = getDataDump(await takeDumps(source));
          assert.equal((await restoreDump(createSource(), 'least', bytes)).ok, true);
          assert.equal(await mysql.dump('least'), await mysql.dump(database));
          await dropTarget(createSource(), 'least');
        }
      }
    });

    it('list databases with hostile names, and none of the system, and bring each back', async () => {
      for (const name of HOSTILE_NAMES)
        await mysql.query(
          `CREATE DATABASE IF NOT EXISTS \`${name.replaceAll('`', '``')}\`; CREATE TABLE IF NOT EXISTS \`${name.replaceAll('`', '``')}\`.t (a int)`,
        );
      const { discovery } = adapter;
      assert.ok(discovery);
      const found = discovery.parse((await runner.run(discovery.plan({ ...createSource(), workDir: runner.workDir }))).stdout);
      const names = found.map(({ name }) => name);
      for (const name of [...HOSTILE_NAMES, database]) assert.ok(names.includes(name), JSON.stringify(name));
      for (const name of ['mysql', 'sys', 'information_schema', 'performance_schema']) assert.ok(!names.includes(name), name);
      for (const name of HOSTILE_NAMES) {
        const source = createSource({ database: name });
        assert.equal(
          (await restoreDump(source, `${name}2`, getDataDump(await takeDumps(source)))).ok,
          true,
          JSON.stringify(name),
        );
        await dropTarget(source, `${name}2`);
      }
    });

    it('tell wrong password, missing database, missing rights and no server apart', async () => {
      assert.equal(await findProbeFailure(createSource({}, 'wrong')), 'database_authentication');
      assert.equal(await findProbeFailure(createSource({}, '')), 'database_authentication');
      assert.equal(await findProbeFailure(createSource({ database: 'no such db' })), 'database_missing');
      assert.equal(await findProbeFailure(createSource({ port: await findFreePort('127.0.0.1') })), 'database_unreachable');
      assert.equal(await findProbeFailure(createSource({ host: 'no-such-host.invalid' })), 'database_unreachable');
      assert.equal(await findProbeFailure(createSource({ host: '/no/such/socket' })), 'database_unreachable');
      assert.equal(await findProbeFailure(createSource({ user: 'weak' }, 'weak')), 'database_permission');
      const warnings = async (grants: string) => {
        await mysql.query(`DROP USER half; CREATE USER half IDENTIFIED BY 'half'; ${grants}`);
        return (await probe(createSource({ user: 'half' }, 'half'))).warnings.map((text) => /TRIGGER|routines/.exec(text)?.[0]);
      };
      assert.deepEqual(await warnings(`GRANT SELECT ON ${database}.* TO half`), ['TRIGGER', 'routines']);
      const narrow = `GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON ${database}.* TO half; GRANT SHOW_ROUTINE ON *.* TO half`;
      assert.deepEqual(await warnings(narrow), []);
    });

    it('fail where the dump is not whole, whatever option files of the agent’s user say', async () => {
      await writeFile(
        join(dirname(runner.workDir), '.my.cnf'),
        '[client]\nforce\n[mysqldump]\nforce\nskip-comments\nskip-triggers\nno-data\n',
      );
      const whole = await dump(createSource());
      assert.match(whole.stdout, /INSERT INTO[\s\S]*TRIGGER[\s\S]*-- Dump completed/);
      await mysql.query(
        'DROP DATABASE IF EXISTS broken; CREATE DATABASE broken; USE broken; CREATE TABLE a (n INT); CREATE VIEW b AS SELECT n FROM a; DROP TABLE a',
      );
      const broken = await dump(createSource({ database: 'broken' }));
      assert.notEqual(broken.exitCode, 0);
      assert.doesNotMatch(broken.stdout, /Dump completed/);
      assert.equal(adapter.classifyFailure(await dump(createSource({ database: 'gone' }))).reason, 'database_missing');
      await mysql.query(`DROP USER half; CREATE USER half IDENTIFIED BY 'half'; GRANT SELECT ON ${database}.* TO half`);
      const denied = await dump(createSource({ user: 'half' }, 'half'));
      assert.notEqual(denied.exitCode, 0);
      assert.equal(adapter.classifyFailure(denied).reason, 'database_permission');
    });

    it('give a hostile dump nothing of the host, and call garbage a failed restore', async () => {
      const mark = join(runner.workDir, 'reached');
      const source = createSource();
      const head = '/*M!999999\\- enable the sandbox mode */ \n';
      for (const text of [
        `\\! touch ${mark}\n`,
        `system touch ${mark}\nSELECT 1;\n`,
        `${head}\\T ${mark}\nSELECT 1;\n`,
        'garbage\n',
      ]) {
        const verdict = await restoreDump(source, 'attacked', Buffer.from(text));
        assert.equal(verdict.ok, false, text);
        assert.equal(existsSync(mark), false, text);
        await dropTarget(source, 'attacked');
      }
    });
  });
}

describe('A MySQL server', () => {
  const input = (tools: (typeof FAMILIES)[number]['tools'], database: string): ProvedSource => ({
    ...{ adapter, runner, tools },
    config: { host: '127.0.0.1', port: mysql.port, user: mysql.user, database },
    secrets: { password: mysql.password },
  });
  const [own, others] = [FAMILIES[0].tools, FAMILIES[1].tools];

  it('takes the dump of either family through the client of the other', async () => {
    for (const [dumped, restored] of [
      [own, others],
      [others, own],
    ] as const) {
      const bytes = getDataDump(await takeDumps(input(dumped, 'shop_of_mariadb')));
      assert.deepEqual(await restoreDump(input(restored, 'shop_of_mariadb'), 'crossed', bytes), { ok: true, warnings: [] });
      assert.equal(await mysql.dump('crossed'), await mysql.dump('shop_of_mariadb'));
      await dropTarget(input(own, 'shop_of_mariadb'), 'crossed');
    }
  });

  it('with columns that MariaDB’s clients cannot dump is refused before anything is read, with what to do', async () => {
    for (const column of ['b int AS (a + 1)', 'b VECTOR(2)']) {
      await mysql.query(`DROP DATABASE IF EXISTS beyond; CREATE DATABASE beyond; CREATE TABLE beyond.t (a int, ${column})`);
      await takeDumps(input(own, 'beyond'));
      await assert.rejects(
        takeDumps(input(others, 'beyond')),
        (error) =>
          error instanceof AppError && findReason(error) === 'tool_missing' && /1 columns .* mysqldump/.test(error.message),
      );
    }
  });

  it('is no source of the kind of MariaDB', async () => {
    const source = { ...input(others, 'shop_of_mariadb'), adapter: getSourceAdapter('mariadb') };
    await assert.rejects(
      takeDumps(source),
      (error) => error instanceof AppError && error.code === 'unsupported' && /“MySQL database”/.test(error.message),
    );
  });
});
