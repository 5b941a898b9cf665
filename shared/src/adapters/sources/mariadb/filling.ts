/**
 * Empties a database again of what a dump has brought into it. The tools write a line for each thing that begins with CREATE or DROP and names
 * it; a line in the text of a routine may look like one, and lists a name too many. Triggers go with their tables.
 */
import type { DatabaseFilling, DumpedKind, DumpedObject, FillingInput } from '../../filling.ts';
import { PRINT_END, printSeen, readSeenLines } from '../../script.ts';
import { createClientCommand, createSqlCommand } from './connection.ts';
import { COMPLETED_LINE, isWholeScript } from './script.ts';
import { checkDatabaseName, createSetName, formatHexText, isNoMark, isTarget, nameMark, quoteIdentifier } from './sql.ts';

/** A name of 64 characters with all of them doubled, and what stands before it, in bytes. */
const LOOK_CHARS = 700;
/** How long a session is waited for whose client is gone, in seconds: it ends with the statement that it is at. */
const WAIT_S = 60;
/** Names in one statement. */
const LISTED_AT_ONCE = 500;

/** For `sed -n`, after whatever else it looks for: the lines that name something. */
const NAMES_LOOK = `/^\\(\\/\\*M\\{0,1\\}![0-9]* *\\)\\{0,1\\}\\(CREATE\\|DROP\\)[ *]/I{${printSeen('o', LOOK_CHARS)}}\n`;

const LOOK = [PRINT_END, `${COMPLETED_LINE}{${printSeen('c')};b}`, NAMES_LOOK].join('\n');

