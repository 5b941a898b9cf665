/**
 * Restore of a dump into a new database; what changes one that exists goes by way of a private database, see `take.ts`. The client runs in its sandbox and in binary mode, so that a hostile dump reaches the
 * server as SQL and nothing on the host. Definers are kept as they are: where the account does not exist, a view or routine is made
 * and fails when it is used; an account without the right to set another definer gets error 1227 and the restore fails.
 * Events come back as they were, enabled ones included.
 *
 * A dump cut at the end of a statement restores without an error, so the client's exit code proves nothing about completeness: its last line
 * does, and the producer's exit code that all of it was read.
 */
import * as z from 'zod';
import { RESTORE_MODES } from '../../../domain/restore.ts';
import { getText } from '../../config-values.ts';
import type { DatabaseRestore, PourInput, RestoreInput, ToolOutcome, Verdict } from '../../source.ts';
import { DATABASE_LOGIN, parseJsonLine } from '../database.ts';
import { createClientCommand, createScriptCommand, createSqlCommand, needsTls } from './connection.ts';
import { classifyMariadbText } from './failures.ts';
import { createHoldArgument, mariadbFilling } from './filling.ts';
import { RENAMING } from './renaming.ts';
import { mariadbScript } from './script.ts';
import {
  checkDatabaseName,
  createCreateSql,
  createDropSql,
  createEndSessionsSql,
  createInspectSql,
  createUnmarkSql,
  createVerifySql,
  quoteIdentifier,
} from './sql.ts';
import { planTake } from './take.ts';
import { checkTls } from './tls.ts';

const counts = {
  tables: z.number(),
  views: z.number(),
  routines: z.number(),
  triggers: z.number(),
  events: z.number(),
  rows: z.number(),
};
const inspection = z.object({
  ...counts,
  serverVersion: z.string(),
  filesAt: z.string(),
  exists: z.number(),
  seesAll: z.number(),
  marks: z.string().nullable(),
  outsiders: z.number(),
  sizeBytes: z.number().min(0),
  sessions: z.int().min(0),
});
const verification = z.object(counts);

/** Collations of MySQL 8 that servers of MariaDB have no name for. */
const FOREIGN_COLLATION = /Unknown collation: '(utf8mb4(?:_[a-z]{1,9}){0,2}_0900_[a-z_]{1,20})'/;

/** Exit 0 without an `ERROR` line is good; anything else is not. */
export function judgeMariadbRestore(outcome: ToolOutcome): Verdict {
  if (outcome.exitCode === 0 && !/^ERROR\b/m.test(outcome.stderr)) return { ok: true, warnings: [] };
  const collation = FOREIGN_COLLATION.exec(outcome.stderr)?.[1];
  if (collation !== undefined) {
    const message = `This server does not know ${collation}, a collation of MySQL 8. Restore the dump into a MySQL server, or replace that word in it, by utf8mb4_unicode_520_ci for instance`;
    return { ok: false, reason: 'restore_failed', message };
  }
  const failure = classifyMariadbText(outcome, 'restore_failed');
  return { ok: false, reason: failure.reason === 'dump_failed' ? 'restore_failed' : failure.reason, message: failure.message };
}

function getTarget(input: RestoreInput): string {
  return checkDatabaseName('targetDatabase', input.targetDatabase);
}

/** The dump's own words about the server it came from. */
const DUMPED_FROM = /^-- Server version\t([^\n]+)$/m;
/** Comments and session settings come before the first table; the version stands among them. */
const HEAD_BYTES = 1024;

/** Major and minor as one number; undefined for what is no version. */
function rankVersion(version: string): number | undefined {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})/.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : Number(major) * 1000 + Number(minor);
}

function isOlder(serverVersion: string, dumpedFrom: string): boolean {
  const server = rankVersion(serverVersion);
  const dumped = rankVersion(dumpedFrom);
  return server !== undefined && dumped !== undefined && server < dumped;
}

/** Arguments of the client whose session is waited for where what it fills must be emptied again. */
export const listHolds = ({ filling }: PourInput): readonly string[] =>
  filling === undefined ? [] : [createHoldArgument(filling)];

export const mariadbRestore: DatabaseRestore = {
  login: DATABASE_LOGIN,
  modes: RESTORE_MODES,
  head: {
    bytes: HEAD_BYTES,
    read(head) {
      const serverVersion = DUMPED_FROM.exec(head)?.[1];
      return serverVersion === undefined ? undefined : { serverVersion };
    },
    isOlder,
  },
  isWholeEnd: (lastBytes) => /^-- Dump completed/m.test(lastBytes),
  planInspectTarget: (input) => createSqlCommand(input, undefined, createInspectSql(getTarget(input), needsTls(input))),
  parseInspectTarget(stdout) {
    checkTls(stdout);
    const found = parseJsonLine(inspection, stdout);
    return {
      exists: found.exists > 0,
      seesAll: found.seesAll > 0,
      empty: found.tables + found.views + found.routines + found.triggers + found.events === 0,
      serverVersion: found.serverVersion,
      fixed: found.views + found.routines + found.triggers + found.events + found.outsiders,
      tables: found.tables,
      sizeBytes: Math.round(found.sizeBytes),
      sessions: found.sessions,
      marks: found.marks === null ? [] : found.marks.split(','),
      filesAt: found.filesAt,
    };
  },
  planCreateTarget: (input) =>
    createSqlCommand(input, undefined, createCreateSql(getTarget(input), getText(input.config, 'database'), input)),
  planUnmark: (input) => createSqlCommand(input, undefined, createUnmarkSql(getTarget(input), input.mark)),
  planRestore: (input) =>
    createClientCommand(input, 'client', getTarget(input), [
      '--batch',
      '--binary-mode',
      // Those in the text of routines, which the client leaves out otherwise.
      '--comments',
      // Clients that do not know the sandbox say so and go on.
      '--loose-sandbox',
      // No file of the host goes to the server, whatever a script asks for.
      '--local-infile=0',
      '--max-allowed-packet=1G',
      ...listHolds(input),
    ]),
  filling: mariadbFilling,
  judgeRestore: judgeMariadbRestore,
  renaming: RENAMING,
  wholeLastLine: '^-- Dump completed',
  script: mariadbScript,
  planTake,
  planEndSessions: (input) =>
    createScriptCommand(input, 'end-sessions', getTarget(input), createEndSessionsSql(getTarget(input))),
  sessionsOnlyWait: true,
  // The list of what moves has moved as well.
  wasSwapped: (scratch, aside) => !scratch.exists || (aside.exists && !aside.empty),
  planVerify: (input) => createSqlCommand(input, undefined, createVerifySql(getTarget(input))),
  parseVerify(stdout) {
    const found = parseJsonLine(verification, stdout);
    return {
      tables: found.tables,
      seen: `${found.tables} tables with about ${found.rows} rows, ${found.views} views, ${found.routines} routines, ${found.triggers} triggers, ${found.events} events`,
    };
  },
  planDropTarget: (input) => createSqlCommand(input, undefined, createDropSql(getTarget(input))),
  sayDrop: (database) => `DROP DATABASE ${quoteIdentifier(database)};`,
};
