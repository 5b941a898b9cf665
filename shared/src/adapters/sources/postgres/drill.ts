/**
 * A throw-away cluster: made by `initdb`, on a socket of its own without a port, without everything that costs time and only matters to data
 * that is kept. The dump's own head says what has to come back, so nothing of the live server is asked.
 *
 * Assertions run as a role without rights beyond reading: SQL of a superuser could start programs and read files of the host.
 */
import * as z from 'zod';
import { trimStatement } from '../../../domain/drill.ts';
import { AppError } from '../../../errors.ts';
import { DRILL } from '../../../limits.ts';
import type { DatabaseDrill, DrillCall, DrillPlace, DrillProgram, DrillStructure, DumpFacts } from '../../drill.ts';
import type { ToolOutcome, Verdict } from '../../source.ts';
import { parseLookLines } from '../contents.ts';
import { parseJsonLine, parseJsonLines } from '../database.ts';
import { cleanToolText, describeOutcome } from '../tool-text.ts';
import { createPsqlCommand, getSourceDatabase } from './connection.ts';
import { SHAPES_SQL } from './contents.ts';
import { judgePostgresRestore } from './restore.ts';
import { formatDatabaseUri, quoteLiteral } from './sql.ts';
import { findPgMajor } from './tools.ts';

const SUPERUSER = 'postgres';
const READER = 'drill_reader';
const DATABASE = 'drill';
/** Owners, grants and tablespaces belong to the server they come from; a throw-away one has none of them. */
const BARE = ['--no-owner', '--no-privileges', '--no-tablespaces'] as const;

