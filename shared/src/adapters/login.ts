/** The same connection as another user of its server. */
import type { Credential } from '../domain/restore.ts';
import type { Config, Secrets } from './field.ts';
import type { DatabaseRestore } from './source.ts';

/** Everything but user and password stays; the own user's password is in none of it. */
export function connectAs<T extends { config: Config; secrets: Secrets }>(
  { login }: Pick<DatabaseRestore, 'login'>,
  connection: T,
  { user, password }: Credential,
): T {
  const { config, secrets } = connection;
  return { ...connection, config: { ...config, [login.user]: user }, secrets: { ...secrets, [login.password]: password } };
}
