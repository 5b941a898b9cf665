/**
 * The connection that a restore of a database goes through: the one of its source, or the same as another user, whose password came with the
 * order and is in memory alone.
 */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { findRequestSecrets, type PreparedSource, prepareLogin, prepareSourceDraft } from '../inputs.ts';
import { toRestoreRefs } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';

type RestoreOrder = Pick<RequestBody<'restore.start'>, 'run' | 'connection' | 'options'>;

export interface RestoreConnection {
  connection: PreparedSource;
  /** The order was for another user, whose password is gone with the agent that held it: this is the connection's own. */
  isOwnInstead: boolean;
}

/** For cleaning up: as the user of the order where its password is still here, and as the connection's own otherwise. */
export function prepareAnyConnection(workbench: Workbench, order: RestoreOrder, workDir: string): RestoreConnection {
  if (!order.connection) throw new AppError('invalid', 'a database restore needs a connection');
  const refs = toRestoreRefs(order);
  const own = prepareSourceDraft(workbench, order.connection, refs.connection, workDir);
  const user = order.options?.connectAs;
  if (user === undefined) return { connection: own, isOwnInstead: false };
  const password = findRequestSecrets(workbench, refs.credential)?.['password'];
  if (password === undefined) return { connection: own, isOwnInstead: true };
  return { connection: prepareLogin(own, { user, password }), isOwnInstead: false };
}

/** Throws `credential_gone` where the password of the user that the order is for is not here any more. */
export function assertCredential(workbench: Workbench, order: RestoreOrder): void {
  const user = order.options?.connectAs;
  if (user === undefined || findRequestSecrets(workbench, toRestoreRefs(order).credential) !== undefined) return;
  throw createReasonError(
    'credential_gone',
    `The password of ${user}, whom this restore was to connect as, is gone: the agent was started anew before it began`,
  );
}

/** Throws `credential_gone` likewise. */
export function prepareConnection(workbench: Workbench, order: RestoreOrder, workDir: string): PreparedSource {
  assertCredential(workbench, order);
  return prepareAnyConnection(workbench, order, workDir).connection;
}
