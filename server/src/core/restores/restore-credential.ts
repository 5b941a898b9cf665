/**
 * Another user of the target's server, for one restore or one look at its target: sealed for the host, and kept nowhere. A run, its audit and its
 * page name the user alone.
 */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { connectAs } from '@holdfast/shared/adapters/login.ts';
import type { SealedSecrets } from '@holdfast/shared/crypto/sealed.ts';
import type { RequestId, RunId } from '@holdfast/shared/domain/ids.ts';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { type Credential, credentialSchema, type RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { sealSecrets } from '../secrets.ts';
import { draftFor } from './restore-draft.ts';

const LABELS: Readonly<Record<string, string>> = { user: 'User', password: 'Password' };

/** Throws `invalid` naming `credential.user` or `credential.password`, in words that hold nothing of either. */
function checkCredential(credential: Credential): Credential {
  const parsed = credentialSchema.safeParse(credential);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path: [name], message }) => {
    const field = String(name ?? 'user');
    return [`credential.${field}`, `${LABELS[field] ?? 'Credential'}: ${message}`] as const;
  });
  throw createFieldsError(Object.fromEntries(fields));
}

/** The connection as a question brings it to the host, as another user where one is given. */
export function askThrough(
  context: CoreContext,
  host: Host,
  ref: RequestId,
  connection: Source,
  credential: Credential | undefined,
): AdapterDraft {
  if (credential === undefined) return draftFor(context, host, ref, 'sources', connection);
  const { restore } = getSourceAdapter(connection.kind);
  const given = checkCredential(credential);
  if (!restore) throw createFieldsError({ 'credential.user': 'User: sources of this kind are not restored into a database' });
  return draftFor(context, host, ref, 'sources', connection, (stored) => connectAs(restore, stored, given));
}

/** Throws as `checkCredential`, and `precondition` for an agent that would pass the user over. */
export function demandCredential(host: Host, credential: Credential | undefined): void {
  if (credential === undefined) return;
  checkCredential(credential);
  demandCapability(host, 'restore.start credential', 'for restores as another user');
}

/** How the restore goes about it, with the name of the user. */
export function nameCredential(options: RestoreOptions | undefined, credential: Credential | undefined) {
  return credential === undefined ? options : { ...options, connectAs: credential.user };
}

/** The password as the order of this run carries it. */
export function sealCredential(
  context: CoreContext,
  host: Host,
  run: RunId,
  credential: Credential | undefined,
): { credential?: SealedSecrets } {
  if (credential === undefined) return {};
  const binding = { host: host.id, purpose: 'request' as const, ref: `${run}.credential`, version: 1 };
  const sealed = sealSecrets(context, host.sealingKey, binding, { password: credential.password });
  return sealed ? { credential: sealed } : {};
}

/** A refusal of the given user is a fault of what was typed; anything else stays what it is. */
export function explainRefusal(thrown: unknown, credential: Credential | undefined): unknown {
  if (credential === undefined || !(thrown instanceof AppError)) return thrown;
  const reason = findReason(thrown);
  if (reason !== 'database_authentication' && reason !== 'credential_refused') return thrown;
  return createFieldsError({ 'credential.password': 'Password: the database server refuses this user or this password' });
}
