/**
 * Quoting for MariaDB and MySQL and the SQL texts the adapters send. Names enter a statement only as hexadecimal digits: so nothing
 * depends on `sql_mode` or on how the command-line client reads quotes, and the argument that carries the SQL is plain ASCII.
 */
import type { DatabaseDefaults } from '../../../domain/contents.ts';
import { createFieldError } from '../../config-values.ts';
import { encodeHex } from '../database.ts';

/** Longest database name in characters. */
export const MAX_NAME_CHARS = 64;

/**
 * Refuses a name these servers cannot hold: empty, above 64 characters, ending in a blank, with NUL, or with characters beyond
 * the basic plane.
 */
export function checkDatabaseName(field: string, name: string): string {
  if (name === '') throw createFieldError(field, 'is needed');
  if (name.includes('\u0000')) throw createFieldError(field, 'must not contain a NUL byte');
  if (!name.isWellFormed()) throw createFieldError(field, 'is not well-formed Unicode');
  if (/[\u{10000}-\u{10ffff}]/u.test(name)) throw createFieldError(field, 'must not contain characters above U+FFFF');
  if (name.length > MAX_NAME_CHARS) throw createFieldError(field, `must not be longer than ${MAX_NAME_CHARS} characters`);
  if (name.endsWith(' ')) throw createFieldError(field, 'must not end in a blank');
  return name;
}

