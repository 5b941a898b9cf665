import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import { carryOut, createFileOrder, createOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { storeShop } from '../fixtures/stored-shop.ts';

/** The default collation of the database was another one when these were made; lines of a dump stand in their text. */
const SHOP_SQL = `
ALTER DATABASE shop CHARACTER SET latin1 COLLATE latin1_german2_ci;
CREATE TABLE item (id int PRIMARY KEY, name varchar(200));
INSERT INTO item VALUES (1, 'line\\nALTER DATABASE \`shop\` CHARACTER SET latin1 COLLATE latin1_bin ;\\n');
CREATE VIEW cheap AS SELECT id FROM item;
DELIMITER //
CREATE TRIGGER tidy BEFORE INSERT ON item FOR EACH ROW SET NEW.name = trim(NEW.name)//
CREATE FUNCTION said(word char(9)) RETURNS varchar(900) DETERMINISTIC RETURN 'it''s
ALTER DATABASE \`shop\` CHARACTER SET latin1 COLLATE latin1_bin ;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
DELIMITER ;
//'//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DISABLE DO SELECT 1//
DELIMITER ;
ALTER DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE PROCEDURE later(word char(9)) SELECT word;`.replace("//'//", ";;'//");

/** Those of the tool; the text of the program has another collation. */
const dropNames = (dump: string) => dump.replaceAll(/^ALTER DATABASE `\w+` (?!.*latin1_bin)/gm, 'ALTER DATABASE ');

function assertSucceeded(events: readonly DurableEvent[]): void {
  assert.equal(readEnd(events).state, 'succeeded', `${readEnd(events).message}\n${readLog(events)}`);
}

test('A MariaDB database whose default collation was changed', async (t) => {
  const offered = mkdtempSync(join(tmpdir(), 'holdfast-renamed-'));
  t.after(() => rmSync(offered, { recursive: true, force: true }));
  const shop = await storeShop(t, await startMariadb(), SHOP_SQL, { restic: GENERATIONS[1]?.binary ?? '', dumpDirs: [offered] });
  const { rig, server, source, made, before } = shop;
  const collation = (name: string) =>
    server.query(`SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${name}'`);
  /** Of what text without a character set of its own means in each program. */
  const listCollations = (name: string) =>
    server.query(`SELECT ROUTINE_NAME, DATABASE_COLLATION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '${name}'
      UNION SELECT TRIGGER_NAME, DATABASE_COLLATION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '${name}'
      UNION SELECT EVENT_NAME, DATABASE_COLLATION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '${name}' ORDER BY 1`);
  const asStored = await listCollations('shop');
  assert.match(asStored, /later\tutf8mb4_unicode_ci\nnightly\tlatin1_german2_ci/);
  assert.equal(before.match(/^ALTER DATABASE `shop` .* ;;?$/gm)?.length, 7, 'six of the tool, one in a program');
  const restore = (database: string, mode: RestoreMode) => {
    const order = createOrder(rig, source, made, { database, on: server });
    return carryOut(rig, {
      ...order,
      target: { kind: 'database', source: source.id, database, mode },
      options: { safetyBackup: false },
    });
  };

  await t.test('comes back under another name, and the one it was taken of stays as it is', async () => {
    await server.query('ALTER DATABASE shop CHARACTER SET ascii');
    assertSucceeded(await restore('copy', 'new'));
    assert.equal(await collation('shop'), 'ascii_general_ci');
    assert.equal(await collation('copy'), 'utf8mb4_unicode_ci');
    assert.equal(dropNames(await server.dump('copy')), dropNames(before));
    assert.equal(await listCollations('copy'), asStored);
  });

  await t.test('takes the place of one that keeps its own default', async () => {
    await server.query('CREATE DATABASE other CHARACTER SET latin2; CREATE TABLE other.precious (a int)');
    assertSucceeded(await restore('other', 'replace'));
    assert.deepEqual([await collation('other'), await collation('shop')], ['latin2_general_ci', 'ascii_general_ci']);
    assert.equal(await listCollations('other'), asStored);
  });

  await t.test('comes back on a server that never had it, from a file of its dump too', async () => {
    await server.query('DROP DATABASE shop');
    assertSucceeded(await restore('alone', 'new'));
    assert.equal(await listCollations('alone'), asStored);
    writeFileSync(
      join(offered, 'shop.sql'),
      `-- MariaDB dump 10.19\n${before.replace(/RETURN 'it''s[\s\S]*?;;'/, "RETURN 'x'")}\n-- Dump completed\n`,
    );
    const file = createFileOrder(rig, source, join(offered, 'shop.sql'), { database: 'file', on: server });
    assertSucceeded(await carryOut(rig, file));
    assert.equal(await listCollations('file'), asStored);
  });
});
