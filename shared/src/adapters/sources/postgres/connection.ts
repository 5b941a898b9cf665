/**
 * How PostgreSQL's clients are told where to connect: everything by environment, the password and certificates by file. libpq
 * expands a database name given as an option (`a=b`, `postgres://x`), but not one in PGDATABASE.
 */
import type { Command, CommandFile, ToolName } from '../../command.ts';
import { checkOneLine, createFieldError, findSecret, findText, getNumber, getText, normalizeLines } from '../../config-values.ts';
import type { PlanInput } from '../../source.ts';
import { checkDatabaseName } from './sql.ts';

/** A line of the password file for any server: `\` and `:` are escaped; the format has no way to write a line break. */
export function formatPgpass(password: string): string {
  return `*:*:*:*:${checkOneLine('password', password).replaceAll('\\', '\\\\').replaceAll(':', '\\:')}\n`;
}

interface Connection {
  env: Readonly<Record<string, string>>;
  files: readonly CommandFile[];
}

/** Environment and files for one connection to `database`. Messages are English, so that they can be classified. */
function createConnection(input: PlanInput, database: string): Connection {
  const { config, secrets, workDir } = input;
  const sslMode = findText(config, 'sslMode') ?? 'prefer';
  const rootCert = findText(config, 'sslRootCert');
  if (sslMode.startsWith('verify-') && rootCert === undefined) {
    throw createFieldError('sslRootCert', `is needed for the TLS mode ${sslMode}`);
  }
  const password = findSecret(secrets, 'password');
  const passFile: CommandFile = { path: `${workDir}/pgpass`, content: password === undefined ? '' : formatPgpass(password) };
  const certFile: CommandFile | undefined =
    rootCert === undefined ? undefined : { path: `${workDir}/pg-root.crt`, content: normalizeLines(rootCert) };
  return {
    env: {
      PGHOST: findText(config, 'host') ?? '127.0.0.1',
      PGPORT: String(getNumber(config, 'port', 5432)),
      PGUSER: getText(config, 'user'),
      PGDATABASE: database,
      // Always set, so that a password file in somebody's home never answers for this source.
      PGPASSFILE: passFile.path,
      PGSSLMODE: sslMode,
      ...(certFile === undefined ? {} : { PGSSLROOTCERT: certFile.path }),
      PGCONNECT_TIMEOUT: String(getNumber(config, 'connectTimeoutSeconds', 10)),
      LC_ALL: 'C',
    },
    files: certFile === undefined ? [passFile] : [passFile, certFile],
  };
}

/** The database of the source itself. */
export function getSourceDatabase(input: PlanInput): string {
  return checkDatabaseName('database', getText(input.config, 'database'));
}

export function getMaintenanceDatabase(input: PlanInput): string {
  return checkDatabaseName('maintenanceDatabase', findText(input.config, 'maintenanceDatabase') ?? 'postgres');
}

/** A command of PostgreSQL's family connected to `database`. */
export function createPgCommand(input: PlanInput, tool: ToolName, database: string, args: readonly string[]): Command {
  const { env, files } = createConnection(input, database);
  // A database administrator reads in pg_stat_activity what connects.
  return { tool, args: [...args, '--no-password'], env: { ...env, PGAPPNAME: `holdfast ${tool}` }, files };
}

/** Runs a script in `database`; the SQL lies in a file, so that no user text is in the arguments. Output is one value a line. */
export function createPsqlCommand(input: PlanInput, database: string, name: string, script: string): Command {
  const path = `${input.workDir}/${name}.sql`;
  const command = createPgCommand(input, 'psql', database, [
    '--no-psqlrc',
    '--quiet',
    '--no-align',
    '--tuples-only',
    '--set=ON_ERROR_STOP=1',
    `--file=${path}`,
  ]);
  return {
    ...command,
    // Not for pg_dump, which would re-encode the dump.
    env: { ...command.env, PGCLIENTENCODING: 'UTF8' },
    files: [...command.files, { path, content: script }],
  };
}
