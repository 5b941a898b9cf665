import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareDirectory } from '@holdfast/shared/fixtures/prepared-directory.ts';
import { type DatabaseHome, openDatabaseHome } from './database-home.ts';
import { digestPostgres } from './postgres-digest.ts';
import { fillPostgres } from './postgres-fill.ts';
import { assertNothingLeft, signalProcesses } from './processes.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { quoteIdentifier } from './sql-text.ts';
import { runTool } from './tool-run.ts';
import { getPostgresFolder } from './tools.ts';

export type PostgresOptions = {
  /** Keeps the cluster here across starts, durably; without it the cluster is temporary, fast and not durable. */
  readonly dir?: string;
  /** The address to listen on, 127.0.0.1 unless told. */
  readonly host?: string;
};

/** What a database holds, part by part: equal maps mean equal rows and equal definitions, owners and grants. */
export type DatabaseDigest = Readonly<Record<string, string>>;

export type PostgresHandle = {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  /** The folder of the matching `pg_dump`, `pg_restore`, `psql`. */
  readonly programFolder: string;
  /** libpq's own variables for the superuser. */
  readonly connectionEnv: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Runs SQL (several statements are fine) and gives what psql prints: rows by line, columns by `|`. */
  query(sql: string, database?: string): Promise<string>;
  createDatabase(name: string): Promise<void>;
  /** Makes the database with everything a dump can lose, and about that many megabytes of rows. See postgres-fill.ts. */
  fillDatabase(name: string, megabytes: number): Promise<void>;
  hashDatabase(name: string): Promise<DatabaseDigest>;
  /** Kills every process of the server at once, as a power cut would; `startAgain` recovers it. */
  crash(): Promise<void>;
  /** Starts the stopped or crashed server at the same port. */
  startAgain(): Promise<void>;
  /** Stops the server and removes what is temporary. May be called twice. */
  stop(): Promise<void>;
};

const superuser = 'postgres';

/** Starts a real PostgreSQL with scram-sha-256 passwords over TCP only; resolves when it accepts connections. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresHandle> {
  const host = options.host ?? '127.0.0.1';
  const programFolder = getPostgresFolder();
  const home = await openDatabaseHome('postgres', ['postgres', 'nobody'], options.dir);
  let server: ServiceProcess | undefined;
  const startAgain = async (): Promise<void> => {
    if (server !== undefined) throw new Error('PostgreSQL is running already.');
    server = await launchServer(programFolder, home, host);
  };
  const crash = async (): Promise<void> => {
    signalProcesses({ directory: home.path }, 'SIGKILL');
    await server?.stop('SIGKILL');
    server = undefined;
    await assertNothingLeft({ directory: home.path });
  };
  const stop = async (): Promise<void> => {
    await server?.stop('SIGINT', 15_000);
    await crash();
    await home.remove();
  };
  const connectionEnv = { PGHOST: host, PGPORT: String(home.port), PGUSER: superuser, PGPASSWORD: home.password };
  const query = async (sql: string, database = 'postgres'): Promise<string> => {
    const args = ['--no-psqlrc', '--no-align', '--tuples-only', '--quiet', '--set=ON_ERROR_STOP=1', '--file=-'];
    const env = { ...connectionEnv, PGDATABASE: database, PGCLIENTENCODING: 'UTF8' };
    return (await runTool(join(programFolder, 'psql'), args, { env, input: sql })).stdout.trimEnd();
  };
  try {
    if (!existsSync(join(home.path, 'data/PG_VERSION'))) await createCluster(programFolder, home);
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
    programFolder,
    connectionEnv,
    directory: home.path,
    query,
    createDatabase: async (name) =>
      void (await query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`)),
    fillDatabase: (name, megabytes) => fillPostgres(query, name, megabytes),
    hashDatabase: (name) => digestPostgres({ query, programFolder, connectionEnv }, name),
    crash,
    startAgain,
    stop,
  };
}

/** Made under another name first: a start that is cut off leaves nothing that looks like a cluster. */
async function createCluster(programFolder: string, home: DatabaseHome): Promise<void> {
  const { identity, passDirectories } = home;
  const draft = join(home.path, 'draft');
  await rm(draft, { recursive: true, force: true });
  const run = (program: string, args: readonly string[], input?: string) =>
    runTool(join(programFolder, program), args, {
      cwd: home.path,
      identity,
      passDirectories,
      ...(input === undefined ? {} : { input }),
    });
  const args = ['--pgdata=draft', '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8', `--username=${superuser}`, '--auth=trust'];
  await prepareDirectory(`postgres-trust-${identity?.uid}`, draft, () => run('initdb', args));
  // Before anybody can connect, and never in an argument.
  await run('postgres', ['--single', '-D', 'draft', 'postgres'], `ALTER ROLE ${superuser} PASSWORD '${home.password}'\n`);
  const rules = ['host all all 127.0.0.0/8 scram-sha-256', 'host all all 10.0.0.0/8 scram-sha-256', ''];
  await writeFile(join(draft, 'pg_hba.conf'), rules.join('\n'));
  await rename(draft, join(home.path, 'data'));
}

async function launchServer(programFolder: string, home: DatabaseHome, host: string): Promise<ServiceProcess> {
  const settings = [
    ...[`listen_addresses=${host}`, `port=${home.port}`, 'unix_socket_directories='],
    ...['shared_buffers=64MB', 'max_wal_size=2GB', 'max_connections=60', 'log_destination=stderr', 'logging_collector=off'],
    ...(home.isTemporary ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
  ];
  const server = startServiceProcess({
    command: join(programFolder, 'postgres'),
    args: ['-D', join(home.path, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
    cwd: home.path,
    identity: home.identity,
    passDirectories: home.passDirectories,
  });
  try {
    await server.awaitOutput(/database system is ready to accept connections/);
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
  return server;
}
