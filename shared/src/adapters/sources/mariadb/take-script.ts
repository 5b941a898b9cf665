/**
 * What the scripts by which content moves into a target are made of. Each runs as one file of statements that end with `//`; names enter as
 * hexadecimal digits and stand in variables of the session, and the server quotes them itself.
 */
import type { ChosenTable, RestoreMode } from '../../../domain/restore.ts';
import { formatHexText } from './sql.ts';

/** The table of the private database that lists what moves; it moves as well, into the database aside, and so shows that all has moved. */
export const MOVES = 'holdfast_moves';

export interface TakeNames {
  target: string;
  scratch: string;
  aside: string;
  code: string;
  mode: RestoreMode;
  tables: readonly ChosenTable[];
}

export const foldCase = (expression: string) => `IF(@@lower_case_table_names = 0, ${expression}, LOWER(${expression}))`;
export const setName = (variable: string, name: string) => `SET @${variable} = ${foldCase(formatHexText(name))}//\n`;
/** Compared by bytes: other letters are another name. */
export const is = (column: string, value: string) => `(${column} = ${value} AND BINARY ${column} = BINARY ${value})`;
export const quote = (expression: string) => `CONCAT('\`', REPLACE(${expression}, '\`', '\`\`'), '\`')`;
export const inDatabase = (database: string, table: string) => `CONCAT(${quote(database)}, '.', ${quote(table)})`;

export function begin({
  target,
  scratch,
  aside,
  code,
}: Pick<TakeNames, 'target' | 'aside' | 'code'> & Partial<Pick<TakeNames, 'scratch'>>): string {
  const scratchName = scratch === undefined ? '' : setName('scratch', scratch);
  return `DELIMITER //
SET SESSION sql_mode = 'STRICT_ALL_TABLES', group_concat_max_len = 1073741824, lock_wait_timeout = 30//
${setName('target', target)}${scratchName}${setName('aside', aside)}${setName('code', code)}`;
}

/** Base tables and sequences. */
export const tablesOf = (database: string, alias = 't') =>
  `information_schema.TABLES ${alias} WHERE ${is(`${alias}.TABLE_SCHEMA`, database)} AND ${alias}.TABLE_TYPE <> 'VIEW'`;
export const isMoved = (column: string) => `EXISTS (SELECT 1 FROM ${MOVES} m WHERE BINARY m.name = BINARY ${column})`;
