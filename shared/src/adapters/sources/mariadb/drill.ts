/**
 * A throw-away MariaDB: a data directory and a socket of its own, no network, nothing that only matters to data that is kept. Events of the
 * dump are stored and never fire.
 *
 * Assertions run as an account that may read the one database and nothing else: no file, no other account's rights.
 */
import * as z from 'zod';
import { trimStatement } from '../../../domain/drill.ts';
import { DRILL } from '../../../limits.ts';
import type { DatabaseDrill, DrillCall, DrillPlace, DrillProgram } from '../../drill.ts';
import type { ToolOutcome, Verdict } from '../../source.ts';
import { parseLookLines } from '../contents.ts';
import { encodeHex, parseJsonLine, parseJsonLines } from '../database.ts';
import { cleanToolText, describeOutcome } from '../tool-text.ts';
import { createScriptCommand, SHAPES_SQL } from './contents.ts';
import { RENAMING } from './renaming.ts';
import { judgeMariadbRestore } from './restore.ts';

const DATABASE = 'drill';
const READER = 'drill_reader';
/** Both programs that open the data directory must agree on these. */
const STORAGE = ['--innodb-log-file-size=32M', '--innodb-flush-method=nosync'] as const;

const getSocket = (place: DrillPlace) => `${place.serverDir}/server.sock`;

/** `--no-defaults` goes first: no option file of the host is read. */
function createCall(place: DrillPlace, program: DrillProgram, args: readonly string[], user = 'root'): DrillCall {
  const connection = ['--no-defaults', `--socket=${getSocket(place)}`, `--user=${user}`, '--default-character-set=utf8mb4'];
  return { program, args: [...connection, ...args], env: { LC_ALL: 'C' }, files: [] };
}

/** One statement from a file, however many parts it has: nothing but its end ends it. */
function createQuestion(place: DrillPlace, name: string, sql: string, user?: string): DrillCall {
  const path = `${place.fileDir}/${name}.sql`;
  const args = [
    '--batch',
    '--raw',
    '--skip-column-names',
    '--local-infile=0',
    // Otherwise the client goes on after an error, and ends well.
    '--abort-source-on-error',
    `--database=${DATABASE}`,
    `--execute=source ${path}`,
  ];
  return { ...createCall(place, 'mariadb', args, user), files: [{ path, content: `DELIMITER //\n${sql}//\n` }] };
}

const DATABASE_SQL = `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`;

/** Names never leave the server as SQL of ours: it quotes them itself. */
const TABLES_SQL = `BEGIN NOT ATOMIC
  DECLARE is_done INT DEFAULT 0;
  DECLARE found VARCHAR(64) CHARACTER SET utf8mb4;
  DECLARE tables_found CURSOR FOR SELECT TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = '${DATABASE}' AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME LIMIT ${DRILL.tables};
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET is_done = 1;
  OPEN tables_found;
  each_table: LOOP
    FETCH tables_found INTO found;
    IF is_done THEN LEAVE each_table; END IF;
    EXECUTE IMMEDIATE CONCAT('SELECT JSON_OBJECT(''table'', ', QUOTE(found), ', ''rows'', (SELECT COUNT(*) FROM \`${DATABASE}\`.\`',
      REPLACE(found, '\`', '\`\`'), '\`))');
  END LOOP;
END
`;

const READER_SQL = `CREATE USER ${READER}@localhost//
GRANT SELECT, SHOW VIEW ON ${DATABASE}.* TO ${READER}@localhost
`;

/** The question travels in hexadecimal digits, so that the client finds nothing in it that means something to itself. */
const createAssertionSql = (sql: string) => `SET SESSION max_statement_time = ${DRILL.assertionMs / 1000}//
START TRANSACTION READ ONLY//
EXECUTE IMMEDIATE CONCAT('SELECT JSON_OBJECT(''value'', LEFT(CAST((', CONVERT(x'${encodeHex(trimStatement(sql))}' USING utf8mb4),
  CHAR(10), ') AS CHAR), ${DRILL.valueChars}))')
`;

const tableRow = z.object({ table: z.string(), rows: z.int().min(0) });
const answerRow = z.object({ value: z.string().nullable() });

