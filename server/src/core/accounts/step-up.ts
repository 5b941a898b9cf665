/** Acts that ask a person once more who they are, where their session has not proved it lately; and that proof. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Session } from '../../store/people.ts';
import { recordAct } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { readInstallation } from '../installation-settings.ts';
import type { CoreContext } from '../ports.ts';
import { assertProven } from './proof-age.ts';

/**
 * To be asked before anything is changed. Throws `forbidden` with `details.confirm` (see `findUnconfirmed`) for a session whose proof is older
 * than the installation's `confirmAfterMin`. `what` names the act, such as `approve a host`.
 */
export async function demandProven(context: Pick<CoreContext, 'store' | 'clock'>, caller: Caller, what: string): Promise<void> {
  if (caller.provenAt === undefined) return;
  const { confirmAfterMin } = await readInstallation(context);
  assertProven(context.clock.now(), caller, what, confirmAfterMin * MINUTE_MS);
}

/**
 * The person of a session types their password again. The session goes on under a new token, so that a copy of the old one is worth nothing.
 * Throws `unauthenticated` after the same work whatever was wrong, `limit` when too many passwords wait for their hash. The caller limits
 * attempts before coming here.
 */
export async function confirmSession(
  context: CoreContext,
  caller: Caller,
  session: Session,
  password: string,
): Promise<{ token: string; expiresAt: number }> {
  const { people } = context.store;
  const user = await people.findUser(session.tenant, session.user);
  const hash = user?.disabled === true ? undefined : user?.passwordHash;
  const target = { kind: 'user' as const, id: session.user, name: caller.actor.name };
  if (!(await context.passwords.verifyPassword(hash, password))) {
    await recordAct(context, caller, { action: 'session.confirmation_failed', target });
    throw new AppError('unauthenticated', 'the password is wrong');
  }
  const token = context.crypto.randomToken('hfs');
  await people.proveSession(session.id, context.crypto.hashToken(token), context.clock.now());
  await recordAct(context, caller, { action: 'session.confirmed', target });
  return { token, expiresAt: session.expiresAt };
}
