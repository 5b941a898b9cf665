/** What MariaDB and MySQL sources share: one database of a server, its form, and how it is looked at and dumped. */
import * as z from 'zod';
import { createReasonError } from '../../../domain/reason.ts';
import { AppError } from '../../../errors.ts';
import { findText, getNumber, getText } from '../../config-values.ts';
import type { Artifact, PlanInput, Probe, SourceAdapter, ToolOutcome } from '../../source.ts';
import { createDatabaseFields, describeElsewhere, encodeHex, NO_TABLES, parseJsonLine, parseJsonLines } from '../database.ts';
import { createClientCommand, createSqlCommand, needsTls, usesMysqlClients } from './connection.ts';
import { classifyMariadbFailure } from './failures.ts';
import { checkDatabaseName, createDiscoverySql, createProbeSql, MAX_NAME_CHARS } from './sql.ts';
import { checkTls } from './tls.ts';

const OLDEST = { MariaDB: [10, 5], MySQL: [8, 0] } as const;
type Family = keyof typeof OLDEST;
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
  elsewhere: z.number(),
  tables: z.number(),
  triggerGrants: z.number(),
  selectGrants: z.number(),
  roles: z.number(),
  generated: z.number().optional(),
  vectors: z.number().optional(),
});

/** Refuses a server of the other family, and one that is older than the oldest supported one of its own. */
function checkServerVersion(serverVersion: string, wanted: Family): void {
  const family: Family = /mariadb/i.test(serverVersion) ? 'MariaDB' : 'MySQL';
  if (family !== wanted) {
    throw new AppError(
      'unsupported',
      `This is a server of ${family} (${serverVersion}), and the source is one of ${wanted}: make it a source of the kind “${family} database”.`,
    );
  }
  const [major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(serverVersion) ?? []).slice(1).map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[family];
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new AppError(
      'unsupported',
      `${family} ${serverVersion} is too old: version ${oldestMajor}.${oldestMinor} or newer is needed. Upgrade the server.`,
    );
  }
}

function parseProbe(outcome: ToolOutcome, family: Family): Probe {
  if (outcome.exitCode !== 0) {
    const failure = classifyMariadbFailure(outcome);
    throw createReasonError(failure.reason, failure.message);
  }
  checkTls(outcome.stdout);
  const answer = parseJsonLine(probeAnswer, outcome.stdout);
  checkServerVersion(answer.serverVersion, family);
  const warnings: string[] = [];
  if (answer.nonTransactional > 0) {
    warnings.push(
      `${answer.nonTransactional} tables have an engine without transactions: they may change while they are dumped. Set the consistency to “lock the tables”.`,
    );
  }
  if (answer.tables === 0) warnings.push(NO_TABLES);
  if (answer.elsewhere > 0) warnings.push(describeElsewhere(answer.elsewhere, 'tables of an engine that keeps none itself'));
  if (answer.roles === 0 && answer.triggerGrants === 0) {
    warnings.push(
      'The user has no TRIGGER privilege on this database: the server hides its triggers, and they are not in the backup.',
    );
  }
  if (answer.roles === 0 && answer.selectGrants === 0) {
    warnings.push(
      `The user has no global ${family === 'MySQL' ? 'SELECT or SHOW_ROUTINE' : 'SELECT'} privilege: the server may hide routines of other users, and those are not in the backup.`,
    );
  }
  return {
    serverVersion: answer.serverVersion,
    estimatedBytes: answer.sizeBytes,
    facts: {
      nonTransactional: String(answer.nonTransactional),
      unreadable: String((answer.generated ?? 0) + (answer.vectors ?? 0)),
    },
    warnings,
  };
}

/**
 * MariaDB's dump tool writes values for columns that MySQL computes itself, which its servers refuse, and vectors as text, which they do not
 * take: such a dump would be made, and never be restored.
 */
function assertReadable({ facts }: Probe): void {
  const { unreadable = '0' } = facts;
  if (unreadable === '0') return;
  throw createReasonError(
    'tool_missing',
    `${unreadable} columns of this database are generated or of type VECTOR, which MariaDB’s clients cannot dump so that a MySQL server takes it back. Install MySQL’s own clients (mysql and mysqldump) on this host.`,
  );
}

function planBackup(input: PlanInput, probe: Probe): readonly Artifact[] {
  const database = checkDatabaseName('database', getText(input.config, 'database'));
  const lock = findText(input.config, 'consistency') === 'lock';
  const isMysql = usesMysqlClients(input);
  if (!isMysql) assertReadable(probe);
  return [
    {
      kind: 'stream',
      role: 'data',
      producer: createClientCommand(input, 'dump', undefined, [
        ...(lock ? ['--lock-tables'] : ['--single-transaction', '--skip-lock-tables']),
        '--quick',
        '--routines',
        '--triggers',
        '--events',
        '--hex-blob',
        '--comments',
        '--no-tablespaces',
        '--max-allowed-packet=1G',
        // A dump is of one database: the server's own transactions, policies and what it knows of values belong to the server.
        ...(isMysql ? ['--set-gtid-purged=OFF', '--column-statistics=0', '--loose-masking-policies=0'] : []),
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

/** What is a kind's own. */
type OwnParts = Pick<
  SourceAdapter,
  'kind' | 'label' | 'summary' | 'tools' | 'otherTools' | 'drill' | 'recording' | 'restore' | 'byHand'
>;

/** The adapter of one family's servers. */
export function createServerSource(family: Family, own: OwnParts): SourceAdapter {
  const looksAtColumns = family === 'MySQL';
  return {
    ...own,
    fields: FIELDS,
    describe(config) {
      const host = findText(config, 'host') ?? '127.0.0.1';
      const database = getText(config, 'database');
      if (host.startsWith('/')) return `${database} on ${host}`;
      return `${database} on ${host.includes(':') ? `[${host}]` : host}:${getNumber(config, 'port', 3306)}`;
    },
    planProbe: (input) =>
      createSqlCommand(
        input,
        checkDatabaseName('database', getText(input.config, 'database')),
        createProbeSql(needsTls(input), looksAtColumns),
      ),
    parseProbe: (outcome) => parseProbe(outcome, family),
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
  };
}
