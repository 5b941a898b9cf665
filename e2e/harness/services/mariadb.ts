import { existsSync } from 'node:fs';
import { chown, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareDirectory } from '@holdfast/shared/fixtures/prepared-directory.ts';
import { type DatabaseHome, openDatabaseHome } from './database-home.ts';
import { digestMariadb } from './mariadb-digest.ts';
import { fillMariadb } from './mariadb-fill.ts';
import type { DatabaseDigest } from './postgres.ts';
import { assertNothingLeft, signalProcesses } from './processes.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { quoteBacktick, quoteString } from './sql-text.ts';
import { runTool } from './tool-run.ts';
import { getTool } from './tools.ts';

export type MariadbOptions = {
  /** Keeps the data here across starts, durably; without it the server is temporary, fast and not durable. */
  readonly dir?: string;
  /** The address to listen on, 127.0.0.1 unless told. */
  readonly host?: string;
};

export type MariadbHandle = {
  readonly host: string;
  readonly port: number;
  /** May do everything, from any address, with the password. */
  readonly superuser: string;
  readonly password: string;
  /** What the command line tools read; the password travels as MYSQL_PWD. */
  readonly connectionEnv: Readonly<Record<string, string>>;
  /** Options of every command line tool, to be given first: no configuration file, this server, this user. */
  readonly connectionArgs: readonly string[];
  readonly directory: string;
  /** Runs SQL (several statements are fine) and gives rows by line, columns by tab. */
  query(sql: string, database?: string): Promise<string>;
  createDatabase(name: string): Promise<void>;
  /** Makes the database with everything a dump can lose, and about that many megabytes of rows. See mariadb-fill.ts. */
  fillDatabase(name: string, megabytes: number): Promise<void>;
  hashDatabase(name: string): Promise<DatabaseDigest>;
  /** Kills the server at once, as a power cut would; `startAgain` recovers it. */
  crash(): Promise<void>;
  /** Starts the stopped or crashed server at the same port. */
  startAgain(): Promise<void>;
  /** Stops the server and removes what is temporary. May be called twice. */
  stop(): Promise<void>;
};

const superuser = 'holdfast_admin';

/** Starts a real MariaDB with password authentication over TCP; resolves when it accepts connections. */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbHandle> {
  const host = options.host ?? '127.0.0.1';
  const home = await openDatabaseHome('mariadb', ['mysql', 'nobody'], options.dir);
  let server: ServiceProcess | undefined;
  const startAgain = async (): Promise<void> => {
    if (server !== undefined) throw new Error('MariaDB is running already.');
    server = await launchServer(home, host);
  };
  const crash = async (): Promise<void> => {
    signalProcesses({ directory: home.path }, 'SIGKILL');
    await server?.stop('SIGKILL');
    server = undefined;
    await assertNothingLeft({ directory: home.path });
  };
  const stop = async (): Promise<void> => {
    await server?.stop('SIGTERM', 15_000);
    await crash();
    await home.remove();
  };
  const connectionEnv = { MYSQL_PWD: home.password };
  const connectionArgs = ['--no-defaults', '--protocol=tcp', `--host=${host}`, `--port=${home.port}`, `--user=${superuser}`];
  const query = async (sql: string, database?: string): Promise<string> => {
    const target = database === undefined ? [] : [`--database=${database}`];
    const args = [...connectionArgs, '--default-character-set=utf8mb4', '--batch', '--skip-column-names', ...target];
    return (await runTool(getTool('mariadb'), args, { env: connectionEnv, input: sql })).stdout.trimEnd();
  };
  try {
    if (!existsSync(join(home.path, 'data/mysql'))) await createDataDirectory(home);
    await startAgain();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host,
    port: home.port,
    superuser,
    password: home.password,
    connectionEnv,
    connectionArgs,
    directory: home.path,
    query,
    createDatabase: async (name) => void (await query(`CREATE DATABASE ${quoteBacktick(name)} CHARACTER SET utf8mb4`)),
    fillDatabase: (name, megabytes) => fillMariadb(query, name, megabytes),
    hashDatabase: (name) => digestMariadb(query, name),
    crash,
    startAgain,
    stop,
  };
}

/** Made under another name first: a start that is cut off leaves nothing that looks like a finished data directory. */
async function createDataDirectory(home: DatabaseHome): Promise<void> {
  const { identity, passDirectories } = home;
  const draft = join(home.path, 'draft');
  await rm(draft, { recursive: true, force: true });
  const args = [
    ...[
      '--no-defaults',
      `--datadir=${draft}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
    ],
    ...['--innodb-log-file-size=16M', '--innodb-flush-method=nosync'],
  ];
  await prepareDirectory(`mariadb-${identity?.uid}`, draft, () =>
    runTool(getTool('mariadb-install-db'), args, { cwd: home.path, identity, passDirectories }),
  );
  await rename(draft, join(home.path, 'data'));
}

/** Accounts come from a file the server reads before it listens, so no moment without password is ever reachable. */
async function launchServer(home: DatabaseHome, host: string): Promise<ServiceProcess> {
  const accountsFile = join(home.path, 'accounts.sql');
  const secret = quoteString(home.password, true);
  const statements = [
    `ALTER USER root@localhost IDENTIFIED BY ${secret};`,
    `CREATE USER IF NOT EXISTS ${superuser}@'%' IDENTIFIED BY ${secret};`,
    `GRANT ALL PRIVILEGES ON *.* TO ${superuser}@'%' WITH GRANT OPTION;`,
  ];
  await writeFile(accountsFile, `${statements.join('\n')}\n`, { mode: 0o600 });
  if (home.identity !== undefined) await chown(accountsFile, home.identity.uid, home.identity.gid);
  const server = startServiceProcess({
    command: getTool('mariadbd'),
    args: buildServerArgs(home, host, accountsFile),
    cwd: home.path,
    identity: home.identity,
    passDirectories: home.passDirectories,
  });
  try {
    await server.awaitOutput(/ready for connections/);
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  } finally {
    await rm(accountsFile, { force: true });
  }
  return server;
}

/** The event scheduler stays off: events exist to be dumped, and one that fires would change the rows under a test. */
function buildServerArgs(home: DatabaseHome, host: string, accountsFile: string): string[] {
  return [
    ...['--no-defaults', `--datadir=${join(home.path, 'data')}`, `--bind-address=${host}`, `--port=${home.port}`],
    // A server that starts empties the directory of its temporary tables.
    ...[
      '--socket=server.sock',
      `--tmpdir=${home.path}`,
      `--pid-file=${join(home.path, 'server.pid')}`,
      `--init-file=${accountsFile}`,
    ],
    ...['--skip-name-resolve', '--skip-log-bin', '--event-scheduler=OFF', '--character-set-server=utf8mb4'],
    ...['--innodb-buffer-pool-size=128M', '--innodb-log-file-size=64M', '--max-allowed-packet=64M', '--performance-schema=OFF'],
    ...(home.isTemporary ? ['--innodb-flush-method=nosync', '--innodb-flush-log-at-trx-commit=0', '--sync-frm=OFF'] : []),
  ];
}
