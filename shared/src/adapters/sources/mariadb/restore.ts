/**
 * Restore of a dump into a new database. The client runs in its sandbox and in binary mode, so that a hostile dump reaches the
 * server as SQL and nothing on the host. Definers are kept as they are: where the account does not exist, a view or routine is made
 * and fails when it is used; an account without the right to set another definer gets error 1227 and the restore fails.
 * Events come back as they were, enabled ones included.
 *
 * A dump cut at the end of a statement restores without an error, so the exit code here proves nothing about completeness: that the whole
 * artifact was read is for the producer's exit code and the snapshot's size to say.
 */
import * as z from 'zod';
import { getText } from '../../config-values.ts';
import type { DatabaseRestore, RestoreInput, ToolOutcome, Verdict } from '../../source.ts';
import { parseJsonLine } from '../database.ts';
import { classifyByRules } from '../tool-text.ts';
import { createMariadbCommand, createSqlCommand, needsTls } from './connection.ts';
import { dropEcho, MARIADB_FAILURES } from './failures.ts';
import { checkDatabaseName, createCreateSql, createDropSql, createInspectSql, createVerifySql } from './sql.ts';
import { checkTls } from './tls.ts';

const counts = {
  tables: z.number(),
  views: z.number(),
  routines: z.number(),
  triggers: z.number(),
  events: z.number(),
  rows: z.number(),
};
const inspection = z.object({ ...counts, serverVersion: z.string(), exists: z.number() });
const verification = z.object(counts);

/** Exit 0 without an `ERROR` line is good; anything else is not. */
export function judgeMariadbRestore(outcome: ToolOutcome): Verdict {
  if (outcome.exitCode === 0 && !/^ERROR\b/m.test(outcome.stderr)) return { ok: true, warnings: [] };
  const failure = classifyByRules(MARIADB_FAILURES, dropEcho(outcome), 'restore_failed');
  return { ok: false, reason: failure.reason === 'dump_failed' ? 'restore_failed' : failure.reason, message: failure.message };
}

function getTarget(input: RestoreInput): string {
  return checkDatabaseName('targetDatabase', input.targetDatabase);
}

export const mariadbRestore: DatabaseRestore = {
  planInspectTarget: (input) => createSqlCommand(input, undefined, createInspectSql(getTarget(input), needsTls(input))),
  parseInspectTarget(stdout) {
    checkTls(stdout);
    const found = parseJsonLine(inspection, stdout);
    return {
      exists: found.exists > 0,
      empty: found.tables + found.views + found.routines + found.triggers + found.events === 0,
      serverVersion: found.serverVersion,
    };
  },
  planCreateTarget: (input) =>
    createSqlCommand(input, undefined, createCreateSql(getTarget(input), getText(input.config, 'database'))),
  planRestore: (input) =>
    createMariadbCommand(input, 'mariadb', getTarget(input), [
      '--batch',
      '--binary-mode',
      // Clients that do not know the sandbox say so and go on.
      '--loose-sandbox',
      '--max-allowed-packet=1G',
    ]),
  judgeRestore: judgeMariadbRestore,
  planVerify: (input) => createSqlCommand(input, undefined, createVerifySql(getTarget(input))),
  parseVerify(stdout) {
    const found = parseJsonLine(verification, stdout);
    return {
      tables: found.tables,
      seen: `${found.tables} tables with about ${found.rows} rows, ${found.views} views, ${found.routines} routines, ${found.triggers} triggers, ${found.events} events`,
    };
  },
  planDropTarget: (input) => createSqlCommand(input, undefined, createDropSql(getTarget(input))),
};
