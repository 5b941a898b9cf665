/**
 * Restore into a MySQL server. What MariaDB's own statements do is not there: a database is replaced by moving its tables, only tables can
 * be moved, and no sessions are ended.
 */
import type { DatabaseRestore, PourInput } from '../../source.ts';
import { createClientCommand, createSqlCommand, usesMysqlClients } from '../mariadb/connection.ts';
import { listHolds, mariadbRestore } from '../mariadb/restore.ts';
import { checkDatabaseName, createSwapSql } from '../mariadb/sql.ts';

const { planTake: _unknown, planEndSessions: _none, sessionsOnlyWait: _neither, ...shared } = mariadbRestore;

function planRestore(input: PourInput) {
  if (!usesMysqlClients(input)) return mariadbRestore.planRestore(input);
  const target = checkDatabaseName('targetDatabase', input.targetDatabase);
  // In binary mode the client knows no commands but the delimiter, nor the order to itself that a dump of MariaDB's tool begins with.
  return createClientCommand(input, 'client', target, [
    '--batch',
    '--binary-mode',
    '--comments',
    '--local-infile=0',
    '--max-allowed-packet=1G',
    ...listHolds(input),
  ]);
}

export const mysqlRestore: DatabaseRestore = {
  ...shared,
  modes: ['new', 'replace'],
  planRestore,
  planSwap: ({ targetDatabase, scratch, aside, ...input }) =>
    createSqlCommand(
      input,
      undefined,
      createSwapSql(
        checkDatabaseName('targetDatabase', targetDatabase),
        checkDatabaseName('scratch', scratch),
        checkDatabaseName('aside', aside),
      ),
    ),
  // The tables are moved all at once; the databases themselves stay.
  wasSwapped: (scratch, aside) => !scratch.exists || scratch.empty || (aside.exists && !aside.empty),
};
