import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import { carryOut, createOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { storeShop } from '../fixtures/stored-shop.ts';

/** As long as a name may be. */
const SELF = 'self «注文» "x" `y` \'s\' $(z) %s -- //'.padEnd(64, '_');
const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;

/** Keys that a person has named, on tables with triggers, and all that a key can say. */
const STOCK_SQL = `
DELIMITER ;;
CREATE TABLE item (id int PRIMARY KEY, up int, last int,
  CONSTRAINT ${quote(SELF)} FOREIGN KEY (up) REFERENCES item (id) ON DELETE SET NULL ON UPDATE CASCADE);;
CREATE TABLE movement (id int PRIMARY KEY, item int, a int, b int, KEY by_item (item, id),
  CONSTRAINT of_item FOREIGN KEY (item) REFERENCES item (id) ON UPDATE NO ACTION,
  CONSTRAINT afar FOREIGN KEY (a, b) REFERENCES far.pairs (a, b) ON DELETE RESTRICT,
  FOREIGN KEY (id) REFERENCES item (id) ON DELETE CASCADE);;
ALTER TABLE item ADD CONSTRAINT of_last FOREIGN KEY (last) REFERENCES movement (id);;
CREATE TABLE counted (id int PRIMARY KEY, pair int, other int, twice int GENERATED ALWAYS AS (pair * 2) STORED,
  CONSTRAINT of_pair FOREIGN KEY (pair) REFERENCES item (id) ON DELETE CASCADE) WITH SYSTEM VERSIONING;;
INSERT INTO item (id) SELECT seq FROM seq_1_to_200;;
INSERT INTO movement SELECT seq, seq, 1, 2 FROM seq_1_to_100;;
UPDATE item SET up = 1, last = 7 WHERE id BETWEEN 2 AND 9;;
INSERT INTO counted (id, pair) SELECT seq, seq FROM seq_1_to_50;;
CREATE TRIGGER on_item BEFORE INSERT ON item FOR EACH ROW SET NEW.id = abs(NEW.id);;
CREATE TRIGGER on_movement AFTER INSERT ON movement FOR EACH ROW UPDATE item SET last = NEW.id WHERE id = NEW.item;;
CREATE TRIGGER on_counted BEFORE UPDATE ON counted FOR EACH ROW SET NEW.other = 1;;`;

test('A restore over MariaDB tables with triggers, whose foreign keys a person has named', async (t) => {
  const server = await startMariadb();
  await server
    .query('CREATE DATABASE far; CREATE TABLE far.pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO far.pairs VALUES (1, 2)')
    .catch(async (error: unknown) => {
      await server.remove();
      throw error;
    });
  const { rig, source, made, before } = await storeShop(t, server, STOCK_SQL, { restic: GENERATIONS[1]?.binary ?? '' });
  const listNames = () => server.query('SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1');
  const listKeys = () =>
    server.query('SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS ORDER BY 1, 2');
  const names = await listNames();
  const keys = await listKeys();
  const run = (database: string, mode: RestoreMode, tables?: readonly string[]) => {
    const chosen = tables?.map((name) => ({ name }));
    return carryOut(rig, {
      ...createOrder(rig, source, made, { database, on: server }),
      target: { kind: 'database', source: source.id, database, mode, ...(chosen ? { tables: chosen } : {}) },
      options: { acceptOlderServer: false, safetyBackup: false },
    });
  };
  const succeed = async (...wish: Parameters<typeof run>) => {
    const events = await run(...wish);
    assert.equal(readEnd(events).state, 'succeeded', `${readEnd(events).message}\n${readLog(events)}`);
  };
  const makeDamaged = async (name: string) => {
    await server.query(`CREATE DATABASE ${name}`);
    await server.query(before, name);
    await server.query('SET foreign_key_checks = 0; DELETE FROM movement; UPDATE item SET up = 3', name);
    assert.notEqual(await server.dump(name), before);
  };
  const remove = async (name: string) => {
    await server.query(`SET foreign_key_checks = 0; DROP DATABASE ${name}`);
    assert.deepEqual([await listNames(), await listKeys()], [names, keys]);
  };

  for (const mode of ['replace', 'clean'] as const)
    await t.test(`brings all tables and keys back as they were, by ${mode}`, async () => {
      await makeDamaged('whole');
      await succeed('whole', mode);
      assert.equal(await server.dump('whole'), before);
      await assert.rejects(server.query('INSERT INTO movement VALUES (150, 999, 1, 2)', 'whole'), /of_item/);
      await assert.rejects(server.query('INSERT INTO movement VALUES (150, 1, 9, 9)', 'whole'), /afar/);
      await remove('whole');
    });

  await t.test('brings chosen tables back whose keys refer to each other and to tables that stay', async () => {
    await makeDamaged('chosen');
    await succeed('chosen', 'tables', ['item', 'movement', 'counted']);
    assert.equal(await server.dump('chosen'), before);
    await server.query('UPDATE counted SET other = 5; DELETE FROM counted WHERE id > 20', 'chosen');
    await succeed('chosen', 'tables', ['counted']);
    assert.equal(await server.dump('chosen'), before);
    await remove('chosen');
  });

  await t.test('takes a name back that another table with triggers has held', async () => {
    await server.query(`CREATE DATABASE other; CREATE TABLE other.item (id int PRIMARY KEY);
      CREATE TABLE other.bills (id int, item int, CONSTRAINT OF_ITEM FOREIGN KEY (item) REFERENCES other.item (id),
        CONSTRAINT movement_ibfk_1 FOREIGN KEY (item) REFERENCES other.item (id));
      CREATE TRIGGER other.count_up BEFORE INSERT ON other.bills FOR EACH ROW SET NEW.id = 1`);
    await succeed('other', 'replace');
    assert.equal(await server.dump('other'), before);
    await remove('other');
  });

  await t.test('is refused where a table that stays has the name of such a key', async () => {
    await server.query(`CREATE DATABASE later; CREATE TABLE later.own (id int PRIMARY KEY);
      CREATE TABLE later.bills (id int, own int, CONSTRAINT of_item FOREIGN KEY (own) REFERENCES later.own (id))`);
    const untouched = await server.dump('later');
    for (const mode of ['clean', 'append', 'tables'] as const) {
      const end = readEnd(await run('later', mode, mode === 'tables' ? ['item', 'movement'] : undefined));
      assert.deepEqual([end.state, end.reason], ['failed', 'target_refused'], end.message);
      assert.match(end.message, /^tables that stay have foreign keys with names that the backup has as well: of_item/);
      assert.equal(await server.dump('later'), untouched);
    }
    await succeed('later', 'replace');
    assert.equal(await server.dump('later'), before);
    await remove('later');
  });
});
