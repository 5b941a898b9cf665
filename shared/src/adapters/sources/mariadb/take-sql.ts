/**
 * The scripts by which content moves from a private database into the target. Each runs as one file of statements that end with `//`, with
 * the private database, or the target, as the default one. Names enter as hexadecimal digits; the server quotes them itself.
 */
import type { ChosenTable, RestoreMode } from '../../../domain/restore.ts';
import { encodeHex } from '../database.ts';
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

/** What a script of ours says when it refuses begins with this word. */
export const REFUSAL = 'holdfast: ';

const MESSAGE_CHARS = 500;

const foldCase = (expression: string) => `IF(@@lower_case_table_names = 0, ${expression}, LOWER(${expression}))`;
const setName = (variable: string, name: string) => `SET @${variable} = ${foldCase(formatHexText(name))}//\n`;
/** Compared by bytes: other letters are another name. */
const is = (column: string, value: string) => `(${column} = ${value} AND BINARY ${column} = BINARY ${value})`;
const quote = (expression: string) => `CONCAT('\`', REPLACE(${expression}, '\`', '\`\`'), '\`')`;
const inDatabase = (database: string, table: string) => `CONCAT(${quote(database)}, '.', ${quote(table)})`;

function begin({
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
const tablesOf = (database: string, alias = 't') =>
  `information_schema.TABLES ${alias} WHERE ${is(`${alias}.TABLE_SCHEMA`, database)} AND ${alias}.TABLE_TYPE <> 'VIEW'`;
const IS_MOVED = (column: string) => `EXISTS (SELECT 1 FROM ${MOVES} m WHERE BINARY m.name = BINARY ${column})`;

/** Ends the script with a sentence when the question finds names. */
function refuse(words: string, question: string): string {
  return `  SET found = (${question});
  IF found IS NOT NULL THEN
    SET found = LEFT(CONCAT('${REFUSAL}${words}: ', found), ${MESSAGE_CHARS});
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = found;
  END IF;
`;
}

const listed = (name: string) => `GROUP_CONCAT(${name} SEPARATOR ', ')`;

/** Tables outside the ones that give way must not refer to them: the reference would go away with the old ones. */
const OUTSIDERS = (isReplaced: string) => `SELECT GROUP_CONCAT(DISTINCT CONCAT(k.TABLE_SCHEMA, '.', k.TABLE_NAME) SEPARATOR ', ')
    FROM information_schema.KEY_COLUMN_USAGE k WHERE ${is('k.REFERENCED_TABLE_SCHEMA', '@target')}
    AND ${isReplaced.replaceAll('$', 'k.REFERENCED_TABLE_NAME')} AND NOT (${is('k.TABLE_SCHEMA', '@target')} AND ${isReplaced.replaceAll('$', 'k.TABLE_NAME')})`;

const TAKEN_NAMES = `SELECT GROUP_CONCAT(found_name SEPARATOR ', ') FROM (
    SELECT t.TABLE_NAME AS found_name FROM information_schema.TABLES t WHERE ${is('t.TABLE_SCHEMA', '@target')}
      AND EXISTS (SELECT 1 FROM information_schema.TABLES s WHERE ${is('s.TABLE_SCHEMA', '@scratch')} AND s.TABLE_NAME = t.TABLE_NAME AND s.TABLE_NAME <> '${MOVES}')
    UNION ALL SELECT t.ROUTINE_NAME FROM information_schema.ROUTINES t WHERE ${is('t.ROUTINE_SCHEMA', '@target')}
      AND EXISTS (SELECT 1 FROM information_schema.ROUTINES s WHERE ${is('s.ROUTINE_SCHEMA', '@scratch')} AND s.ROUTINE_NAME = t.ROUTINE_NAME AND s.ROUTINE_TYPE = t.ROUTINE_TYPE)
    UNION ALL SELECT t.EVENT_NAME FROM information_schema.EVENTS t WHERE ${is('t.EVENT_SCHEMA', '@target')}
      AND EXISTS (SELECT 1 FROM information_schema.EVENTS s WHERE ${is('s.EVENT_SCHEMA', '@scratch')} AND s.EVENT_NAME = t.EVENT_NAME)
    UNION ALL SELECT t.TRIGGER_NAME FROM information_schema.TRIGGERS t WHERE ${is('t.TRIGGER_SCHEMA', '@target')}
      AND EXISTS (SELECT 1 FROM information_schema.TRIGGERS s WHERE ${is('s.TRIGGER_SCHEMA', '@scratch')} AND s.TRIGGER_NAME = t.TRIGGER_NAME)) taken`;

/** A table where the backup has a view, and the other way round. */
const OTHER_KINDS = `SELECT ${listed('t.TABLE_NAME')} FROM information_schema.TABLES t WHERE ${is('t.TABLE_SCHEMA', '@target')} AND
    IF(t.TABLE_TYPE = 'VIEW', ${IS_MOVED('t.TABLE_NAME')}, NOT ${IS_MOVED('t.TABLE_NAME')} AND EXISTS (SELECT 1 FROM information_schema.VIEWS s
      WHERE ${is('s.TABLE_SCHEMA', '@scratch')} AND s.TABLE_NAME = t.TABLE_NAME))`;

const VIEWS_IN_THE_WAY = `SELECT ${listed('t.TABLE_NAME')} FROM information_schema.VIEWS t WHERE ${is('t.TABLE_SCHEMA', '@target')} AND ${IS_MOVED('t.TABLE_NAME')}`;

/** A trigger's name is one of the database, whatever table it is of. */
const FOREIGN_TRIGGERS = `SELECT ${listed('t.TRIGGER_NAME')} FROM information_schema.TRIGGERS t WHERE ${is('t.TRIGGER_SCHEMA', '@target')}
    AND NOT ${IS_MOVED('t.EVENT_OBJECT_TABLE')} AND EXISTS (SELECT 1 FROM information_schema.TRIGGERS s WHERE ${is('s.TRIGGER_SCHEMA', '@scratch')}
      AND ${IS_MOVED('s.EVENT_OBJECT_TABLE')} AND s.TRIGGER_NAME = t.TRIGGER_NAME)`;

const MISSING_IN_TARGET = `SELECT ${listed('m.name')} FROM ${MOVES} m WHERE NOT EXISTS (SELECT 1 FROM ${tablesOf('@target')} AND BINARY t.TABLE_NAME = BINARY m.name)`;
const WITHOUT_TRANSACTIONS = `SELECT ${listed('t.TABLE_NAME')} FROM ${tablesOf('@target')} AND ${IS_MOVED('t.TABLE_NAME')} AND t.TABLE_TYPE <> 'SEQUENCE'
    AND t.ENGINE NOT IN (SELECT e.ENGINE FROM information_schema.ENGINES e WHERE e.TRANSACTIONS = 'YES')`;
const FIRING = `SELECT GROUP_CONCAT(DISTINCT t.EVENT_OBJECT_TABLE SEPARATOR ', ') FROM information_schema.TRIGGERS t WHERE ${is('t.TRIGGER_SCHEMA', '@target')}
    AND t.EVENT_MANIPULATION = 'INSERT' AND ${IS_MOVED('t.EVENT_OBJECT_TABLE')}`;

/**
 * A table with triggers cannot leave its database, so it only gets another name there; InnoDB then leaves the name of a foreign key, which is one
 * of the database, unless it made that name itself.
 */
const HELD_KEYS = `SELECT ${listed('k.CONSTRAINT_NAME')} FROM information_schema.REFERENTIAL_CONSTRAINTS k WHERE ${is('k.CONSTRAINT_SCHEMA', '@target')}
    AND EXISTS (SELECT 1 FROM information_schema.TRIGGERS g WHERE ${is('g.EVENT_OBJECT_SCHEMA', '@target')} AND g.EVENT_OBJECT_TABLE = k.TABLE_NAME)
    AND LEFT(k.CONSTRAINT_NAME, CHAR_LENGTH(k.TABLE_NAME) + 6) <> CONCAT(k.TABLE_NAME, '_ibfk_')
    AND EXISTS (SELECT 1 FROM information_schema.REFERENTIAL_CONSTRAINTS s WHERE ${is('s.CONSTRAINT_SCHEMA', '@scratch')}
      AND ${IS_MOVED('s.TABLE_NAME')} AND s.CONSTRAINT_NAME = k.CONSTRAINT_NAME)`;
const HELD_KEYS_WORDS =
  'tables with triggers have foreign keys that are named as in the backup, and cannot be moved aside; restore under a new name';

function listRefusals(mode: RestoreMode): string {
  switch (mode) {
    case 'append':
      return refuse('these names are taken', TAKEN_NAMES);
    case 'clean':
      return [
        refuse('other tables refer to some that would be replaced, which the backup does not hold', OUTSIDERS(IS_MOVED('$'))),
        refuse('a table is a view in the backup, or a view a table', OTHER_KINDS),
        refuse('triggers of other tables have the names of triggers in the backup', FOREIGN_TRIGGERS),
        refuse(HELD_KEYS_WORDS, HELD_KEYS),
      ].join('');
    case 'tables':
      return [
        refuse('other tables refer to the chosen ones; choose these too', OUTSIDERS(IS_MOVED('$'))),
        refuse('these are views', VIEWS_IN_THE_WAY),
        refuse('triggers of other tables have the names of triggers in the backup', FOREIGN_TRIGGERS),
        refuse(HELD_KEYS_WORDS, HELD_KEYS),
      ].join('');
    case 'replace':
      return [
        refuse('tables of other databases refer to this one', OUTSIDERS('TRUE')),
        refuse('these views are tables in the backup', VIEWS_IN_THE_WAY),
        refuse(HELD_KEYS_WORDS, HELD_KEYS),
      ].join('');
    case 'data_only':
      return [
        refuse('the database has no such tables', MISSING_IN_TARGET),
        refuse('these tables know no transactions, so rows could come in half', WITHOUT_TRANSACTIONS),
        refuse('triggers would fire for each row that comes in, on', FIRING),
      ].join('');
    default:
      return '';
  }
}

/** Lists what moves, and refuses what must not, by a message that begins with `REFUSAL`. */
export function createChoiceSql(names: TakeNames): string {
  const chosen = names.tables.map(({ name }) => `(${foldCase(`CONVERT(0x${encodeHex(name)} USING utf8mb4)`)})`).join(', ');
  const fill =
    names.mode === 'tables'
      ? `INSERT IGNORE INTO ${MOVES} VALUES ${chosen}//`
      : `INSERT INTO ${MOVES} SELECT t.TABLE_NAME FROM ${tablesOf('@scratch')} AND t.TABLE_NAME <> '${MOVES}'//`;
  const missing = `SELECT ${listed('m.name')} FROM ${MOVES} m WHERE NOT EXISTS (SELECT 1 FROM ${tablesOf('@scratch')} AND BINARY t.TABLE_NAME = BINARY m.name)`;
  return `${begin(names)}CREATE TABLE ${MOVES} (name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY) ENGINE=InnoDB//
${fill}
BEGIN NOT ATOMIC
  DECLARE found LONGTEXT CHARACTER SET utf8mb4;
${names.mode === 'tables' ? refuse('the backup has no such tables', missing) : ''}${listRefusals(names.mode)}END//
`;
}

/** Takes the triggers off the tables that move, and the views away; keys that refer to tables which stay refer to the target's own from now on. */
export function createStripSql(names: TakeNames): string {
  const columns = (column: string) => `(SELECT GROUP_CONCAT(${quote(`k.${column}`)} ORDER BY k.ORDINAL_POSITION SEPARATOR ', ')
      FROM information_schema.KEY_COLUMN_USAGE k WHERE ${is('k.CONSTRAINT_SCHEMA', '@scratch')} AND k.TABLE_NAME = r.TABLE_NAME
      AND k.CONSTRAINT_NAME = r.CONSTRAINT_NAME AND k.REFERENCED_TABLE_NAME IS NOT NULL)`;
  const views =
    names.mode === 'tables'
      ? ''
      : `  FOR x IN (SELECT TABLE_NAME FROM information_schema.VIEWS WHERE ${is('TABLE_SCHEMA', '@scratch')}) DO
    EXECUTE IMMEDIATE CONCAT('DROP VIEW ', ${inDatabase('@scratch', 'x.TABLE_NAME')});
  END FOR;
`;
  return `${begin(names)}SET SESSION foreign_key_checks = 1//
BEGIN NOT ATOMIC
  FOR x IN (SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE ${is('TRIGGER_SCHEMA', '@scratch')}) DO
    EXECUTE IMMEDIATE CONCAT('DROP TRIGGER ', ${inDatabase('@scratch', 'x.TRIGGER_NAME')});
  END FOR;
${views}  FOR x IN (SELECT ${inDatabase('@scratch', 'r.TABLE_NAME')} AS child, ${quote('r.CONSTRAINT_NAME')} AS named, ${columns('COLUMN_NAME')} AS own,
      ${inDatabase('@target', 'r.REFERENCED_TABLE_NAME')} AS parent, ${columns('REFERENCED_COLUMN_NAME')} AS theirs, r.DELETE_RULE AS at_delete, r.UPDATE_RULE AS at_update
      FROM information_schema.REFERENTIAL_CONSTRAINTS r WHERE ${is('r.CONSTRAINT_SCHEMA', '@scratch')} AND ${is('r.UNIQUE_CONSTRAINT_SCHEMA', '@scratch')}
      AND ${IS_MOVED('r.TABLE_NAME')} AND NOT ${IS_MOVED('r.REFERENCED_TABLE_NAME')}) DO
    EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', x.child, ' DROP FOREIGN KEY ', x.named);
    EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', x.child, ' ADD CONSTRAINT ', x.named, ' FOREIGN KEY (', x.own, ') REFERENCES ', x.parent, ' (', x.theirs,
      ') ON DELETE ', x.at_delete, ' ON UPDATE ', x.at_update);
  END FOR;
END//
`;
}

/** What gives way: all tables of the target, its namesakes of what moves, or none. */
function describeLeaving(mode: RestoreMode): string {
  if (mode === 'replace') return 'TRUE';
  return mode === 'clean' || mode === 'tables' ? IS_MOVED('t.TABLE_NAME') : 'FALSE';
}

/**
 * One statement moves the old tables away, the new ones in and the list after the old ones. A table with triggers cannot leave its database:
 * it gets a private name there, and its triggers stay with it. Whoever uses a table makes all wait for half a minute, and then fail.
 */
export function createMoveSql(names: TakeNames): string {
  const hasTriggers = `EXISTS (SELECT 1 FROM information_schema.TRIGGERS g WHERE ${is('g.EVENT_OBJECT_SCHEMA', '@target')} AND g.EVENT_OBJECT_TABLE = t.TABLE_NAME)`;
  const away = `SELECT GROUP_CONCAT(CONCAT(${inDatabase('@target', 't.TABLE_NAME')}, ' TO ',
    IF(${hasTriggers}, ${inDatabase('@target', "CONCAT(@aside, '_', t.at)")}, ${inDatabase('@aside', 't.TABLE_NAME')})) SEPARATOR ', ')
    FROM (SELECT t.TABLE_NAME, ROW_NUMBER() OVER (ORDER BY t.TABLE_NAME) AS at FROM ${tablesOf('@target')} AND ${describeLeaving(names.mode)}) t`;
  const into =
    names.mode === 'schema_only'
      ? 'SELECT NULL'
      : `SELECT GROUP_CONCAT(CONCAT(${inDatabase('@scratch', 'm.name')}, ' TO ', ${inDatabase('@target', 'm.name')}) SEPARATOR ', ') FROM ${MOVES} m`;
  return `${begin(names)}BEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('CREATE DATABASE ', ${quote('@aside')}); END//
SET @away = (${away})//
SET @into = (${into})//
SET @mark = CONCAT(${inDatabase('@scratch', `'${MOVES}'`)}, ' TO ', ${inDatabase('@aside', `'${MOVES}'`)})//
BEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('RENAME TABLE ', CONCAT_WS(', ', @away, @into, @mark)); END//
`;
}

/** All rows of all listed tables in one transaction; a value that does not fit, or a key that is taken, takes everything back. */
export function createCopyRowsSql(names: TakeNames): string {
  const columns = `(SELECT GROUP_CONCAT(${quote('c.COLUMN_NAME')} ORDER BY c.ORDINAL_POSITION SEPARATOR ', ') FROM information_schema.COLUMNS c
      WHERE ${is('c.TABLE_SCHEMA', '@scratch')} AND BINARY c.TABLE_NAME = BINARY t.TABLE_NAME AND c.IS_GENERATED = 'NEVER')`;
  return `${begin(names)}SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 1//
BEGIN NOT ATOMIC
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  START TRANSACTION;
  FOR x IN (SELECT ${inDatabase('@target', 't.TABLE_NAME')} AS goal, ${inDatabase('@scratch', 't.TABLE_NAME')} AS origin, t.TABLE_TYPE AS kind, ${columns} AS columns_listed
      FROM ${tablesOf('@scratch')} AND ${IS_MOVED('t.TABLE_NAME')}) DO
    IF x.kind = 'SEQUENCE' THEN
      EXECUTE IMMEDIATE CONCAT('SELECT next_not_cached_value INTO @next FROM ', x.origin);
      EXECUTE IMMEDIATE CONCAT('DO SETVAL(', x.goal, ', ', @next, ', 0)');
    ELSE
      EXECUTE IMMEDIATE CONCAT('INSERT INTO ', x.goal, ' (', x.columns_listed, ') SELECT ', x.columns_listed, ' FROM ', x.origin);
    END IF;
  END FOR;
  COMMIT;
END//
`;
}

/**
 * Drops what gave way and could not leave, and what the code of the backup is made anew in place of. A whole database loses all it had of
 * that; nothing of it lies in the backup only by chance.
 */
export function createClearSql(names: Pick<TakeNames, 'target' | 'aside' | 'code' | 'mode'>): string {
  const isWhole = names.mode === 'replace';
  const views = isWhole
    ? 'TRUE'
    : `EXISTS (SELECT 1 FROM information_schema.VIEWS s WHERE ${is('s.TABLE_SCHEMA', '@code')} AND BINARY s.TABLE_NAME = BINARY v.TABLE_NAME)`;
  const programs = isWhole
    ? `
    UNION ALL SELECT CONCAT(r.ROUTINE_TYPE, ' IF EXISTS ', ${inDatabase('@target', 'r.ROUTINE_NAME')}) FROM information_schema.ROUTINES r WHERE ${is('r.ROUTINE_SCHEMA', '@target')}
    UNION ALL SELECT CONCAT('EVENT IF EXISTS ', ${inDatabase('@target', 'e.EVENT_NAME')}) FROM information_schema.EVENTS e WHERE ${is('e.EVENT_SCHEMA', '@target')}`
    : '';
  return `${begin(names)}SET SESSION foreign_key_checks = 0//
BEGIN NOT ATOMIC
  FOR x IN (SELECT CONCAT('TABLE IF EXISTS ', ${inDatabase('@target', 't.TABLE_NAME')}) AS words FROM ${tablesOf('@target')}
      AND BINARY LEFT(t.TABLE_NAME, CHAR_LENGTH(@aside) + 1) = BINARY CONCAT(@aside, '_')
    UNION ALL SELECT CONCAT('VIEW IF EXISTS ', ${inDatabase('@target', 'v.TABLE_NAME')}) FROM information_schema.VIEWS v
      WHERE ${is('v.TABLE_SCHEMA', '@target')} AND ${views}${programs}) DO
    EXECUTE IMMEDIATE CONCAT('DROP ', x.words);
  END FOR;
END//
`;
}

export function createListViewsSql(code: string): string {
  return `DELIMITER //
${setName('code', code)}SELECT JSON_OBJECT('view', TABLE_NAME) FROM information_schema.VIEWS WHERE ${is('TABLE_SCHEMA', '@code')}//
`;
}