const SETTINGS: readonly string[] = [
  ...['listen_addresses=', 'port=5432', 'unix_socket_permissions=0700', 'max_connections=20', 'ssl=off'],
  ...['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'wal_level=minimal', 'max_wal_senders=0'],
  ...['archive_mode=off', 'autovacuum=off', 'jit=off', 'shared_buffers=64MB', 'maintenance_work_mem=64MB'],
  // Files in the data directory instead of segments that would outlive it.
  ...['dynamic_shared_memory_type=mmap', 'logging_collector=off', 'log_destination=stderr', 'log_statement=none'],
];

function createCall(
  place: DrillPlace,
  program: DrillProgram,
  args: readonly string[],
  { user = SUPERUSER, database = DATABASE }: { user?: string; database?: string } = {},
): DrillCall {
  const env = {
    PGHOST: place.serverDir,
    PGPORT: '5432',
    PGUSER: user,
    PGDATABASE: database,
    // Neither is there: no file of the host speaks for this server.
    PGPASSFILE: `${place.fileDir}/pgpass`,
    PGSERVICEFILE: `${place.fileDir}/pgservice`,
    PGCONNECT_TIMEOUT: '10',
    PGAPPNAME: 'holdfast drill',
    LC_ALL: 'C',
  };
  return { program, args, env, files: [] };
}

/** A script lies in a file; only ASCII and quoted literals are ever in it. */
function createScript(
  place: DrillPlace,
  name: string,
  script: string,
  connection: { user?: string; database?: string } = {},
): DrillCall {
  const path = `${place.fileDir}/${name}.sql`;
  const args = [
    '--no-psqlrc',
    '--quiet',
    '--no-align',
    '--tuples-only',
    '--no-password',
    '--set=ON_ERROR_STOP=1',
    `--file=${path}`,
  ];
  const call = createCall(place, 'psql', args, connection);
  return { ...call, env: { ...call.env, PGCLIENTENCODING: 'UTF8' }, files: [{ path, content: script }] };
}

const SETTING_LINE = /^(?:--|SET |SELECT pg_catalog\.set_config\(|\\(?:un)?restrict |\\connect )/;
/** What a dump says of the database as a whole belongs to its name, and no dump without a creation has it. */
const DATABASE_STATEMENT = /^(?:CREATE DATABASE|ALTER DATABASE|COMMENT ON DATABASE|SECURITY LABEL (?:FOR \S+ )?ON DATABASE) /;
const TABLE_LINE = /^CREATE (?:UNLOGGED |FOREIGN )?TABLE \S/;

/** Reads a dump without data, as the programs write it. */
export function parsePostgresStructure(text: string): DrillStructure {
  const lines = text.split('\n');
  const kept = lines.filter((line) => !SETTING_LINE.test(line));
  const statements = kept
    .join('\n')
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '' && !DATABASE_STATEMENT.test(block))
    .sort();
  const tables = kept.filter((line) => TABLE_LINE.test(line)).sort();
  return { tables, statements, writtenBy: findMajor(lines, /^-- Dumped by pg_dump version (\S+)/) };
}

function findVersion(lines: readonly string[], pattern: RegExp): string {
  for (const line of lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return '';
}

const findMajor = (lines: readonly string[], pattern: RegExp) => String(findPgMajor(findVersion(lines, pattern)) ?? '');

/** Encoding and locale as the dump's own statement has them; nothing else gets into the one that is sent. */
const CREATION = /^CREATE DATABASE [^\n]* WITH TEMPLATE = template0((?: [A-Z_]+ = (?:'[^'\\\n]*'|[a-z]+))+);$/m;
const ENCODING = /(?:^| )ENCODING = '([A-Za-z0-9_]{1,32})'/;

function parseReading(outcome: ToolOutcome): DumpFacts {
  if (outcome.exitCode !== 0) throw new AppError('tool_failed', describeOutcome(outcome));
  const head = outcome.stdout.split('\n', 40);
  const serverVersion = findVersion(head, /^-- Dumped from database version (\S+)/);
  if (findPgMajor(serverVersion) === undefined)
    throw new AppError('tool_failed', 'The dump does not say which version of PostgreSQL it was made of.');
  const creation = CREATION.exec(outcome.stdout)?.[1] ?? '';
  return { serverVersion, creation, structure: parsePostgresStructure(outcome.stdout) };
}

/** The dump's own encoding and locale first; where the system lacks the locale, the same encoding without one. */
function planDatabase(place: DrillPlace, creation: string): readonly DrillCall[] {
  const encoding = ENCODING.exec(creation)?.[1] ?? 'UTF8';
  const bare = ` ENCODING = '${encoding}' LC_COLLATE = 'C' LC_CTYPE = 'C'`;
  return (creation === '' ? [bare] : [creation, bare]).map((wish) =>
    createScript(place, 'create', `CREATE DATABASE ${DATABASE} TEMPLATE template0${wish};\n`, { database: 'postgres' }),
  );
}

const NOT_SYSTEM = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";

const TABLES_SQL = `SET search_path = '';
SELECT format('SELECT json_build_object(''table'', %L::text, ''rows'', (SELECT count(*) FROM ONLY %I.%I));', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND ${NOT_SYSTEM} ORDER BY n.nspname, c.relname LIMIT ${DRILL.tables} \\gexec
`;

const READER_SQL = `CREATE ROLE ${READER} LOGIN BYPASSRLS;
SELECT format('GRANT USAGE ON SCHEMA %1$I TO ${READER}; GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO ${READER}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA %1$I TO ${READER};', n.nspname)
FROM pg_catalog.pg_namespace n WHERE ${NOT_SYSTEM} \\gexec
`;

/** The question is a value to the script and a statement to the server alone, which runs it in a transaction that only reads. */
const createAssertionSql = (sql: string) => `SET statement_timeout = ${DRILL.assertionMs};
CREATE FUNCTION pg_temp.holdfast_ask(question text) RETURNS text LANGUAGE plpgsql AS $holdfast$
DECLARE answer text; BEGIN EXECUTE question INTO STRICT answer; RETURN answer; END $holdfast$;
BEGIN READ ONLY;
SELECT json_build_object('value', left(pg_temp.holdfast_ask(${quoteLiteral(trimStatement(sql))}), ${DRILL.valueChars}));
ROLLBACK;
`;

const tableRow = z.object({ table: z.string(), rows: z.int().min(0) });
const answerRow = z.object({ value: z.string().nullable() });

function parseAssertion(outcome: ToolOutcome): { value: string | undefined } | { problem: string } {
  // psql names the agent's own script before the words of the server.
  if (outcome.exitCode !== 0) return { problem: describeOutcome(outcome).replaceAll(/^psql:\S+:\d+: /gm, '') };
  try {
    return { value: parseJsonLine(answerRow, outcome.stdout).value ?? undefined };
  } catch {
    return { problem: 'The answer is not one value.' };
  }
}

function judgeScan(outcome: ToolOutcome): Verdict {
  if (outcome.exitCode === 0) return { ok: true, warnings: [] };
  const words = cleanToolText(`${outcome.stdout}\n${outcome.stderr}`);
  return { ok: false, reason: 'drill_failed', message: words === '' ? describeOutcome(outcome) : words };
}

export const postgresDrill: DatabaseDrill = {
  programs: ['initdb', 'postgres', 'psql', 'pg_restore', 'pg_dump'],
  isVersioned: true,
  advice: 'Install the Debian package postgresql of the dump’s major version, or a newer one; its own cluster need not run.',
  reading: {
    planReading: () => ({
      program: 'pg_restore',
      args: ['--format=custom', '--schema-only', '--create', ...BARE, '--file=-'],
      env: { LC_ALL: 'C' },
      files: [],
    }),
    parseReading,
  },
  planCreation: (place) => ({
    program: 'initdb',
    args: [
      `--pgdata=${place.serverDir}/data`,
      `--username=${SUPERUSER}`,
      // Nobody else can reach the socket.
      ...['--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    ],
    env: { LC_ALL: 'C' },
    files: [],
  }),
  planServer: (place) => ({
    program: 'postgres',
    args: [
      '-D',
      `${place.serverDir}/data`,
      ...[...SETTINGS, `unix_socket_directories=${place.serverDir}`].flatMap((setting) => ['-c', setting]),
    ],
    env: { LC_ALL: 'C' },
    files: [],
  }),
  isReady: (line) => /database system is ready to accept connections/.test(line),
  planDatabase,
  planRestore: (place) =>
    createCall(place, 'pg_restore', ['--format=custom', ...BARE, '--no-password', `--dbname=${formatDatabaseUri(DATABASE)}`]),
  judgeRestore: judgePostgresRestore,
  knowsTheEnd: true,
  planTables: (place) => createScript(place, 'tables', TABLES_SQL),
  parseTables: (stdout) => parseJsonLines(tableRow, stdout),
  planShapes: (place) => createScript(place, 'shapes', SHAPES_SQL),
  parseShapes: (stdout) => parseLookLines(stdout).tables,
  structure: {
    planStructure: (place) => createCall(place, 'pg_dump', ['--schema-only', ...BARE, '--no-password']),
    parseStructure: parsePostgresStructure,
  },
  planScan: (place) => createCall(place, 'pg_amcheck', ['--install-missing', '--no-password', DATABASE]),
  judgeScan,
  planReader: (place) => createScript(place, 'reader', READER_SQL),
  planAssertion: (place, sql) => createScript(place, 'assertion', createAssertionSql(sql), { user: READER }),
  planQuestion: (input, sql) => createPsqlCommand(input, getSourceDatabase(input), 'assertion', createAssertionSql(sql)),
  parseAssertion,
};
