/** The place benchmarks run in: scratch directories, one database server of each kind, and what was measured for tables. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { createPrivateDirectory } from '../harness/services/private-directory.ts';

export type World = {
  /** Tells what is going on, on standard error. */
  say(text: string): void;
  /** A fresh directory on the disk that also holds the databases and repositories; gone after `close`. */
  makeDirectory(purpose: string): Promise<string>;
  /** The one PostgreSQL server of all benchmarks. */
  getPostgres(): Promise<PostgresHandle>;
  getMariadb(): Promise<MariadbHandle>;
  /** Makes a database of about that many megabytes in the server, once. Resolves with its name. */
  getDatabase(server: 'postgres' | 'mariadb', megabytes: number): Promise<string>;
  close(): Promise<void>;
};

/** Opens a world; nothing is started before it is asked for. */
export async function openWorld(say: (text: string) => void): Promise<World> {
  const root = await createPrivateDirectory('bench');
  const databases = new Map<string, Promise<string>>();
  let postgres: Promise<PostgresHandle> | undefined;
  let mariadb: Promise<MariadbHandle> | undefined;
  const getPostgres = () => {
    postgres ??= startPostgres();
    return postgres;
  };
  const getMariadb = () => {
    mariadb ??= startMariadb();
    return mariadb;
  };
  const makeDatabase = async (server: 'postgres' | 'mariadb', megabytes: number): Promise<string> => {
    const name = `bench_${megabytes}`;
    say(`filling a ${server} database with ${megabytes} MB`);
    await (await (server === 'postgres' ? getPostgres() : getMariadb())).fillDatabase(name, megabytes);
    return name;
  };
  return {
    say,
    makeDirectory: (purpose) => mkdtemp(join(root.path, `${purpose}-`)),
    getPostgres,
    getMariadb,
    getDatabase(server, megabytes) {
      const key = `${server} ${megabytes}`;
      const made = databases.get(key) ?? makeDatabase(server, megabytes);
      databases.set(key, made);
      return made;
    },
    async close() {
      const servers = await Promise.allSettled([postgres, mariadb]);
      for (const server of servers) if (server.status === 'fulfilled') await server.value?.stop();
      await root.remove();
    },
  };
}
