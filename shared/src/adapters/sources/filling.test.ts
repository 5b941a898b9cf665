import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mariadbFilling, readNamed } from './mariadb/filling.ts';

test('the thing that a line of a dump names is read as its tool wrote it', () => {
  const cases = [
    ['CREATE TABLE `orders` (', 'table', 'orders'],
    ['CREATE TABLE IF NOT EXISTS `view` (', 'table', 'view'],
    ['DROP TABLE IF EXISTS `a ``b`` (注文)`;', 'table', 'a `b` (注文)'],
    ['DROP TABLE IF EXISTS "a ""b""";', 'table', 'a "b"'],
    ['DROP TABLE IF EXISTS bare;', 'table', 'bare'],
    ['DROP TABLE IF EXISTS `first', 'table', 'first\n'],
    ['/*!50001 DROP VIEW IF EXISTS `few`*/;', 'table', 'few'],
    ['/*!50001 CREATE VIEW `few` AS SELECT', 'table', 'few'],
    ['CREATE SEQUENCE `numbers` start with 1', 'table', 'numbers'],
    ['/*!50003 DROP FUNCTION IF EXISTS `One` */;', 'function', 'One'],
    ['CREATE DEFINER=`root`@`localhost` FUNCTION `One`() RETURNS int(11)', 'function', 'One'],
    ['/*!50003 CREATE*/ /*!50020 DEFINER=`root`@`%`*/ /*!50003 PROCEDURE `tell`(a int)', 'procedure', 'tell'],
    ['CREATE DEFINER=`root`@`localhost` PACKAGE BODY `parcel` AS', 'package', 'parcel'],
    ['/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `nightly` ON SCHEDULE', 'event', 'nightly'],
  ] as const;
  for (const [line, kind, name] of cases) assert.deepEqual(readNamed(line), { kind, name }, line);
  assert.equal(readNamed('CREATE DATABASE `shop`;'), undefined);
});

test('a look through a whole dump finds what it names, in rows of data nothing, and whether it ends as one', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-look-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'look.sed');
  writeFileSync(path, mariadbFilling.look);
  const look = (dump: string) =>
    mariadbFilling.readLook(
      execFileSync('sed', ['-n', '-f', path], { input: dump, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }),
    );
  const dump = [
    'CREATE TABLE `a` (',
    "INSERT INTO `a` VALUES\n(1,'CREATE TABLE `never`'),\n(2,'DROP TABLE `never`');",
    '/*!50001 DROP VIEW IF EXISTS `v`*/;',
    `/*!50001 CREATE VIEW \`v\` AS SELECT ${'1,'.repeat(5000)} 1 */;`,
    'DELIMITER ;;',
    'CREATE DEFINER=`root`@`localhost` PROCEDURE `p`()',
    '-- Dump completed on 2026-11-22',
    '',
  ].join('\n');
  const { isWhole, objects } = look(dump);
  assert.equal(isWhole, true);
  assert.deepEqual([...new Set(objects.map(({ kind, name }) => `${kind} ${name}`))], ['table a', 'table v', 'procedure p']);
  assert.equal(look(dump.replace(/-- Dump completed.*\n/, '')).isWhole, false);
});