/** The client names its own line and file before the words of the server. */
const sayProblem = (outcome: ToolOutcome) => describeOutcome(outcome).replaceAll(/ at line \d+ in file: '[^'\n]*'/g, '');

function parseAssertion(outcome: ToolOutcome): { value: string | undefined } | { problem: string } {
  if (outcome.exitCode !== 0) return { problem: sayProblem(outcome) };
  try {
    return { value: parseJsonLine(answerRow, outcome.stdout).value ?? undefined };
  } catch {
    return { problem: 'The answer is not one value.' };
  }
}

/** The program ends with 0 whatever it finds, and names what is not whole. */
function judgeScan(outcome: ToolOutcome): Verdict {
  const found = /^(?:error|Error|status\s*:\s*Operation failed|.*\bcorrupt)/im.test(outcome.stdout);
  if (outcome.exitCode === 0 && !found) return { ok: true, warnings: [] };
  const words = cleanToolText(`${outcome.stdout}\n${outcome.stderr}`);
  return { ok: false, reason: 'drill_failed', message: words === '' ? describeOutcome(outcome) : words };
}

export const mariadbDrill: DatabaseDrill = {
  programs: ['mariadb-install-db', 'mariadbd', 'mariadb'],
  isVersioned: false,
  advice: 'Install the Debian package mariadb-server; its own server need not run.',
  planCreation: (place) => ({
    program: 'mariadb-install-db',
    args: [
      '--no-defaults',
      `--datadir=${place.serverDir}/data`,
      // Nobody else can reach the socket.
      '--auth-root-authentication-method=normal',
      ...['--skip-test-db', '--skip-name-resolve', ...STORAGE],
    ],
    env: { LC_ALL: 'C', TMPDIR: place.serverDir },
    files: [],
  }),
  planServer: (place) => ({
    program: 'mariadbd',
    args: [
      ...['--no-defaults', `--datadir=${place.serverDir}/data`, `--socket=${getSocket(place)}`, '--skip-networking'],
      ...[
        `--pid-file=${place.serverDir}/server.pid`,
        `--tmpdir=${place.serverDir}`,
        `--secure-file-priv=${place.serverDir}/data`,
      ],
      ...['--local-infile=OFF', '--event-scheduler=OFF', '--skip-log-bin', '--skip-name-resolve', '--performance-schema=OFF'],
      ...['--character-set-server=utf8mb4', '--max-allowed-packet=1G', '--innodb-buffer-pool-size=128M'],
      ...['--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=OFF', ...STORAGE],
    ],
    env: { LC_ALL: 'C', TMPDIR: place.serverDir },
    files: [],
  }),
  planShutdown: (place) => createCall(place, 'mariadb', ['--batch', '--execute=SET GLOBAL innodb_fast_shutdown = 2; SHUTDOWN']),
  isReady: (line) => /ready for connections/.test(line),
  planDatabase: (place) => [createCall(place, 'mariadb', ['--batch', `--execute=${DATABASE_SQL}`])],
  planRestore: (place) =>
    createCall(place, 'mariadb', [
      ...['--batch', '--binary-mode', '--comments', '--loose-sandbox', '--local-infile=0', '--max-allowed-packet=1G'],
      `--database=${DATABASE}`,
    ]),
  renaming: RENAMING,
  judgeRestore: judgeMariadbRestore,
  knowsTheEnd: false,
  planTables: (place) => createQuestion(place, 'tables', TABLES_SQL),
  parseTables: (stdout) => parseJsonLines(tableRow, stdout),
  planShapes: (place) => createQuestion(place, 'shapes', SHAPES_SQL),
  parseShapes: (stdout) => parseLookLines(stdout).tables,
  planScan: (place) => createCall(place, 'mariadb-check', ['--check', '--silent', '--', DATABASE]),
  judgeScan,
  planReader: (place) => createQuestion(place, 'reader', READER_SQL),
  planAssertion: (place, sql) => createQuestion(place, 'assertion', createAssertionSql(sql), READER),
  planQuestion: (input, sql) => createScriptCommand(input, 'assertion', `${createAssertionSql(sql)}//\n`),
  parseAssertion,
};
