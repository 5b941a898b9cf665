/**
 * Settings, grants and the comment of a database itself. `pg_dump` writes them into every archive, and `pg_restore` carries them out only where
 * it also creates the database under its old name (`--create`).
 */
import type { DatabaseProperties } from '../../properties.ts';
import { createPgCommand, createPsqlCommand, getMaintenanceDatabase } from './connection.ts';
import { checkDatabaseName, quoteIdentifier, quoteLiteral } from './sql.ts';
import { readStatements, type Statement, type Token } from './statements.ts';

const ARCHIVE = ['--format=custom', '--create'] as const;

/** Lines of `pg_restore --list`: a number, two ids, the kind, a schema or a dash, the name. */
const LISTED = /^(\d{1,9}); \d+ \d+ (?:DATABASE PROPERTIES - |(?:ACL|COMMENT) - DATABASE )/;

const isWord = (token: Token | undefined, ...texts: string[]) => token?.kind === 'word' && texts.includes(token.text);

/** Where the name of the database stands in a statement of a known form; undefined for any other. */
function findDatabase(statement: Statement): { at: number; isOfRoles: boolean } | undefined {
  const [first, second, third, fourth, fifth] = statement;
  if (isWord(first, 'alter') && isWord(second, 'database') && isWord(fourth, 'set', 'connection'))
    return { at: 2, isOfRoles: false };
  if (isWord(first, 'comment') && isWord(second, 'on') && isWord(third, 'database')) return { at: 3, isOfRoles: false };
  if (isWord(first, 'alter') && isWord(second, 'role') && isWord(fourth, 'in') && isWord(fifth, 'database'))
    return { at: 5, isOfRoles: true };
  if (!isWord(first, 'grant', 'revoke')) return undefined;
  const on = statement.findIndex((token) => isWord(token, 'on'));
  return isWord(statement[on + 1], 'database') ? { at: on + 2, isOfRoles: true } : undefined;
}

function writeToken({ kind, text }: Token): string {
  if (kind === 'name') return quoteIdentifier(text);
  return kind === 'string' ? quoteLiteral(text) : text;
}

/** What lists, numbers and names are made of; nothing that a client could take for a command of its own. */
const isHarmless = ({ kind, text }: Token) => kind !== 'symbol' || /^[,.()=+-]$/.test(text);

function rewriteOne(statement: Statement, database: string, owners: boolean): string | undefined {
  const found = findDatabase(statement);
  const named = found && statement[found.at];
  if (!found || !named || (named.kind !== 'word' && named.kind !== 'name') || (found.isOfRoles && !owners)) return undefined;
  if (!statement.every(isHarmless)) return undefined;
  const words = statement.map((token, at) => (at === found.at ? quoteIdentifier(database) : writeToken(token)));
  return `${words.join(' ')};`;
}

const ERROR = /^psql:[^\n]*?: ERROR: {2}([^\n]+)$/gm;

export const postgresProperties: DatabaseProperties = {
  planList: (input) => createPgCommand(input, 'pg_restore', getMaintenanceDatabase(input), [...ARCHIVE, '--list']),
  readListed(line) {
    const number = LISTED.exec(line)?.[1];
    return number === undefined ? undefined : Number(number);
  },
  planRead(input, numbers) {
    const path = `${input.workDir}/properties.list`;
    const command = createPgCommand(input, 'pg_restore', getMaintenanceDatabase(input), [
      ...ARCHIVE,
      `--use-list=${path}`,
      '--file=-',
    ]);
    return { ...command, files: [...command.files, { path, content: numbers.map((number) => `${number};\n`).join('') }] };
  },
  rewrite(text, { database, owners }) {
    const name = checkDatabaseName('targetDatabase', database);
    return [...readStatements(text)].flatMap((statement) => rewriteOne(statement, name, owners) ?? []);
  },
  planApply: (input, statements) =>
    createPsqlCommand(
      input,
      getMaintenanceDatabase(input),
      'properties',
      `\\set ON_ERROR_STOP 0\n${statements.map((statement) => `${statement}\n`).join('')}`,
    ),
  readRefusals: (stderr) => Array.from(stderr.matchAll(ERROR), ([, words = '']) => words),
};
