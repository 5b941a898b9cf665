/** Servers that all lanes share, each started when it is first asked for. */
import { type MariadbHandle, startMariadb } from '../../../harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../../../harness/services/postgres.ts';
import { createRoles } from '../../../harness/services/postgres-fill.ts';
import { type S3Handle, startS3 } from '../../../harness/services/s3.ts';
import { type SftpHandle, startSftp } from '../../../harness/services/sftp.ts';
import { getPostgresFolder } from '../../../harness/services/tools.ts';

export type Services = {
  readonly postgresFolder: string;
  postgres(): Promise<PostgresHandle>;
  mariadb(): Promise<MariadbHandle>;
  sftp(): Promise<SftpHandle>;
  s3(): Promise<S3Handle>;
  stop(): Promise<void>;
};

/**
 * `databases` are those that lanes will fill when they come to it: their roles are there from the beginning, since the roles of one lane stand in
 * the dumps of all others.
 */
export function createServices(databases: readonly string[]): Services {
  const started: Promise<{ stop(): Promise<void> }>[] = [];
  const once = <T extends { stop(): Promise<void> }>(start: () => Promise<T>) => {
    let made: Promise<T> | undefined;
    return (): Promise<T> => {
      if (made === undefined) {
        made = start();
        started.push(made);
      }
      return made;
    };
  };
  return {
    postgresFolder: getPostgresFolder(),
    postgres: once(async () => {
      const server = await startPostgres();
      for (const name of databases) await createRoles(server.query, name);
      return server;
    }),
    mariadb: once(startMariadb),
    sftp: once(startSftp),
    s3: once(async () => {
      const server = await startS3();
      await server.createBucket('backups');
      return server;
    }),
    async stop() {
      const ends = await Promise.allSettled(started.map(async (server) => (await server).stop()));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
  };
}
