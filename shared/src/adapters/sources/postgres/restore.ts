/**
 * Restore of a custom-format archive: into a new database, or into one that exists, there in one transaction. Owners and grants are kept; a role that does not exist on the target
 * server costs its ownership and grants, as a warning, and nothing else. Settings and grants of the database itself follow, see `properties.ts`.
 */
import * as z from 'zod';
import { RESTORE_MODES } from '../../../domain/restore.ts';
import type { DatabaseRestore, PourInput, RestoreInput, ToolOutcome, Verdict } from '../../source.ts';
import { DATABASE_LOGIN, parseJsonLine } from '../database.ts';
import { cleanToolText, describeOutcome } from '../tool-text.ts';
import { createEndSessionsSql, planCopyTables, planSchemas, planSwap } from './beside.ts';
import { createPgCommand, createPsqlCommand, getMaintenanceDatabase, getSourceDatabase } from './connection.ts';
import { POSTGRES_FAILURES } from './failures.ts';
import { HEAD_BYTES, isOlderPg, readArchiveHead } from './head.ts';
import { postgresProperties } from './properties.ts';
import { postgresRoles } from './roles.ts';
import { postgresScript } from './script.ts';
import {
  checkDatabaseName,
  createCreateSql,
  createDropSql,
  createInspectSql,
  formatDatabaseUri,
  quoteIdentifier,
  VERIFY_SQL,
} from './sql.ts';
import { postgresWitness } from './witness.ts';

interface IgnorableError {
  /** Tried against one line of stderr and the line after it. */
  pattern: RegExp;
  describe(match: RegExpExecArray): string;
}

/** Errors of single statements after which the restore is still whole. */
const IGNORABLE_ERRORS: readonly IgnorableError[] = [
  {
    pattern: /^pg_restore: error: could not execute query: ERROR: {2}role "([^\n]*)" does not exist\n/,
    describe: (match) =>
      `The role ${match[1]} does not exist on this server: what it owned or was granted belongs to the restoring user.`,
  },
  {
    // Sent by clients of version 17 and newer to older servers, before anything is restored.
    pattern:
      /^pg_restore: error: could not execute query: ERROR: {2}unrecognized configuration parameter "transaction_timeout"\nCommand was: SET transaction_timeout = 0;$/,
    describe: () => 'The client is newer than the server; a session setting the server does not know was left out.',
  },
];

const ERRORS_IGNORED = /^pg_restore: warning: errors ignored on restore: (\d+)$/m;

/**
 * Exit 0 is good. Exit 1 is good only if pg_restore went to the end (it then counts the errors it passed over), every error in
 * the text is one of the ignorable kind, and their number is that count: a cut text can hide nothing.
 */
export function judgePostgresRestore(outcome: ToolOutcome): Verdict {
  if (outcome.exitCode === 0) return { ok: true, warnings: [] };
  const count = ERRORS_IGNORED.exec(outcome.stderr)?.[1];
  const lines = outcome.stderr.split('\n');
  const errorLines = lines.flatMap((line, index) => (line.startsWith('pg_restore: error:') ? [index] : []));
  if (outcome.exitCode === 1 && count !== undefined && errorLines.length > 0 && errorLines.length === Number(count)) {
    const warnings = errorLines.map((index) => {
      const text = `${lines[index]}\n${lines[index + 1] ?? ''}`;
      for (const ignorable of IGNORABLE_ERRORS) {
        const match = ignorable.pattern.exec(text);
        if (match) return ignorable.describe(match);
      }
      return undefined;
    });
    if (warnings.every((warning) => warning !== undefined)) return { ok: true, warnings: [...new Set(warnings)] };
  }
  return { ok: false, ...classifyRestoreFailure(outcome) };
}

/** Connection trouble keeps its own reason; everything after that is the restore's failure. */
function classifyRestoreFailure(outcome: ToolOutcome): Pick<Extract<Verdict, { ok: false }>, 'reason' | 'message'> {
  const firstError = /^pg_restore: error: (?!could not execute query)[^\n]*(?:\n(?!pg_restore:)[^\n]*)?/m.exec(
    outcome.stderr,
  )?.[0];
  const rule = firstError === undefined ? undefined : POSTGRES_FAILURES.find((candidate) => candidate.pattern.test(firstError));
  if (rule === undefined || firstError === undefined) return { reason: 'restore_failed', message: describeOutcome(outcome) };
  return { reason: rule.reason, message: cleanToolText(firstError) };
}

