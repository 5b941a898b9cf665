/**
 * A throw-away MySQL: as a throw-away MariaDB, see `mariadb/drill.ts`, with MySQL's own programs. SQL of ours goes as an argument, questions
 * of the operator as a file.
 */
import { trimStatement } from '../../../domain/drill.ts';
import { DRILL } from '../../../limits.ts';
import type { Command } from '../../command.ts';
import { getText } from '../../config-values.ts';
import type { DatabaseDrill, DrillCall, DrillPlace, DrillProgram } from '../../drill.ts';
import type { PlanInput } from '../../plan-input.ts';
import { encodeHex } from '../database.ts';
import { createClientCommand, usesMysqlClients } from '../mariadb/connection.ts';
import { createScriptCommand } from '../mariadb/contents.ts';
import { mariadbDrill } from '../mariadb/drill.ts';
import { checkDatabaseName } from '../mariadb/sql.ts';
import { createCountSql, FRESH_SQL, SHAPES_SQL, TABLES_SQL } from './contents.ts';

const DATABASE = 'drill';
const READER = 'drill_reader';

const getSocket = (place: DrillPlace) => `${place.serverDir}/server.sock`;

/** `--no-defaults` goes first: no option file of the host is read, and no stored login. */
function createCall(place: DrillPlace, program: DrillProgram, args: readonly string[], user = 'root'): DrillCall {
  const connection = ['--no-defaults', `--socket=${getSocket(place)}`, `--user=${user}`, '--default-character-set=utf8mb4'];
  const env = { LC_ALL: 'C', MYSQL_TEST_LOGIN_FILE: `${place.serverDir}/no-logins` };
  return { program, args: [...connection, ...args], env, files: [] };
}

function createQuestion(place: DrillPlace, sql: string): DrillCall {
  const args = ['--batch', '--raw', '--skip-column-names', '--local-infile=0', `--database=${DATABASE}`, `--execute=${sql}`];
  return createCall(place, 'mysql', args);
}

/** From a file, which no list of processes shows; the client goes on after an error in it, so what it says of errors counts. */
const readScript = (path: string) => [
  '--batch',
  '--raw',
  '--skip-column-names',
  '--local-infile=0',
  '--loose-commands',
  `--execute=source ${path}`,
];

/** The question travels in hexadecimal digits, so that the client finds nothing in it that means something to itself. */
const createAssertionSql = (sql: string) => `SET SESSION max_execution_time = ${DRILL.assertionMs}//
START TRANSACTION READ ONLY//
SET @question = CONCAT('SELECT JSON_OBJECT(''value'', LEFT(CAST((', CONVERT(x'${encodeHex(trimStatement(sql))}' USING utf8mb4),
  CHAR(10), ') AS CHAR), ${DRILL.valueChars}))')//
PREPARE question FROM @question//
EXECUTE question//
`;

function planAssertion(place: DrillPlace, sql: string): DrillCall {
  const path = `${place.fileDir}/assertion.sql`;
  const call = createCall(place, 'mysql', [`--database=${DATABASE}`, ...readScript(path)], READER);
  return { ...call, files: [{ path, content: `DELIMITER //\n${createAssertionSql(sql)}` }] };
}

function planQuestion(input: PlanInput, sql: string): Command {
  if (!usesMysqlClients(input)) return createScriptCommand(input, 'assertion', createAssertionSql(sql));
  const database = checkDatabaseName('database', getText(input.config, 'database'));
  const path = `${input.workDir}/assertion.sql`;
  const command = createClientCommand(input, 'client', database, readScript(path));
  return { ...command, files: [...command.files, { path, content: `DELIMITER //\n${createAssertionSql(sql)}` }] };
}

/** Both calls that open the data directory must agree on these. */
const getStorage = (place: DrillPlace) => [
  ...['--no-defaults', `--datadir=${place.serverDir}/data`, `--tmpdir=${place.serverDir}`, '--innodb-flush-method=nosync'],
  '--innodb-redo-log-capacity=64M',
];

export const mysqlDrill: DatabaseDrill = {
  ...mariadbDrill,
  programs: ['mysqld', 'mysql'],
  advice: 'Install MySQL’s server (mysqld) and clients; its own server need not run.',
  planCreation: (place) => ({
    program: 'mysqld',
    // Nobody else can reach the socket.
    args: [...getStorage(place), '--initialize-insecure'],
    env: { LC_ALL: 'C', TMPDIR: place.serverDir },
    files: [],
  }),
  planServer: (place) => ({
    program: 'mysqld',
    args: [
      ...getStorage(place),
      ...[`--socket=${getSocket(place)}`, '--skip-networking', '--mysqlx=OFF', `--pid-file=${place.serverDir}/server.pid`],
      ...[`--secure-file-priv=${place.serverDir}/data`, '--local-infile=OFF', '--event-scheduler=OFF', '--disable-log-bin'],
      ...['--skip-name-resolve', '--performance-schema=OFF', '--character-set-server=utf8mb4', '--max-allowed-packet=1G'],
      ...['--innodb-buffer-pool-size=128M', '--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=OFF'],
    ],
    env: { LC_ALL: 'C', TMPDIR: place.serverDir },
    files: [],
  }),
  planShutdown: (place) => createCall(place, 'mysql', ['--batch', '--execute=SET GLOBAL innodb_fast_shutdown = 2; SHUTDOWN']),
  planDatabase: (place) => [
    createCall(place, 'mysql', ['--batch', `--execute=CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`]),
  ],
  planRestore: (place) =>
    createCall(place, 'mysql', [
      ...['--batch', '--binary-mode', '--comments', '--local-infile=0', '--max-allowed-packet=1G'],
      `--database=${DATABASE}`,
    ]),
  planTables: (place) => createQuestion(place, `${FRESH_SQL}; ${createCountSql('table', TABLES_SQL)}`),
  planShapes: (place) => createQuestion(place, `${FRESH_SQL}; ${SHAPES_SQL}`),
  planScan: (place) => createCall(place, 'mysqlcheck', ['--check', '--silent', '--', DATABASE]),
  planReader: (place) =>
    createQuestion(place, `CREATE USER ${READER}@localhost; GRANT SELECT, SHOW VIEW ON ${DATABASE}.* TO ${READER}@localhost`),
  planAssertion,
  planQuestion,
  parseAssertion: (outcome) =>
    mariadbDrill.parseAssertion(/^ERROR /m.test(outcome.stderr) ? { ...outcome, exitCode: outcome.exitCode || 1 } : outcome),
};
