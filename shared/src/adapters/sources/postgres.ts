/**
 * One PostgreSQL database, version 12 or newer: `pg_dump` in the custom format without compression (the repository compresses and
 * deduplicates), with large objects, owners and grants, restorable under another name; the cluster's roles and tablespaces lie
 * beside it as `globals.sql`. How `--clean` and `--create` behave is decided at restore time, not in a custom archive.
 */
import * as z from 'zod';
import { createReasonError } from '../../domain/reason.ts';
import { AppError } from '../../errors.ts';
import { findText, getNumber, getText } from '../config-values.ts';
import type { Artifact, PlanInput, Probe, SourceAdapter, ToolOutcome } from '../source.ts';
import { createDatabaseFields, describeElsewhere, encodeHex, NO_TABLES, parseJsonLine, parseJsonLines } from './database.ts';
import { createPgCommand, createPsqlCommand, getMaintenanceDatabase, getSourceDatabase } from './postgres/connection.ts';
import { postgresRecording } from './postgres/contents.ts';
import { postgresDrill } from './postgres/drill.ts';
import { classifyPostgresFailure } from './postgres/failures.ts';
import { postgresRestore } from './postgres/restore.ts';
import { DISCOVERY_SQL, formatDatabaseUri, PROBE_SQL } from './postgres/sql.ts';

const OLDEST_MAJOR = 12;
/** An archive of an empty database has more than 800 bytes. */
const DEFAULT_FLOOR_BYTES = 512;
/** The frame of `pg_dumpall --globals-only` alone has more than 600 bytes. */
const GLOBALS_FLOOR_BYTES = 300;
/** A table locked for longer fails the dump, instead of queueing everybody else behind it. */
const LOCK_WAIT_MS = 60_000;

const FIELDS = createDatabaseFields({
  host: {
    pattern: /^(?:\/[^,]*|[A-Za-z0-9._:-]+)$/,
    patternHint: 'must be one host name or address, or a socket directory that begins with /',
    help: 'A name or address, or the directory of a Unix socket such as /var/run/postgresql.',
  },
  port: 5432,
  databaseChars: 63,
  userHelp: 'A superuser, or a role with pg_read_all_data.',
  tls: { modes: ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] },
  connectTimeoutMin: 2,
  floorBytes: DEFAULT_FLOOR_BYTES,
  own: [
    {
      kind: 'text',
      name: 'maintenanceDatabase',
      label: 'Maintenance database',
      default: 'postgres',
      maxChars: 63,
      advanced: true,
      help: 'Where databases are listed, created and dropped from.',
    },
    {
      kind: 'choice',
      name: 'roles',
      label: 'Roles',
      default: 'with-passwords',
      advanced: true,
      options: [
        { value: 'with-passwords', label: 'with passwords when permitted' },
        { value: 'without-passwords', label: 'without passwords' },
        { value: 'none', label: 'none' },
      ],
      help: 'Roles and tablespaces of the server, stored beside the database.',
    },
  ],
});

const probeAnswer = z.object({
  serverVersion: z.string(),
  versionNumber: z.int(),
  sizeBytes: z.number().min(0),
  superuser: z.boolean(),
  readsAllData: z.boolean(),
  readsRolePasswords: z.boolean(),
  standby: z.boolean(),
  unreadableTables: z.int().min(0),
  foreignTables: z.int().min(0),
  subscriptions: z.int().min(0),
  tables: z.int().min(0),
});