const inspection = z.object({
  exists: z.boolean(),
  objects: z.int().min(0),
  tables: z.int().min(0),
  sizeBytes: z.int().min(0),
  sessions: z.int().min(0),
  serverVersion: z.string(),
  filesAt: z.string().nullable(),
  superuser: z.boolean(),
  oid: z.string().nullable(),
});
const verification = z.object({
  tables: z.int().min(0),
  views: z.int().min(0),
  functions: z.int().min(0),
  rows: z.number().min(0),
  sizeBytes: z.number().min(0),
});

function getTarget(input: RestoreInput): string {
  return checkDatabaseName('targetDatabase', input.targetDatabase);
}

/** Where something exists already, all of it comes or none: the server takes back what a lost connection leaves. */
function listModeOptions({ mode = 'new', superuser, inOne = false }: PourInput): readonly string[] {
  const one = inOne ? ['--single-transaction'] : [];
  switch (mode) {
    case 'new':
      return one;
    case 'schema_only':
      return [...one, '--schema-only'];
    case 'append':
      return ['--single-transaction'];
    case 'clean':
      return ['--single-transaction', '--clean', '--if-exists'];
    case 'data_only':
      // Rows come table by table; only a superuser may put off the checks between tables until all are there.
      return ['--single-transaction', '--data-only', ...(superuser === true ? ['--disable-triggers'] : [])];
  }
}

const listPourOptions = (input: PourInput): readonly string[] => [
  '--format=custom',
  // A target is needed as an option, or pg_restore writes a script instead of connecting.
  `--dbname=${formatDatabaseUri(getTarget(input))}`,
  ...listModeOptions(input),
  ...(input.owners === false ? ['--no-owner', '--no-privileges'] : []),
];

export const postgresRestore: DatabaseRestore = {
  login: DATABASE_LOGIN,
  modes: RESTORE_MODES,
  head: { bytes: HEAD_BYTES, read: readArchiveHead, isOlder: isOlderPg },
  planProof: (input) =>
    createPgCommand(input, 'pg_restore', getMaintenanceDatabase(input), ['--format=custom', '--file=/dev/null']),
  judgeProof(outcome) {
    if (outcome.exitCode === 0) return { ok: true, warnings: [] };
    return { ok: false, reason: 'snapshot_damaged', message: describeOutcome(outcome) };
  },
  planInspectTarget: (input) =>
    createPsqlCommand(input, getMaintenanceDatabase(input), 'inspect', createInspectSql(getTarget(input))),
  parseInspectTarget(stdout) {
    const { objects, serverVersion, filesAt, oid, ...found } = parseJsonLine(inspection, stdout);
    return {
      ...found,
      empty: objects === 0,
      seesAll: true,
      marks: oid === null ? [] : [oid],
      serverVersion: serverVersion.split(' ', 1)[0] ?? '',
      ...(filesAt === null ? {} : { filesAt }),
    };
  },
  planCreateTarget: (input) =>
    createPsqlCommand(
      input,
      getMaintenanceDatabase(input),
      'create',
      createCreateSql(getTarget(input), getSourceDatabase(input)),
    ),
  planRestore: (input) => createPgCommand(input, 'pg_restore', getTarget(input), listPourOptions(input)),
  fillsInOne: true,
  planRestoreFile: (input, { path, jobs }) =>
    createPgCommand(input, 'pg_restore', getTarget(input), [
      ...listPourOptions(input),
      // One connection is what a transaction can be made of.
      ...(jobs > 1 ? [`--jobs=${jobs}`] : []),
      path,
    ]),
  judgeRestore: judgePostgresRestore,
  script: postgresScript,
  roles: postgresRoles,
  properties: postgresProperties,
  planEndSessions: (input) =>
    createPsqlCommand(input, getMaintenanceDatabase(input), 'end-sessions', createEndSessionsSql(getTarget(input))),
  planSwap,
  wasSwapped: (scratch, aside) => !scratch.exists || aside.exists,
  witness: postgresWitness,
  planSchemas,
  planCopyTables,
  planVerify: (input) => createPsqlCommand(input, getTarget(input), 'verify', VERIFY_SQL),
  parseVerify(stdout) {
    const found = parseJsonLine(verification, stdout);
    return {
      tables: found.tables,
      seen: `${found.tables} tables with about ${found.rows} rows, ${found.views} views, ${found.functions} functions, ${found.sizeBytes} bytes`,
    };
  },
  planDropTarget: (input) => createPsqlCommand(input, getMaintenanceDatabase(input), 'drop', createDropSql(getTarget(input))),
  sayDrop: (database) => `DROP DATABASE ${quoteIdentifier(database)};`,
};
