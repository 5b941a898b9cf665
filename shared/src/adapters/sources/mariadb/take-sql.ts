/**
 * The scripts by which content moves from a private database into the target. Each runs as one file of statements that end with `//`, with
 * the private database, or the target, as the default one. Names enter as hexadecimal digits; the server quotes them itself.
 */
import type { RestoreMode } from '../../../domain/restore.ts';
import { encodeHex } from '../database.ts';
import { describeKeys, describeLeaving, hasTriggers, KEYS, listStayingKeys } from './take-keys.ts';
import { begin, foldCase, inDatabase, is, isMoved, MOVES, quote, setName, type TakeNames, tablesOf } from './take-script.ts';

/** What a script of ours says when it refuses begins with this word. */
const REFUSAL = 'holdfast: ';

const MESSAGE_CHARS = 500;

/** Stands among the names of what moves once the rows are in, in the same transaction. No table has an empty name. */
const COPIED = '';

/** Tenths of a second that a session which was ended is waited for. */
const LOOKS = 3000;

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
    IF(t.TABLE_TYPE = 'VIEW', ${isMoved('t.TABLE_NAME')}, NOT ${isMoved('t.TABLE_NAME')} AND EXISTS (SELECT 1 FROM information_schema.VIEWS s
      WHERE ${is('s.TABLE_SCHEMA', '@scratch')} AND s.TABLE_NAME = t.TABLE_NAME))`;

const VIEWS_IN_THE_WAY = `SELECT ${listed('t.TABLE_NAME')} FROM information_schema.VIEWS t WHERE ${is('t.TABLE_SCHEMA', '@target')} AND ${isMoved('t.TABLE_NAME')}`;

/** A trigger's name is one of the database, whatever table it is of. */
const FOREIGN_TRIGGERS = `SELECT ${listed('t.TRIGGER_NAME')} FROM information_schema.TRIGGERS t WHERE ${is('t.TRIGGER_SCHEMA', '@target')}
    AND NOT ${isMoved('t.EVENT_OBJECT_TABLE')} AND EXISTS (SELECT 1 FROM information_schema.TRIGGERS s WHERE ${is('s.TRIGGER_SCHEMA', '@scratch')}
      AND ${isMoved('s.EVENT_OBJECT_TABLE')} AND s.TRIGGER_NAME = t.TRIGGER_NAME)`;

const MISSING_IN_TARGET = `SELECT ${listed('m.name')} FROM ${MOVES} m WHERE NOT EXISTS (SELECT 1 FROM ${tablesOf('@target')} AND BINARY t.TABLE_NAME = BINARY m.name)`;
const WITHOUT_TRANSACTIONS = `SELECT ${listed('t.TABLE_NAME')} FROM ${tablesOf('@target')} AND ${isMoved('t.TABLE_NAME')} AND t.TABLE_TYPE <> 'SEQUENCE'
    AND t.ENGINE NOT IN (SELECT e.ENGINE FROM information_schema.ENGINES e WHERE e.TRANSACTIONS = 'YES')`;
const FIRING = `SELECT GROUP_CONCAT(DISTINCT t.EVENT_OBJECT_TABLE SEPARATOR ', ') FROM information_schema.TRIGGERS t WHERE ${is('t.TRIGGER_SCHEMA', '@target')}
    AND t.EVENT_MANIPULATION = 'INSERT' AND ${isMoved('t.EVENT_OBJECT_TABLE')}`;

const STAYING_KEYS_WORDS = 'tables that stay have foreign keys with names that the backup has as well';

function listRefusals(mode: RestoreMode): string {
  switch (mode) {
    case 'append':
      return [refuse('these names are taken', TAKEN_NAMES), refuse(STAYING_KEYS_WORDS, listStayingKeys(mode))].join('');
    case 'clean':
      return [
        refuse('other tables refer to some that would be replaced, which the backup does not hold', OUTSIDERS(isMoved('$'))),
        refuse('a table is a view in the backup, or a view a table', OTHER_KINDS),
        refuse('triggers of other tables have the names of triggers in the backup', FOREIGN_TRIGGERS),
        refuse(STAYING_KEYS_WORDS, listStayingKeys(mode)),
      ].join('');
    case 'tables':
      return [
        refuse('other tables refer to the chosen ones; choose these too', OUTSIDERS(isMoved('$'))),
        refuse('these are views', VIEWS_IN_THE_WAY),
        refuse('triggers of other tables have the names of triggers in the backup', FOREIGN_TRIGGERS),
        refuse(STAYING_KEYS_WORDS, listStayingKeys(mode)),
      ].join('');
    case 'replace':
      return [
        refuse('tables of other databases refer to this one', OUTSIDERS('TRUE')),
        refuse('these views are tables in the backup', VIEWS_IN_THE_WAY),
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

/**
 * Gives the private database the default collation that the target has. What is written out of it switches back to that one after each
 * program, so that the target keeps its own. Servers that cannot prepare this statement (10.5) leave it as it is.
 */
export function createLikeTargetSql(names: Pick<TakeNames, 'target' | 'scratch' | 'aside' | 'code'>): string {
  return `${begin(names)}SET @like = (SELECT CONCAT('ALTER DATABASE ', ${quote('@scratch')}, ' CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME,
    ' COLLATE ', DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE ${is('SCHEMA_NAME', '@target')})//
BEGIN NOT ATOMIC
  DECLARE CONTINUE HANDLER FOR 1295 BEGIN END;
  EXECUTE IMMEDIATE @like;
END//
`;
}

/** Takes the triggers off the tables that move, and the views away; keys that refer to tables which stay refer to the target's own from now on. */
export function createStripSql(names: TakeNames): string {
  const views =
    names.mode === 'tables'
      ? ''
      : `  FOR x IN (SELECT TABLE_NAME FROM information_schema.VIEWS WHERE ${is('TABLE_SCHEMA', '@scratch')}) DO
    EXECUTE IMMEDIATE CONCAT('DROP VIEW ', ${inDatabase('@scratch', 'x.TABLE_NAME')});
  END FOR;
`;
  const redirected = `${is('r.UNIQUE_CONSTRAINT_SCHEMA', '@scratch')} AND ${isMoved('r.TABLE_NAME')} AND NOT ${isMoved('r.REFERENCED_TABLE_NAME')}`;
  return `${begin(names)}SET SESSION foreign_key_checks = 1//
BEGIN NOT ATOMIC
  FOR x IN (SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE ${is('TRIGGER_SCHEMA', '@scratch')}) DO
    EXECUTE IMMEDIATE CONCAT('DROP TRIGGER ', ${inDatabase('@scratch', 'x.TRIGGER_NAME')});
  END FOR;
${views}  FOR x IN (${describeKeys('@scratch', '@target', { wanted: redirected })}) DO
    EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', x.child, ' DROP FOREIGN KEY ', x.named);
    EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', x.child, ' ADD CONSTRAINT ', x.named, x.meaning);
  END FOR;
END//
`;
}

/**
 * One statement moves the old tables away, the new ones in and the lists after the old ones. A table with triggers cannot leave its database:
 * it gets a private name there, and its triggers stay with it. Whoever uses a table makes all wait for half a minute, and then fail.
 */
export function createMoveSql(names: TakeNames): string {
  const away = `SELECT GROUP_CONCAT(CONCAT(${inDatabase('@target', 't.TABLE_NAME')}, ' TO ',
    IF(${hasTriggers('t.TABLE_NAME')}, ${inDatabase('@target', "CONCAT(@aside, '_', t.at)")}, ${inDatabase('@aside', 't.TABLE_NAME')})) SEPARATOR ', ')
    FROM (SELECT t.TABLE_NAME, ROW_NUMBER() OVER (ORDER BY t.TABLE_NAME) AS at FROM ${tablesOf('@target')} AND ${describeLeaving(names.mode, 't.TABLE_NAME')}) t`;
  const into =
    names.mode === 'schema_only'
      ? 'SELECT NULL'
      : `SELECT GROUP_CONCAT(CONCAT(${inDatabase('@scratch', 'm.name')}, ' TO ', ${inDatabase('@target', 'm.name')}) SEPARATOR ', ') FROM ${MOVES} m`;
  const marks = (names.mode === 'schema_only' ? [MOVES] : [MOVES, KEYS]).map(
    (table) => `CONCAT(${inDatabase('@scratch', `'${table}'`)}, ' TO ', ${inDatabase('@aside', `'${table}'`)})`,
  );
  return `${begin(names)}BEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('CREATE DATABASE ', ${quote('@aside')}); END//
SET @away = (${away})//
SET @into = (${into})//
SET @mark = CONCAT_WS(', ', ${marks.join(', ')})//
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
      FROM ${tablesOf('@scratch')} AND ${isMoved('t.TABLE_NAME')}) DO
    IF x.kind = 'SEQUENCE' THEN
      EXECUTE IMMEDIATE CONCAT('SELECT next_not_cached_value INTO @next FROM ', x.origin);
      EXECUTE IMMEDIATE CONCAT('DO SETVAL(', x.goal, ', ', @next, ', 0)');
    ELSE
      EXECUTE IMMEDIATE CONCAT('INSERT INTO ', x.goal, ' (', x.columns_listed, ') SELECT ', x.columns_listed, ' FROM ', x.origin);
    END IF;
  END FOR;
  INSERT INTO ${MOVES} VALUES ('${COPIED}');
  COMMIT;
END//
`;
}

/**
 * Ends what is left of the copying, whose default database is the private one, and waits until it is over; then tells whether its mark is there.
 * Fails where it does not end.
 */
export function createLookSql(names: Pick<TakeNames, 'target' | 'scratch' | 'aside' | 'code'>): string {
  const left = `information_schema.PROCESSLIST p WHERE p.ID <> CONNECTION_ID() AND ${is('p.DB', '@scratch')}`;
  return `${begin(names)}BEGIN NOT ATOMIC
  DECLARE looks INT DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
  FOR x IN (SELECT p.ID FROM ${left}) DO
    EXECUTE IMMEDIATE CONCAT('KILL ', x.ID);
  END FOR;
  WHILE EXISTS (SELECT 1 FROM ${left}) DO
    SET looks = looks + 1;
    IF looks > ${LOOKS} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${REFUSAL}the copying of rows does not end'; END IF;
    DO SLEEP(0.1);
  END WHILE;
END//
SELECT JSON_OBJECT('copied', (SELECT COUNT(*) FROM ${MOVES} WHERE name = '${COPIED}'))//
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