/** A quoted identifier as the server reads it: `a``b`; a backslash has no meaning there. Throws `invalid` for a NUL byte. */
export function quoteIdentifier(name: string): string {
  if (name.includes('\u0000')) throw createFieldError('name', 'must not contain a NUL byte');
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A text as an expression without quotes: `CONVERT(0x6162 USING utf8mb4)`. */
export function formatHexText(value: string): string {
  const digits = encodeHex(value);
  return digits === '' ? "''" : `CONVERT(0x${digits} USING utf8mb4)`;
}

/** Runs a statement that is put together as an expression, because DDL takes no parameters. */
function createExecute(expression: string): string {
  return `SET @holdfast = ${expression}; PREPARE holdfast FROM @holdfast; EXECUTE holdfast; DEALLOCATE PREPARE holdfast`;
}

/**
 * Sizes and rows as they are now: a server of MySQL keeps what it once told of a table for a day. MariaDB's servers do not read such a comment.
 */
const FRESH = 'SET /*!80000 SESSION information_schema_stats_expiry = 0, */ @holdfast_fresh = 1; ';

/**
 * Comes first in every look: one line `Ssl_version<TAB>TLSv1.3`, with an empty value on a plain connection, and where encryption is
 * needed the line `Tls_needed<TAB>yes`, so that the answer alone shows whether it may be believed.
 */
function createTlsLook(needed: boolean): string {
  return `${FRESH}SHOW SESSION STATUS LIKE 'Ssl_version'; ${needed ? "SELECT 'Tls_needed', 'yes'; " : ''}`;
}

const OWN_HOST = "SUBSTRING_INDEX(CURRENT_USER(), '@', -1)";
const OWN_GRANTEE = `CONCAT('''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(${OWN_HOST}) - 1), '''@''', ${OWN_HOST}, '''')`;

function countPrivilege(privilege: string): string {
  return `(SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = '${privilege}' AND GRANTEE = ${OWN_GRANTEE})
  + (SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES WHERE PRIVILEGE_TYPE = '${privilege}' AND GRANTEE = ${OWN_GRANTEE} AND DATABASE() LIKE TABLE_SCHEMA)`;
}

const countColumns = (condition: string) =>
  `(SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND ${condition})`;

/** The clients dump how such tables are made, and none of their rows (`IGNORE_DATA` of their source). */
const REMOTE_ENGINES = ['CONNECT', 'FEDERATED', 'OQGRAPH', 'SPIDER'].map((engine) => `'${engine}'`).join(', ');

/** Facts about the current database, on a MySQL server also of columns that MariaDB's clients cannot dump. Privileges that come by a role are not looked into: `roles` says that there is one. */
export function createProbeSql(tlsNeeded: boolean, looksAtColumns: boolean): string {
  const columns = looksAtColumns
    ? `
  'generated', ${countColumns("COALESCE(GENERATION_EXPRESSION, '') <> ''")},
  'vectors', ${countColumns("DATA_TYPE = 'vector'")},`
    : '';
  return `${createTlsLook(tlsNeeded)}SELECT JSON_OBJECT(${columns}
  'serverVersion', VERSION(),
  'sizeBytes', (SELECT COALESCE(SUM(DATA_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()),
  'nonTransactional', (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'
    AND ENGINE IN (SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS <> 'YES')
    AND ENGINE NOT IN (${REMOTE_ENGINES})),
  'tables', (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()),
  'elsewhere', (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE IN (${REMOTE_ENGINES})),
  'triggerGrants', ${countPrivilege('TRIGGER')},
  'selectGrants', (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES
    WHERE PRIVILEGE_TYPE IN ('SELECT', 'SHOW_ROUTINE') AND GRANTEE = ${OWN_GRANTEE}),
  'roles', IF(CURRENT_ROLE() IS NULL OR CURRENT_ROLE() = 'NONE', 0, 1)
)`;
}

const SYSTEM_DATABASES = ['information_schema', 'mysql', 'performance_schema', 'sys'] as const;

export function createDiscoverySql(tlsNeeded: boolean): string {
  return `${createTlsLook(tlsNeeded)}SELECT JSON_OBJECT('name', s.SCHEMA_NAME, 'sizeBytes', COALESCE(SUM(t.DATA_LENGTH), 0))
  FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME
  WHERE s.SCHEMA_NAME NOT IN (${SYSTEM_DATABASES.map((name) => `'${name}'`).join(', ')})
  GROUP BY s.SCHEMA_NAME ORDER BY s.SCHEMA_NAME`;
}

/** Sets `@db` to the name as the server stores it. Comparisons are made by bytes: other letters are another database. */
export function createSetName(target: string): string {
  const name = formatHexText(target);
  return `SET @db = IF(@@lower_case_table_names = 0, ${name}, LOWER(${name}))`;
}

/** Tables of this name are no content: a database bears one while a restore fills it that made it. */
const MARK_PREFIX = 'holdfast_half_';
/** Of the table by which a database is known that a restore fills. */
export const nameMark = (mark: string): string => checkDatabaseName('mark', `${MARK_PREFIX}${mark}`);
export const isNoMark = (column = 'TABLE_NAME') => `LEFT(${column}, ${MARK_PREFIX.length}) <> '${MARK_PREFIX}'`;

export const isTarget = (column: string) => `${column} = @db AND BINARY ${column} = BINARY @db`;

const COUNTS = `'tables', (SELECT COUNT(*) FROM information_schema.TABLES WHERE ${isTarget('TABLE_SCHEMA')} AND TABLE_TYPE <> 'VIEW' AND ${isNoMark()}),
  'views', (SELECT COUNT(*) FROM information_schema.TABLES WHERE ${isTarget('TABLE_SCHEMA')} AND TABLE_TYPE = 'VIEW'),
  'routines', (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ${isTarget('ROUTINE_SCHEMA')}),
  'triggers', (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE ${isTarget('TRIGGER_SCHEMA')}),
  'events', (SELECT COUNT(*) FROM information_schema.EVENTS WHERE ${isTarget('EVENT_SCHEMA')}),
  'rows', (SELECT COALESCE(SUM(TABLE_ROWS), 0) FROM information_schema.TABLES WHERE ${isTarget('TABLE_SCHEMA')} AND TABLE_TYPE <> 'VIEW')`;

/** Says whether the target exists and what is in it. Sessions of others are seen only with the PROCESS privilege. */
export function createInspectSql(target: string, tlsNeeded: boolean): string {
  return `${createSetName(target)}; ${createTlsLook(tlsNeeded)}SELECT JSON_OBJECT('serverVersion', VERSION(), 'filesAt', @@datadir,
  'exists', (SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE ${isTarget('SCHEMA_NAME')}),
  'seesAll', (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db'),
  'marks', (SELECT GROUP_CONCAT(SUBSTR(TABLE_NAME, ${MARK_PREFIX.length + 1})) FROM information_schema.TABLES
    WHERE ${isTarget('TABLE_SCHEMA')} AND NOT (${isNoMark()})),
  'sizeBytes', (SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE ${isTarget('TABLE_SCHEMA')}),
  'outsiders', (SELECT COUNT(*) FROM information_schema.KEY_COLUMN_USAGE
    WHERE ${isTarget('REFERENCED_TABLE_SCHEMA')} AND NOT (${isTarget('TABLE_SCHEMA')})),
  'sessions', (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND ${isTarget('DB')}),
  ${COUNTS})`;
}

/**
 * Ends the sessions of others whose default database is the target, those of them that the user may end. Statements end with two slashes. What has
 * ended by itself meanwhile is passed over.
 */
export function createEndSessionsSql(target: string): string {
  return `DELIMITER //
${createSetName(target)}//
BEGIN NOT ATOMIC
  DECLARE is_done INT DEFAULT 0;
  DECLARE found BIGINT UNSIGNED;
  DECLARE sessions_found CURSOR FOR SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND ${isTarget('DB')};
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET is_done = 1;
  DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
  OPEN sessions_found;
  each_session: LOOP
    FETCH sessions_found INTO found;
    IF is_done THEN LEAVE each_session; END IF;
    EXECUTE IMMEDIATE CONCAT('KILL ', found);
  END LOOP;
END//
`;
}

/** NULL where the server does not know them; newer ones have collations that belong to several character sets, and are named without. */
function findDefaults({ charset, collation }: DatabaseDefaults): string {
  const [set, named] = [charset, collation].map(formatHexText);
  return `(SELECT CONCAT(' CHARACTER SET ', ${set}, ' COLLATE ', ${named}) FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY
  WHERE CHARACTER_SET_NAME = ${set} AND ${named} IN (COLLATION_NAME, CONCAT(CHARACTER_SET_NAME, '_', COLLATION_NAME)) LIMIT 1)`;
}

/** Creates the target with the defaults that were recorded, or those of the source's database where this server has it, else utf8mb4; with its mark. */
export function createCreateSql(
  target: string,
  source: string,
  { mark, defaults }: { mark?: string | undefined; defaults?: DatabaseDefaults | undefined } = {},
): string {
  const like = `(SELECT CONCAT(' CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE ${isTarget('SCHEMA_NAME')})`;
  const create = formatHexText(`CREATE DATABASE ${quoteIdentifier(target)}`);
  const made = `${createSetName(source)}; SET @like = ${like}; ${createExecute(`CONCAT(${create}, COALESCE(${defaults ? `${findDefaults(defaults)}, ` : ''}@like, ' CHARACTER SET utf8mb4'))`)}`;
  if (mark === undefined) return made;
  // Some servers take no table without a primary key.
  const table = `CREATE TABLE ${quoteIdentifier(target)}.${quoteIdentifier(nameMark(mark))} (id INT PRIMARY KEY) COMMENT 'A restore fills this database'`;
  return `${made}; ${createExecute(formatHexText(table))}`;
}

export function createUnmarkSql(target: string, mark: string): string {
  return createExecute(formatHexText(`DROP TABLE IF EXISTS ${quoteIdentifier(target)}.${quoteIdentifier(nameMark(mark))}`));
}

/** `\`from\`.\`x\` TO \`to\`.\`x\``, for every table and sequence of `from`; NULL when there is none. */
function listMoves(from: string, to: string): string {
  const name = "REPLACE(TABLE_NAME, '`', '``')";
  const begin = formatHexText(`${quoteIdentifier(from)}.`);
  const middle = formatHexText(` TO ${quoteIdentifier(to)}.`);
  return `(SELECT GROUP_CONCAT(CONCAT(${begin}, '\`', ${name}, '\`', ${middle}, '\`', ${name}, '\`') SEPARATOR ', ')
  FROM information_schema.TABLES WHERE ${isTarget('TABLE_SCHEMA')} AND TABLE_TYPE <> 'VIEW')`;
}

/**
 * Moves the tables of the target aside and those of the scratch database into the target, in one statement, which the server carries out
 * wholly or not at all. Whoever uses a table makes it wait for half a minute, and then fail.
 */
export function createSwapSql(target: string, scratch: string, aside: string): string {
  const create = createExecute(formatHexText(`CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(aside)}`));
  const moves = "CONCAT_WS(', ', @away, @into)";
  return `SET SESSION lock_wait_timeout = 30; SET SESSION group_concat_max_len = 1073741824; ${create};
${createSetName(target)}; SET @away = ${listMoves(target, aside)};
${createSetName(scratch)}; SET @into = ${listMoves(scratch, target)};
${createExecute(`IF(${moves} = '', 'DO 0', CONCAT('RENAME TABLE ', ${moves}))`)}`;
}

export function createDropSql(target: string): string {
  return createExecute(formatHexText(`DROP DATABASE IF EXISTS ${quoteIdentifier(target)}`));
}

/** Row numbers are the storage engines' estimates. */
export function createVerifySql(target: string): string {
  return `${FRESH}${createSetName(target)}; SELECT JSON_OBJECT(${COUNTS})`;
}
