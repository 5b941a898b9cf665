/**
 * What a MariaDB database holds. No session can take over the state that a dump reads, so there are two looks: one whose state is fixed
 * before the dump begins, and one after it. A number counts as exact only where both gave it and nothing was written to the table since
 * the first.
 */

import { RECORD } from '../../../limits.ts';
import type { Command } from '../../command.ts';
import { getText } from '../../config-values.ts';
import type { DatabaseRecording, Look, SeenTable } from '../../record.ts';
import type { PlanInput } from '../../source.ts';
import { parseLookLines } from '../contents.ts';
import { createClientCommand } from './connection.ts';
import { checkDatabaseName, isNoMark } from './sql.ts';

const TABLES = "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')";

/** Names and types; what a view has is known to its server only while all that it names is there. */
const SHAPE = `LEFT(MD5(CONCAT_WS(CHAR(10), IF(t.TABLE_TYPE = 'VIEW', 'view', 'table'), IF(t.TABLE_TYPE = 'VIEW', NULL, CONCAT_WS(CHAR(10),
  (SELECT GROUP_CONCAT(CONCAT_WS(' ', c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE) ORDER BY c.ORDINAL_POSITION)
    FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME),
  (SELECT GROUP_CONCAT(DISTINCT CONCAT_WS(' ', s.INDEX_NAME, s.NON_UNIQUE) ORDER BY s.INDEX_NAME)
    FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME))))), 16)`;

/** One JSON line for each table and view of the current database; statements end with two slashes. */
export const SHAPES_SQL = `SET SESSION group_concat_max_len = 1048576//
SELECT JSON_OBJECT('table', t.TABLE_NAME, 'shape', ${SHAPE}, 'guess', IF(t.TABLE_TYPE = 'VIEW', NULL, t.TABLE_ROWS),
  'touched', UNIX_TIMESTAMP(t.UPDATE_TIME))
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() AND t.${TABLES} AND ${isNoMark('t.TABLE_NAME')} ORDER BY t.TABLE_NAME
`;

/** Names never leave the server as SQL of ours: it quotes them itself. */
function createCountSql(limited: boolean): string {
  const limit = limited ? `WHERE size <= ${RECORD.smallBytes} AND total <= ${RECORD.smallTotalBytes}` : '';
  return `BEGIN NOT ATOMIC
  DECLARE is_done INT DEFAULT 0;
  DECLARE found VARCHAR(64) CHARACTER SET utf8mb4;
  DECLARE tables_found CURSOR FOR SELECT TABLE_NAME FROM
    (SELECT TABLE_NAME, size, SUM(size) OVER (ORDER BY size, TABLE_NAME) AS total FROM
      (SELECT TABLE_NAME, COALESCE(DATA_LENGTH, 0) AS size FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND ${isNoMark()}) sized) running
    ${limit} ORDER BY size, TABLE_NAME;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET is_done = 1;
  OPEN tables_found;
  each_table: LOOP
    FETCH tables_found INTO found;
    IF is_done THEN LEAVE each_table; END IF;
    EXECUTE IMMEDIATE CONCAT('SELECT JSON_OBJECT(''counted'', ', QUOTE(found), ', ''rows'', (SELECT COUNT(*) FROM \`',
      REPLACE(found, '\`', '\`\`'), '\`))');
  END LOOP;
END//
`;
}

/** Statements from a file, in the database of the source; they end with two slashes. */
export function createScriptCommand(input: PlanInput, name: string, statements: string): Command {
  const database = checkDatabaseName('database', getText(input.config, 'database'));
  const path = `${input.workDir}/${name}.sql`;
  const args = [
    '--batch',
    '--raw',
    '--skip-column-names',
    '--unbuffered',
    '--local-infile=0',
    '--abort-source-on-error',
    `--execute=source ${path}`,
  ];
  const command = createClientCommand(input, 'client', database, args);
  return { ...command, files: [...command.files, { path, content: `DELIMITER //\n${statements}` }] };
}

/** The database’s own, which no dump of its content says. */
export const DEFAULTS_SQL = "SELECT JSON_OBJECT('charset', @@character_set_database, 'collation', @@collation_database)";

function planLook(input: PlanInput, { rows }: { rows: 'small' | 'all' }): Command {
  const limitMs = rows === 'small' ? RECORD.smallMs : RECORD.allMs;
  const script = `SET SESSION max_statement_time = ${limitMs / 1000}, SESSION lock_wait_timeout = ${RECORD.lockMs / 1000}//
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ//
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY//
SELECT JSON_OBJECT('begun', UNIX_TIMESTAMP())//
${DEFAULTS_SQL}//
${SHAPES_SQL}//
${createCountSql(rows === 'small')}`;
  return createScriptCommand(input, 'look', script);
}

/** The server tells the time of a write in whole seconds. */
function isCertain(first: SeenTable, second: SeenTable | undefined, begunAt: number): boolean {
  if (!second?.isExact || !first.isExact || first.rows !== second.rows || first.shape !== second.shape) return false;
  return second.touchedAt === undefined || second.touchedAt < Math.floor(begunAt);
}

function settle(first: Look, second: Look | undefined): Look {
  const { begunAt, defaults } = first;
  const after = new Map(second?.tables.map((table) => [table.name, table]));
  const tables = first.tables.map((table) => ({
    ...table,
    isExact: begunAt !== undefined && isCertain(table, after.get(table.name), begunAt),
  }));
  return { begunAt, defaults, tables };
}

export const mariadbRecording: DatabaseRecording = {
  isToBlame: (stderr) => /too many connections|max_user_connections/i.test(stderr),
  planLook,
  parseLook: parseLookLines,
  settle,
};
