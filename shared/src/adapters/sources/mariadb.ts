/**
 * One database of a MariaDB (10.5 or newer) or MySQL (8.0 or newer) server, read with MariaDB's own clients. Both kinds share one
 * implementation. It is tested against MariaDB servers only; against a MySQL 8 server it follows the documentation and is not exercised.
 */
import * as z from 'zod';
import { createReasonError } from '../../domain/reason.ts';
import { AppError } from '../../errors.ts';
import { findText, getNumber, getText } from '../config-values.ts';
import type { Artifact, PlanInput, Probe, SourceAdapter, ToolOutcome } from '../source.ts';
import { createDatabaseFields, encodeHex, parseJsonLine, parseJsonLines } from './database.ts';
import { createMariadbCommand, createSqlCommand, needsTls } from './mariadb/connection.ts';
import { mariadbRecording } from './mariadb/contents.ts';
import { mariadbDrill } from './mariadb/drill.ts';
import { classifyMariadbFailure } from './mariadb/failures.ts';
import { mariadbRestore, mysqlRestore } from './mariadb/restore.ts';
import { checkDatabaseName, createDiscoverySql, createProbeSql, MAX_NAME_CHARS } from './mariadb/sql.ts';
import { checkTls } from './mariadb/tls.ts';

const OLDEST = { MariaDB: [10, 5], MySQL: [8, 0] } as const;
/** The dump of an empty database has more than 1,900 bytes. */
const DEFAULT_FLOOR_BYTES = 1000;

const FIELDS = createDatabaseFields({
  host: {
    pattern: /^(?:\/.*|[A-Za-z0-9._:-]+)$/,
    patternHint: 'must be one host name or address, or a socket that begins with /',
    help: 'A name or address, or the path of a Unix socket such as /run/mysqld/mysqld.sock.',
  },
  port: 3306,
  databaseChars: MAX_NAME_CHARS,
  tls: {
    modes: ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'],
    help: 'Older clients fall back to a plain connection without a word; only the last mode prevents that, the two before it refuse afterwards.',
  },
  connectTimeoutMin: 1,
  floorBytes: DEFAULT_FLOOR_BYTES,
  own: [
    {
      kind: 'choice',
      name: 'consistency',
      label: 'Consistency',
      default: 'transaction',
      advanced: true,
      options: [
        { value: 'transaction', label: 'one transaction: writers go on, InnoDB tables are consistent' },
        { value: 'lock', label: 'lock the tables: writers wait, every engine is consistent' },
      ],
    },
  ],
});

const probeAnswer = z.object({
  serverVersion: z.string(),
  sizeBytes: z.number().min(0),
  nonTransactional: z.number(),
  triggerGrants: z.number(),
  selectGrants: z.number(),
  roles: z.number(),
});

/** Refuses a server that is older than the oldest supported one of its family. */
function checkServerVersion(serverVersion: string): void {
  const family = /mariadb/i.test(serverVersion) ? 'MariaDB' : 'MySQL';
  const [major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(serverVersion) ?? []).slice(1).map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[family];
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new AppError(
      'unsupported',
      `${family} ${serverVersion} is too old: version ${oldestMajor}.${oldestMinor} or newer is needed. Upgrade the server.`,
    );
  }
}

function parseProbe(outcome: ToolOutcome): Probe {
  if (outcome.exitCode !== 0) {
    const failure = classifyMariadbFailure(outcome);
    throw createReasonError(failure.reason, failure.message);
  }
  checkTls(outcome.stdout);
  const answer = parseJsonLine(probeAnswer, outcome.stdout);
  checkServerVersion(answer.serverVersion);
  const warnings: string[] = [];
  if (answer.nonTransactional > 0) {
    warnings.push(
      `${answer.nonTransactional} tables have an engine without transactions: they may change while they are dumped. Set the consistency to “lock the tables”.`,
    );
  }
  if (answer.roles === 0 && answer.triggerGrants === 0) {
    warnings.push(
      'The user has no TRIGGER privilege on this database: the server hides its triggers, and they are not in the backup.',
    );
  }
  if (answer.roles === 0 && answer.selectGrants === 0) {
    warnings.push(
      'The user has no global SELECT privilege: the server may hide routines of other users, and those are not in the backup.',
    );
  }
  return {
    serverVersion: answer.serverVersion,
    estimatedBytes: answer.sizeBytes,
    facts: { nonTransactional: String(answer.nonTransactional) },
    warnings,
  };
}