function parseProbe(outcome: ToolOutcome): Probe {
  if (outcome.exitCode !== 0) {
    const failure = classifyPostgresFailure(outcome);
    throw createReasonError(failure.reason, failure.message);
  }
  const answer = parseJsonLine(probeAnswer, outcome.stdout);
  const serverVersion = answer.serverVersion.split(' ', 1)[0] ?? '';
  const major = Math.floor(answer.versionNumber / 10_000);
  if (major < OLDEST_MAJOR) {
    throw new AppError(
      'unsupported',
      `PostgreSQL ${serverVersion} is too old: version ${OLDEST_MAJOR} or newer is needed. Upgrade the server.`,
    );
  }
  const warnings: string[] = [];
  if (answer.unreadableTables > 0) {
    warnings.push(
      `The user cannot read ${answer.unreadableTables} of the tables; the dump will fail. Grant pg_read_all_data to it.`,
    );
  }
  if (!answer.readsRolePasswords) warnings.push('The user may not read role passwords; roles are stored without them.');
  if (answer.standby)
    warnings.push('The server is a standby: a long dump may be cancelled by replay, and unlogged tables are empty.');
  if (answer.tables === 0) warnings.push(NO_TABLES);
  if (answer.subscriptions > 0 && !answer.superuser)
    warnings.push(
      `${answer.subscriptions} subscriptions of logical replication are not in the dump: pg_dump leaves them out unless a superuser runs it.`,
    );
  if (answer.foreignTables > 0) warnings.push(describeElsewhere(answer.foreignTables, 'foreign tables'));
  return {
    serverVersion,
    estimatedBytes: answer.sizeBytes,
    facts: {
      serverMajor: String(major),
      superuser: answer.superuser ? 'yes' : 'no',
      readsRolePasswords: answer.readsRolePasswords ? 'yes' : 'no',
    },
    warnings,
  };
}

function planBackup(input: PlanInput, probe: Probe): readonly Artifact[] {
  const database = getSourceDatabase(input);
  const dump: Artifact = {
    kind: 'stream',
    role: 'data',
    producer: createPgCommand(input, 'pg_dump', database, [
      '--format=custom',
      '--compress=0',
      `--lock-wait-timeout=${LOCK_WAIT_MS}`,
    ]),
    fileName: 'database.dump',
    magicHex: [encodeHex('PGDMP')],
    floorBytes: getNumber(input.config, 'floorBytes', DEFAULT_FLOOR_BYTES),
  };
  const roles = findText(input.config, 'roles') ?? 'with-passwords';
  if (roles === 'none') return [dump];
  const withPasswords = roles === 'with-passwords' && probe.facts['readsRolePasswords'] === 'yes';
  const globals: Artifact = {
    kind: 'stream',
    role: 'globals',
    producer: createPgCommand(input, 'pg_dumpall', database, [
      '--globals-only',
      ...(withPasswords ? [] : ['--no-role-passwords']),
      // The database the user can certainly reach; pg_dumpall otherwise insists on `postgres` or `template1`.
      `--database=${formatDatabaseUri(database)}`,
    ]),
    fileName: 'globals.sql',
    magicHex: [encodeHex('--\n-- PostgreSQL database cluster dump\n--\n')],
    floorBytes: GLOBALS_FLOOR_BYTES,
  };
  // The dump first: one that dies leaves nothing in the repository, not even the roles of a backup that never was.
  return [dump, globals];
}

const discoveredRow = z.object({ name: z.string(), sizeBytes: z.number().nullable() });

export const postgresSource: SourceAdapter = {
  kind: 'postgres',
  label: 'PostgreSQL database',
  summary: 'One database of a PostgreSQL server (12 or newer), with large objects, owners, grants and the server’s roles.',
  fields: FIELDS,
  tools: ['psql', 'pg_dump', 'pg_dumpall', 'pg_restore'],
  describe(config) {
    const host = findText(config, 'host') ?? '127.0.0.1';
    return `${getText(config, 'database')} on ${host.includes(':') ? `[${host}]` : host}:${getNumber(config, 'port', 5432)}`;
  },
  planProbe: (input) => createPsqlCommand(input, getSourceDatabase(input), 'probe', PROBE_SQL),
  parseProbe,
  planBackup,
  classifyFailure: classifyPostgresFailure,
  discovery: {
    fills: 'database',
    plan: (input) => createPsqlCommand(input, getMaintenanceDatabase(input), 'discover', DISCOVERY_SQL),
    parse: (stdout) =>
      parseJsonLines(discoveredRow, stdout).map(({ name, sizeBytes }) => ({ name, sizeBytes: sizeBytes ?? undefined })),
    configFor: (config, discovered) => ({ ...config, database: discovered.name }),
  },
  byHand(fileName) {
    if (fileName === 'globals.sql') return ['psql --dbname=postgres'];
    if (fileName !== 'database.dump') return [];
    return ['createdb --template=template0 new_database', 'pg_restore --exit-on-error --dbname=new_database'];
  },
  restore: postgresRestore,
  drill: postgresDrill,
  recording: postgresRecording,
};
