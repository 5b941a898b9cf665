/**
 * What a MySQL database holds, in two looks as in MariaDB. MySQL has no blocks of statements outside of routines, so that
 * prepared statements count many tables each.
 */
import { RECORD } from '../../../limits.ts';
import type { Command } from '../../command.ts';
import { getText } from '../../config-values.ts';
import type { DatabaseRecording } from '../../record.ts';
import type { PlanInput } from '../../source.ts';
import { createSqlCommand } from '../mariadb/connection.ts';
import { DEFAULTS_SQL, mariadbRecording } from '../mariadb/contents.ts';
import { checkDatabaseName, formatHexText, isNoMark } from '../mariadb/sql.ts';

/** Names of columns and tables, and the statement that counts, are put together on the server. */
const CONCAT_BYTES = 16 * 1024 * 1024;

/** The server keeps what it knows of tables for a day otherwise, the time of the last write too. */
export const FRESH_SQL = `SET SESSION information_schema_stats_expiry = 0, SESSION group_concat_max_len = ${CONCAT_BYTES}`;

/** Names and types; what a view has is known to its server only while all that it names is there. */
const SHAPE = `LEFT(SHA2(CONCAT_WS(CHAR(10), IF(t.TABLE_TYPE = 'VIEW', 'view', 'table'), IF(t.TABLE_TYPE = 'VIEW', NULL, CONCAT_WS(CHAR(10),
  (SELECT GROUP_CONCAT(CONCAT_WS(' ', c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE) ORDER BY c.ORDINAL_POSITION)
    FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME),
  (SELECT GROUP_CONCAT(DISTINCT CONCAT_WS(' ', s.INDEX_NAME, s.NON_UNIQUE) ORDER BY s.INDEX_NAME)
    FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME)))), 256), 16)`;

/** One JSON line for each table and view of the current database; after `FRESH_SQL`. */
export const SHAPES_SQL = `SELECT JSON_OBJECT('table', t.TABLE_NAME, 'shape', ${SHAPE}, 'guess', IF(t.TABLE_TYPE = 'VIEW', NULL, t.TABLE_ROWS),
  'touched', UNIX_TIMESTAMP(t.UPDATE_TIME))
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() AND ${isNoMark('t.TABLE_NAME')} ORDER BY t.TABLE_NAME`;

/** The tables of the current database with their sizes, smallest first. */
export const TABLES_SQL = `SELECT TABLE_NAME, COALESCE(DATA_LENGTH, 0) AS size FROM information_schema.TABLES
  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ${isNoMark()}`;

/** So many tables are counted by one statement: a server keeps only some hundred open. */
const BATCH = 200;
/** Tables beyond these are not counted. */
const BATCHES = 100;

/**
 * One JSON line for each of the first 20,000 of `tables`, smallest first, its name under `key`; after `FRESH_SQL`. Names never leave the
 * server as SQL of ours.
 */
export function createCountSql(key: 'counted' | 'table', tables: string): string {
  const each = `CONCAT('SELECT JSON_OBJECT(''${key}'', CONVERT(0x', HEX(TABLE_NAME), ' USING utf8mb4), ''rows'', (SELECT COUNT(*) FROM \`',
  REPLACE(TABLE_NAME, '\`', '\`\`'), '\`))')`;
  const gather = `SELECT GROUP_CONCAT(${each} ORDER BY size, TABLE_NAME SEPARATOR ' UNION ALL ') INTO @counts
  FROM (SELECT * FROM (${tables}) listed ORDER BY size, TABLE_NAME LIMIT ${BATCH} OFFSET ?) chosen`;
  const step = `SET @at = @at + ${BATCH}; EXECUTE gather USING @at; SET @counts = COALESCE(@counts, 'DO 0'); PREPARE counts FROM @counts; EXECUTE counts`;
  return `SET @gather = ${formatHexText(gather)}; PREPARE gather FROM @gather; SET @at = -${BATCH};
${Array.from({ length: BATCHES }, () => step).join(';\n')}`;
}

function planLook(input: PlanInput, { rows }: { rows: 'small' | 'all' }): Command {
  const limitMs = rows === 'small' ? RECORD.smallMs : RECORD.allMs;
  const small = `SELECT TABLE_NAME, size FROM (SELECT TABLE_NAME, size, SUM(size) OVER (ORDER BY size, TABLE_NAME) AS total FROM (${TABLES_SQL}) sized) running
  WHERE size <= ${RECORD.smallBytes} AND total <= ${RECORD.smallTotalBytes}`;
  const command = createSqlCommand(
    input,
    checkDatabaseName('database', getText(input.config, 'database')),
    `${FRESH_SQL}, SESSION max_execution_time = ${limitMs}, SESSION lock_wait_timeout = ${RECORD.lockMs / 1000};
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;
SELECT JSON_OBJECT('begun', UNIX_TIMESTAMP());
${DEFAULTS_SQL};
${SHAPES_SQL};
${createCountSql('counted', rows === 'small' ? small : TABLES_SQL)}`,
  );
  return { ...command, args: [...command.args, '--unbuffered', '--quick'] };
}

export const mysqlRecording: DatabaseRecording = { ...mariadbRecording, planLook };
