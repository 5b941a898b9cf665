/** SQL and commands for restores that build a database beside the target: the swap, and the copying of chosen tables. */
import type { ChosenTable } from '../../../domain/restore.ts';
import type { Command } from '../../command.ts';
import type { CopyTablesInput, SwapInput } from '../../source.ts';
import { createPgCommand, createPsqlCommand, getMaintenanceDatabase } from './connection.ts';
import { checkDatabaseName, formatDatabaseUri, quoteIdentifier, quoteLiteral } from './sql.ts';

/** Ends every other session in the target; fails where one of them may not be ended by this user. */
export function createEndSessionsSql(target: string): string {
  return `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = ${quoteLiteral(target)} AND pid <> pg_backend_pid() AND backend_type = 'client backend';
`;
}

/** Settings whose values the catalog holds as quoted lists; quoting one again would make one name of the list. */
const QUOTED_LISTS =
  "('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries', 'shared_preload_libraries')";

/** The new content gets what belonged to the database itself: owner, connection limit, grants, settings. */
function createAdoptSql(target: string, scratch: string): string {
  const from = quoteLiteral(target);
  const to = quoteLiteral(scratch);
  const grantee = "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END";
  return `SELECT format('ALTER DATABASE %I OWNER TO %I', ${to}, pg_get_userbyid(datdba)) FROM pg_database WHERE datname = ${from} \\gexec
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', ${to}, datconnlimit) FROM pg_database WHERE datname = ${from} AND datconnlimit <> -1 \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', ${to}) FROM pg_database WHERE datname = ${from} AND datacl IS NOT NULL \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, ${to}, ${grantee}, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = ${from} \\gexec
SELECT CASE WHEN r.setrole = 0 THEN format('ALTER DATABASE %I', ${to}) ELSE format('ALTER ROLE %I IN DATABASE %I', pg_get_userbyid(r.setrole), ${to}) END
  || format(' SET %I TO ', split_part(s.setting, '=', 1))
  || CASE WHEN split_part(s.setting, '=', 1) IN ${QUOTED_LISTS} THEN substr(s.setting, strpos(s.setting, '=') + 1)
    ELSE quote_literal(substr(s.setting, strpos(s.setting, '=') + 1)) END
  FROM pg_db_role_setting r JOIN pg_database d ON d.oid = r.setdatabase, unnest(r.setconfig) s(setting) WHERE d.datname = ${from} \\gexec
`;
}

/**
 * Renames both databases in one transaction. PostgreSQL refuses to rename a database that anybody is connected to, and then nothing of it
 * has happened.
 */
export function planSwap(input: SwapInput): Command {
  const target = checkDatabaseName('targetDatabase', input.targetDatabase);
  const scratch = checkDatabaseName('scratch', input.scratch);
  const aside = checkDatabaseName('aside', input.aside);
  const script = `BEGIN;
${createAdoptSql(target, scratch)}${input.endSessions ? createEndSessionsSql(target) : ''}ALTER DATABASE ${quoteIdentifier(target)} RENAME TO ${quoteIdentifier(aside)};
ALTER DATABASE ${quoteIdentifier(scratch)} RENAME TO ${quoteIdentifier(target)};
COMMIT;
`;
  return createPsqlCommand(input, getMaintenanceDatabase(input), 'swap', script);
}

const getSchema = (table: ChosenTable) => table.schema ?? 'public';

/** A table as pg_dump's pattern: inside double quotes every letter stands for itself. */
function formatTablePattern(table: ChosenTable): string {
  return `${quoteIdentifier(getSchema(table))}.${quoteIdentifier(table.name)}`;
}

export function planSchemas(input: CopyTablesInput): Command {
  const schemas = [...new Set(input.tables.map(getSchema))];
  const script = schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};\n`).join('');
  return createPsqlCommand(input, checkDatabaseName('targetDatabase', input.targetDatabase), 'schemas', script);
}

/** Out of the scratch database, with indexes, constraints, triggers and own sequences; into the target in one transaction. */
export function planCopyTables(input: CopyTablesInput): { producer: Command; consumer: Command } {
  const target = checkDatabaseName('targetDatabase', input.targetDatabase);
  const scratch = checkDatabaseName('scratch', input.scratch);
  return {
    producer: createPgCommand(input, 'pg_dump', scratch, [
      '--format=custom',
      '--compress=0',
      '--strict-names',
      ...input.tables.map((table) => `--table=${formatTablePattern(table)}`),
    ]),
    consumer: createPgCommand(input, 'pg_restore', target, [
      '--format=custom',
      `--dbname=${formatDatabaseUri(target)}`,
      '--clean',
      '--if-exists',
      '--single-transaction',
      ...(input.owners === false ? ['--no-owner', '--no-privileges'] : []),
    ]),
  };
}
