/**
 * Foreign keys of tables that move. The name of a key is one of its database, and a table with triggers cannot leave its database: while the
 * old one is there under a private name, it holds the names of its keys. Keys of the new tables that have such a name get a private one before
 * the move, and their own back once the old tables are gone. Both are done without a look at the rows, which satisfy the keys already.
 */
import type { RestoreMode } from '../../../domain/restore.ts';
import { begin, inDatabase, is, isMoved, quote, type TakeNames } from './take-script.ts';

/** The table of the private database that lists such keys; it moves into the database aside with the tables, where the names are read again. */
export const KEYS = 'holdfast_keys';

/** Foreign keys, as `r`. */
const keysOf = (database: string) => `information_schema.REFERENTIAL_CONSTRAINTS r WHERE ${is('r.CONSTRAINT_SCHEMA', database)}`;

/**
 * Asks what is needed to make keys `r` anew: the `child` with its database, the name as `named`, and as `meaning` what comes after the name.
 * `parents` is the database that is referred to; `wanted` are conditions and `more` columns. RESTRICT is what goes without saying; said, it
 * would become NO ACTION. Columns are joined, because a question for each key would read all definitions each time.
 */
export function describeKeys(
  database: string,
  parents: string,
  { wanted, more = '', lists = '' }: { wanted: string; more?: string; lists?: string },
): string {
  const columns = (column: string) => `GROUP_CONCAT(${quote(`k.${column}`)} ORDER BY k.ORDINAL_POSITION SEPARATOR ', ')`;
  const rule = (event: string, column: string) => `IF(${column} = 'RESTRICT', '', CONCAT(' ON ${event} ', ${column}))`;
  return `SELECT ${inDatabase(database, 'r.TABLE_NAME')} AS child, ${quote('r.CONSTRAINT_NAME')} AS named,
      CONCAT(' FOREIGN KEY (', ${columns('COLUMN_NAME')}, ') REFERENCES ', ${inDatabase(parents, 'r.REFERENCED_TABLE_NAME')},
      ' (', ${columns('REFERENCED_COLUMN_NAME')}, ')', ${rule('DELETE', 'r.DELETE_RULE')}, ${rule('UPDATE', 'r.UPDATE_RULE')}) AS meaning${more}
      FROM ${lists}information_schema.KEY_COLUMN_USAGE k JOIN ${keysOf(database)} AND ${is('k.CONSTRAINT_SCHEMA', database)}
      AND ${is('k.TABLE_NAME', 'r.TABLE_NAME')} AND ${is('k.CONSTRAINT_NAME', 'r.CONSTRAINT_NAME')} AND k.REFERENCED_TABLE_NAME IS NOT NULL
      AND ${wanted} GROUP BY BINARY r.TABLE_NAME, BINARY r.CONSTRAINT_NAME`;
}

/** What gives way: all tables of the target, its namesakes of what moves, or none. */
export function describeLeaving(mode: RestoreMode, column: string): string {
  if (mode === 'replace') return 'TRUE';
  return mode === 'clean' || mode === 'tables' ? isMoved(column) : 'FALSE';
}

export const hasTriggers = (column: string) =>
  `BINARY ${column} IN (SELECT BINARY g.EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS g WHERE ${is('g.EVENT_OBJECT_SCHEMA', '@target')})`;

/** Asks for the names of keys that are in the way for ever. InnoDB knows no case in them. */
export function listStayingKeys(mode: RestoreMode): string {
  return `SELECT GROUP_CONCAT(k.CONSTRAINT_NAME SEPARATOR ', ') FROM information_schema.REFERENTIAL_CONSTRAINTS k
    WHERE ${is('k.CONSTRAINT_SCHEMA', '@target')} AND NOT ${describeLeaving(mode, 'k.TABLE_NAME')}
    AND EXISTS (SELECT 1 FROM ${keysOf('@scratch')} AND ${isMoved('r.TABLE_NAME')} AND BINARY LOWER(r.CONSTRAINT_NAME) = BINARY LOWER(k.CONSTRAINT_NAME))`;
}

/** Makes every key `x.child`, `x.named`, `x.meaning` that the question finds anew as `x.anew`, in one statement each. Without the list there are none. */
function makeAnew(database: string, question: string): string {
  return `SET SESSION foreign_key_checks = 0//
BEGIN NOT ATOMIC
  IF EXISTS (SELECT 1 FROM information_schema.TABLES t WHERE ${is('t.TABLE_SCHEMA', database)} AND t.TABLE_NAME = '${KEYS}') THEN
    FOR x IN (${question}) DO
      EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', x.child, ' DROP FOREIGN KEY ', x.named, ', ADD CONSTRAINT ', x.anew, x.meaning, x.way);
    END FOR;
  END IF;
END//
`;
}

/**
 * Finds the keys of a list under one of their names, to give them the other. Where a key's column is one a stored column is made of, the server
 * refuses to add the key in place, and does not take the other way by itself.
 */
function describeListed(database: string, column: 'named' | 'private', anew: 'named' | 'private'): string {
  const way = `IF(BINARY r.TABLE_NAME IN (SELECT BINARY c.TABLE_NAME FROM information_schema.COLUMNS c WHERE ${is('c.TABLE_SCHEMA', database)}
      AND c.EXTRA LIKE '%STORED GENERATED%'), ', ALGORITHM=COPY', '')`;
  return describeKeys(database, 'r.UNIQUE_CONSTRAINT_SCHEMA', {
    lists: `${KEYS} h JOIN `,
    wanted: `BINARY h.child = BINARY r.TABLE_NAME AND BINARY h.${column} = BINARY r.CONSTRAINT_NAME`,
    more: `, ${quote(`h.${anew}`)} AS anew, ${way} AS way`,
  });
}

/**
 * Gives private names to keys of what moves, with the private database as the default one. A key whose name begins with that of its table and
 * `_ibfk_` changes it with the table's, so an old one is in nobody's way.
 */
export function createHoldKeysSql(names: TakeNames): string {
  return `${begin(names)}CREATE TABLE ${KEYS} (child VARCHAR(255), named VARCHAR(255), private VARCHAR(64)) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin//
INSERT INTO ${KEYS} SELECT f.child, f.named, CONCAT(@aside, '_key_', ROW_NUMBER() OVER (ORDER BY f.child, f.named))
  FROM (SELECT r.TABLE_NAME AS child, r.CONSTRAINT_NAME AS named FROM information_schema.REFERENTIAL_CONSTRAINTS k JOIN ${keysOf('@scratch')}
    AND ${isMoved('r.TABLE_NAME')} AND ${is('k.CONSTRAINT_SCHEMA', '@target')} AND ${describeLeaving(names.mode, 'k.TABLE_NAME')}
    AND k.CONSTRAINT_NAME = r.CONSTRAINT_NAME AND ${hasTriggers('k.TABLE_NAME')}
    AND BINARY LEFT(k.CONSTRAINT_NAME, CHAR_LENGTH(k.TABLE_NAME) + 6) <> BINARY CONCAT(k.TABLE_NAME, '_ibfk_')
    GROUP BY BINARY r.TABLE_NAME, BINARY r.CONSTRAINT_NAME) f//
${makeAnew('@scratch', describeListed('@scratch', 'named', 'private'))}`;
}

/** Gives them their names back, with the database aside as the default one; each key is found under one of its names, wherever this is cut. */
export function createNameKeysSql(names: Pick<TakeNames, 'target' | 'aside' | 'code'>): string {
  return `${begin(names)}${makeAnew('@aside', describeListed('@target', 'private', 'named'))}`;
}