function planBackup(input: PlanInput): readonly Artifact[] {
  const database = checkDatabaseName('database', getText(input.config, 'database'));
  const lock = findText(input.config, 'consistency') === 'lock';
  return [
    {
      kind: 'stream',
      role: 'data',
      producer: createMariadbCommand(input, 'mariadb-dump', undefined, [
        ...(lock ? ['--lock-tables'] : ['--single-transaction', '--skip-lock-tables']),
        '--quick',
        '--routines',
        '--triggers',
        '--events',
        '--hex-blob',
        '--comments',
        '--no-tablespaces',
        '--max-allowed-packet=1G',
        // Ends the options: the name stays an operand whatever it looks like. Without --databases the dump fits any database name.
        '--',
        database,
      ]),
      fileName: 'database.sql',
      magicHex: [encodeHex('/*M!999999\\- enable the sandbox mode */'), encodeHex('-- MariaDB dump'), encodeHex('-- MySQL dump')],
      floorBytes: getNumber(input.config, 'floorBytes', DEFAULT_FLOOR_BYTES),
    },
  ];
}

const discoveredRow = z.object({ name: z.string(), sizeBytes: z.number().min(0) });

function createSource(
  names: Pick<SourceAdapter, 'kind' | 'label' | 'summary' | 'drill' | 'recording' | 'restore'>,
): SourceAdapter {
  return {
    ...names,
    fields: FIELDS,
    tools: ['mariadb', 'mariadb-dump'],
    describe(config) {
      const host = findText(config, 'host') ?? '127.0.0.1';
      const database = getText(config, 'database');
      if (host.startsWith('/')) return `${database} on ${host}`;
      return `${database} on ${host.includes(':') ? `[${host}]` : host}:${getNumber(config, 'port', 3306)}`;
    },
    planProbe: (input) =>
      createSqlCommand(input, checkDatabaseName('database', getText(input.config, 'database')), createProbeSql(needsTls(input))),
    parseProbe,
    planBackup,
    classifyFailure: classifyMariadbFailure,
    discovery: {
      fills: 'database',
      plan: (input) => createSqlCommand(input, undefined, createDiscoverySql(needsTls(input))),
      parse(stdout) {
        checkTls(stdout);
        return parseJsonLines(discoveredRow, stdout);
      },
      configFor: (config, discovered) => ({ ...config, database: discovered.name }),
    },
    byHand: (fileName) =>
      fileName === 'database.sql'
        ? [
            'mariadb --execute="CREATE DATABASE new_database"',
            // A short form of `renaming`, which does not tell the text of a routine from what the tool wrote.
            "sed 's/^ALTER DATABASE `.*` CHARACTER SET /ALTER DATABASE CHARACTER SET /' | mariadb --binary-mode --max-allowed-packet=1G new_database",
          ]
        : [],
  };
}

export const mariadbSource: SourceAdapter = createSource({
  kind: 'mariadb',
  label: 'MariaDB database',
  summary: 'One database of a MariaDB server (10.5 or newer), with routines, triggers and events.',
  drill: mariadbDrill,
  restore: mariadbRestore,
  recording: mariadbRecording,
});

export const mysqlSource: SourceAdapter = createSource({
  kind: 'mysql',
  label: 'MySQL database',
  summary: 'One database of a MySQL server (8.0 or newer), with routines, triggers and events.',
  restore: mysqlRestore,
});