const KINDS: Readonly<Record<string, DumpedKind>> = {
  table: 'table',
  view: 'table',
  sequence: 'table',
  function: 'function',
  procedure: 'procedure',
  package: 'package',
  'package body': 'package',
  event: 'event',
};
/** Quoted as the tools do, or bare where they were told not to quote; a name of several lines has no end on its first. */
const NAMED =
  /\b(TABLE|VIEW|SEQUENCE|FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE|EVENT)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:`((?:[^`]|``)*)(`?)|"((?:[^"]|"")*)("?)|([^\s`"(*;]+))/i;

/** The thing that a line names which begins with CREATE or DROP; undefined: none that stands by itself. */
export function readNamed(line: string): DumpedObject | undefined {
  const [, word, ticked, tick, quoted, quote, bare] = NAMED.exec(line) ?? [];
  const kind = KINDS[word?.toLowerCase() ?? ''];
  const name = ticked?.replaceAll('``', '`') ?? quoted?.replaceAll('""', '"') ?? bare;
  if (!kind || name === undefined) return undefined;
  const isCut = tick === '' || quote === '';
  return { kind, name: isCut ? `${name}\n` : name };
}

function readLook(printed: string): ReturnType<DatabaseFilling['readLook']> {
  const seen = readSeenLines(printed);
  const objects = seen.flatMap(({ kind, text }) => (kind === 'o' ? (readNamed(text) ?? []) : []));
  return { isWhole: isWholeScript(seen), objects };
}

/** The words by which the list holds a name of the server: of several lines the first one, and small where the server knows no case in it. */
function foldName(kind: DumpedKind, name: string): string {
  const line = `IF(LOCATE(CHAR(10 USING utf8mb4), ${name}) = 0, ${name}, CONCAT(SUBSTRING_INDEX(${name}, CHAR(10 USING utf8mb4), 1), CHAR(10 USING utf8mb4)))`;
  return kind === 'table' ? `IF(@@lower_case_table_names = 0, ${line}, LOWER(${line}))` : `LOWER(${line})`;
}

function createListSql(mark: string, objects: readonly DumpedObject[]): string {
  const list = quoteIdentifier(nameMark(mark));
  const rows = objects.map(({ kind, name }) => `('${kind}', ${foldName(kind, formatHexText(name))})`);
  const inserts: string[] = [];
  for (let at = 0; at < rows.length; at += LISTED_AT_ONCE)
    inserts.push(`INSERT IGNORE INTO ${list} VALUES ${rows.slice(at, at + LISTED_AT_ONCE).join(',\n')};\n`);
  return `CREATE TABLE ${list} (kind VARCHAR(9) CHARACTER SET ascii, name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (kind, name)) COMMENT 'A restore fills this database';
${inserts.join('')}`;
}

/** Statements that drop what the question finds: its `words`, and its `name` in the target. */
const dropAll = (question: string) =>
  `SELECT CONCAT('DROP ', x.words, ' IF EXISTS \`', REPLACE(@db, '\`', '\`\`'), '\`.\`', REPLACE(x.name, '\`', '\`\`'), '\`;') FROM (${question}) x`;

function createEmptySql(target: string, mark: string): string {
  const isListed = (kinds: readonly DumpedKind[], column: string) =>
    kinds
      .map((kind) => {
        const name = `CONVERT(${foldName(kind, `CONVERT(${column} USING utf8mb4)`)} USING utf8mb4) COLLATE utf8mb4_bin`;
        return `EXISTS (SELECT 1 FROM ${quoteIdentifier(nameMark(mark))} m WHERE m.kind = '${kind}' AND m.name = ${name})`;
      })
      .join(' OR ');
  const isRoutine = (kind: DumpedKind) => `(r.ROUTINE_TYPE = '${kind.toUpperCase()}' AND ${isListed([kind], 'r.ROUTINE_NAME')})`;
  const alone = `IF(GET_LOCK('${nameMark(mark)}', ${WAIT_S}) = 1, 'SET foreign_key_checks = 0;', 'SIGNAL SQLSTATE ''45000'' SET MESSAGE_TEXT = ''the session that filled the database does not end'';')`;
  return [
    createSetName(target),
    `SELECT ${alone}`,
    dropAll(
      `SELECT CASE t.TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END AS words, t.TABLE_NAME AS name
  FROM information_schema.TABLES t WHERE ${isTarget('t.TABLE_SCHEMA')} AND ${isNoMark('t.TABLE_NAME')} AND ${isListed(['table'], 't.TABLE_NAME')}`,
    ),
    dropAll(
      `SELECT r.ROUTINE_TYPE AS words, r.ROUTINE_NAME AS name FROM information_schema.ROUTINES r WHERE ${isTarget('r.ROUTINE_SCHEMA')}
  AND (${(['function', 'procedure', 'package'] as const).map(isRoutine).join(' OR ')})`,
    ),
    dropAll(
      `SELECT 'EVENT' AS words, e.EVENT_NAME AS name FROM information_schema.EVENTS e WHERE ${isTarget('e.EVENT_SCHEMA')} AND ${isListed(['event'], 'e.EVENT_NAME')}`,
    ),
  ].join('; ');
}

/** The session that fills holds this from its beginning to its end. */
export const createHoldArgument = (mark: string): string => `--init-command=DO GET_LOCK('${nameMark(mark)}', 0)`;

const getTarget = ({ targetDatabase }: FillingInput) => checkDatabaseName('targetDatabase', targetDatabase);

/** Carries out what it reads, up to the first error. */
const planReading = (input: FillingInput) =>
  createClientCommand(input, 'client', getTarget(input), [
    '--batch',
    '--binary-mode',
    '--local-infile=0',
    '--max-allowed-packet=1G',
  ]);

export const mariadbFilling: DatabaseFilling = {
  look: LOOK,
  names: NAMES_LOOK,
  readLook,
  planList: (input, objects) => ({ command: planReading(input), script: createListSql(input.mark, objects) }),
  planEmpty: (input) => ({
    producer: createSqlCommand(input, getTarget(input), createEmptySql(getTarget(input), input.mark)),
    consumer: planReading(input),
  }),
};
