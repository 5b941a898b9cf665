/** Every adapter, listed once. An adapter exists when it is in one of these lists and passes the suite in `contract.ts`. */
import { AppError } from '../errors.ts';
import { localRepository } from './repositories/local.ts';
import { restRepository } from './repositories/rest.ts';
import { s3Repository } from './repositories/s3.ts';
import { sftpRepository } from './repositories/sftp.ts';
import type { RepositoryAdapter } from './repository.ts';
import type { SourceAdapter } from './source.ts';
import { filesSource } from './sources/files.ts';
import { mariadbSource } from './sources/mariadb.ts';
import { mysqlSource } from './sources/mysql.ts';
import { postgresSource } from './sources/postgres.ts';

/** In the order in which pickers show them. */
export const SOURCE_ADAPTERS: readonly SourceAdapter[] = [postgresSource, mariadbSource, mysqlSource, filesSource];

/** In the order in which pickers show them. */
export const REPOSITORY_ADAPTERS: readonly RepositoryAdapter[] = [localRepository, restRepository, s3Repository, sftpRepository];

export function findSourceAdapter(kind: string): SourceAdapter | undefined {
  return SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind);
}

/** Throws `invalid` for a kind nobody knows. */
export function getSourceAdapter(kind: string): SourceAdapter {
  const adapter = findSourceAdapter(kind);
  if (adapter === undefined) throw createKindError('source', kind, SOURCE_ADAPTERS);
  return adapter;
}

export function findRepositoryAdapter(kind: string): RepositoryAdapter | undefined {
  return REPOSITORY_ADAPTERS.find((adapter) => adapter.kind === kind);
}

/** Throws `invalid` for a kind nobody knows. */
export function getRepositoryAdapter(kind: string): RepositoryAdapter {
  const adapter = findRepositoryAdapter(kind);
  if (adapter === undefined) throw createKindError('repository', kind, REPOSITORY_ADAPTERS);
  return adapter;
}

function createKindError(noun: string, kind: string, known: readonly { kind: string }[]): AppError {
  const shown = JSON.stringify(kind.slice(0, 64));
  return new AppError(
    'invalid',
    `Unknown kind of ${noun} ${shown}; known are ${known.map((adapter) => adapter.kind).join(', ')}.`,
  );
}
