/**
 * How the clients of MariaDB and of MySQL are told where to connect: one private option file, given first, which is the only one they then
 * read. It holds the connection and the password; arguments hold neither. The two families differ in what they call TLS.
 */
import type { Command, CommandFile } from '../../command.ts';
import { checkText, createFieldError, findSecret, findText, getNumber, getText, normalizeLines } from '../../config-values.ts';
import type { PlanInput } from '../../source.ts';

/** Clients read option files in pieces of 4096 bytes; a longer line would go on as a line of its own. */
const MAX_QUOTED_BYTES = 3000;

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
};

/** A value of an option file in double quotes, where only the escapes and the quote itself mean anything. `field` names it in errors. */
export function quoteOptionValue(field: string, value: string): string {
  const quoted = `"${checkText(field, value).replaceAll(/[\\"\n\r\t\b]/g, (character) => ESCAPES[character] ?? character)}"`;
  if (new TextEncoder().encode(quoted).length > MAX_QUOTED_BYTES) throw createFieldError(field, 'is too long for an option file');
  return quoted;
}

/** Whether the connection has to be encrypted; the answers to the looks are checked against it. */
export function needsTls(input: PlanInput): boolean {
  const mode = findText(input.config, 'sslMode') ?? 'prefer';
  return mode === 'require' || mode.startsWith('verify-');
}

/** Whether the commands are for MySQL's own clients; MariaDB's are used otherwise. */
export function usesMysqlClients(input: PlanInput): boolean {
  return input.tools?.includes('mysql') === true;
}

const MYSQL_TLS: Readonly<Record<string, string>> = {
  disable: 'DISABLED',
  prefer: 'PREFERRED',
  require: 'REQUIRED',
  'verify-ca': 'VERIFY_CA',
  'verify-full': 'VERIFY_IDENTITY',
};

function createMysqlTlsLines(mode: string, certPath: string | undefined): readonly string[] {
  const name = Object.hasOwn(MYSQL_TLS, mode) ? MYSQL_TLS[mode] : undefined;
  if (name === undefined) throw createFieldError('sslMode', 'is not a known TLS mode');
  return [
    `ssl-mode=${name}`,
    ...(certPath === undefined ? [] : [`ssl-ca=${quoteOptionValue('workDir', certPath)}`]),
    // On a plain connection the password is encrypted with a key that the server hands out, as MariaDB's clients do by themselves.
    ...(mode === 'disable' || mode === 'prefer' ? ['get-server-public-key'] : []),
  ];
}

function createTlsLines(mode: string, certPath: string | undefined): readonly string[] {
  switch (mode) {
    case 'disable':
      return ['skip-ssl'];
    case 'prefer':
    case 'require':
      return ['ssl', 'skip-ssl-verify-server-cert'];
    case 'verify-ca':
      return ['ssl', 'skip-ssl-verify-server-cert', `ssl-ca=${quoteOptionValue('workDir', certPath ?? '')}`];
    case 'verify-full':
      return ['ssl', 'ssl-verify-server-cert', `ssl-ca=${quoteOptionValue('workDir', certPath ?? '')}`];
    default:
      throw createFieldError('sslMode', 'is not a known TLS mode');
  }
}

function createFiles(input: PlanInput, database: string | undefined): readonly CommandFile[] {
  const { config, secrets, workDir } = input;
  const host = findText(config, 'host') ?? '127.0.0.1';
  const mode = findText(config, 'sslMode') ?? 'prefer';
  const password = findSecret(secrets, 'password');
  const rootCert = mode.startsWith('verify-') ? getText(config, 'sslRootCert') : undefined;
  const cert: CommandFile | undefined =
    rootCert === undefined ? undefined : { path: `${workDir}/mariadb-ca.crt`, content: normalizeLines(rootCert) };
  const lines = [
    '[client]',
    ...(host.startsWith('/')
      ? [`socket=${quoteOptionValue('host', host)}`]
      : [`host=${quoteOptionValue('host', host)}`, 'protocol=tcp', `port=${getNumber(config, 'port', 3306)}`]),
    `user=${quoteOptionValue('user', getText(config, 'user'))}`,
    ...(password === undefined ? [] : [`password=${quoteOptionValue('password', password)}`]),
    ...(usesMysqlClients(input) ? createMysqlTlsLines : createTlsLines)(mode, cert?.path),
    // Read by the SQL client alone.
    '[mysql]',
    `connect-timeout=${getNumber(config, 'connectTimeoutSeconds', 10)}`,
    ...(database === undefined ? [] : [`database=${quoteOptionValue('database', database)}`]),
  ];
  const options: CommandFile = { path: getOptionsPath(input, database), content: `${lines.join('\n')}\n` };
  return cert === undefined ? [options] : [options, cert];
}

/** Two names, because the files of one with a default database and one without may lie in the same directory. */
function getOptionsPath(input: PlanInput, database: string | undefined): string {
  return `${input.workDir}/${database === undefined ? 'mariadb' : 'mariadb-database'}.cnf`;
}

const PROGRAMS = {
  mariadb: { client: 'mariadb', dump: 'mariadb-dump' },
  mysql: { client: 'mysql', dump: 'mysqldump' },
} as const;

/**
 * A command of the family that the host has; `database` becomes the SQL client's default database. MySQL's clients read logins that their
 * user stored whatever option files they are given, and believe them more: they are told of a file that is not there.
 */
export function createClientCommand(
  input: PlanInput,
  program: 'client' | 'dump',
  database: string | undefined,
  args: readonly string[],
): Command {
  const isMysql = usesMysqlClients(input);
  return {
    tool: PROGRAMS[isMysql ? 'mysql' : 'mariadb'][program],
    args: [`--defaults-file=${getOptionsPath(input, database)}`, '--default-character-set=utf8mb4', ...args],
    env: { LC_ALL: 'C', ...(isMysql ? { MYSQL_TEST_LOGIN_FILE: `${input.workDir}/no-logins` } : {}) },
    files: createFiles(input, database),
  };
}

/** Runs SQL made of ASCII alone; answers come one row a line, unescaped, which JSON rows make safe. */
export function createSqlCommand(input: PlanInput, database: string | undefined, sql: string): Command {
  return createClientCommand(input, 'client', database, ['--batch', '--raw', '--skip-column-names', `--execute=${sql}`]);
}

/** Runs a file of statements that end as the file says; the private name of the file appears in what the client says of an error. */
export function createScriptCommand(input: PlanInput, name: string, database: string, script: string): Command {
  const path = `${input.workDir}/${name}.sql`;
  const command = createClientCommand(input, 'client', database, [
    ...['--batch', '--raw', '--skip-column-names', '--local-infile=0', '--abort-source-on-error'],
    `--execute=source ${path}`,
  ]);
  return { ...command, files: [...command.files, { path, content: script }] };
}
