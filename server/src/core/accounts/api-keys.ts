/** API keys: programs that call the API. Tokens are stored as hashes. */
import type { ApiKeyId } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import type { ApiKey, Role } from '../../store/people.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand, demandScope } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { completeScopes, findRole, ROLE_SCOPES, type Scope } from './scopes.ts';
import { demandProven } from './step-up.ts';

export interface WantedKey {
  name: string;
  /** What it may do; reading alone when neither this nor `role` is given. */
  scopes?: readonly Scope[] | undefined;
  /** All that a role may do, instead of `scopes`. */
  role?: Role | undefined;
  /** Undefined: until it is revoked. */
  expiresAt?: number | undefined;
}

/**
 * The plain key is returned once and never again. Nobody gives a key more than they may do themselves: `forbidden`. Throws `invalid` naming
 * `name`, `role` (given together with scopes) or `expiresAt` (in the past; epoch milliseconds).
 */
export async function createApiKey(
  context: CoreContext,
  caller: Caller,
  wanted: WantedKey,
): Promise<{ token: string; key: ApiKey }> {
  demand(caller, 'people.manage');
  const name = nameSchema.safeParse(wanted.name);
  if (!name.success) throw createFieldError('name', `must be one line of at most ${TEXT.nameChars} characters`);
  if (wanted.role !== undefined && wanted.scopes !== undefined) throw createFieldError('role', 'give either a role or scopes');
  const now = context.clock.now();
  if (wanted.expiresAt !== undefined && wanted.expiresAt <= now) throw createFieldError('expiresAt', 'must lie in the future');
  const scopes = completeScopes(wanted.scopes ?? ROLE_SCOPES[wanted.role ?? 'viewer']);
  for (const scope of scopes) demandScope(caller, scope);
  await demandProven(context, caller, 'make an API key');
  const token = context.crypto.randomToken('hfk');
  const key: ApiKey = {
    id: context.createId('apiKey'),
    tenant: caller.tenant,
    name: name.data,
    role: findRole(scopes),
    scopes,
    tokenHash: context.crypto.hashToken(token),
    createdAt: now,
    expiresAt: wanted.expiresAt,
  };
  await context.store.people.insertApiKey(key);
  await recordAct(context, caller, {
    action: 'api_key.created',
    target: { kind: 'api_key', id: key.id, name: key.name },
    change: { scopes: [...scopes], expiresAt: key.expiresAt ?? null },
  });
  return { token, key };
}

function createFieldError(field: string, text: string): AppError {
  return createFieldsError({ [field]: `${field}: ${text}` });
}

export async function listApiKeys(context: CoreContext, caller: Caller): Promise<readonly ApiKey[]> {
  demand(caller, 'people.manage');
  return context.store.people.listApiKeys(caller.tenant);
}

export async function revokeApiKey(context: CoreContext, caller: Caller, id: ApiKeyId): Promise<void> {
  demand(caller, 'people.manage');
  if (!(await context.store.people.revokeApiKey(caller.tenant, id, context.clock.now()))) {
    throw new AppError('not_found', 'there is no such API key, or it is revoked already');
  }
  await recordAct(context, caller, { action: 'api_key.revoked', target: { kind: 'api_key', id, name: id } });
}

/** The program behind an API key that is neither revoked nor expired. Notes the use. */
export async function findCallerByApiKey(
  context: CoreContext,
  token: string,
  from: { address?: string | undefined; requestId?: string | undefined } = {},
): Promise<{ caller: Caller; key: ApiKey } | undefined> {
  const now = context.clock.now();
  const key = await context.store.people.findApiKey(context.crypto.hashToken(token), now);
  if (!key) return undefined;
  if (now - (key.lastUsedAt ?? 0) >= HTTP.touchEveryMs) await context.store.people.touchApiKey(key.id, now);
  const actor = { kind: 'api_key' as const, id: key.id, name: key.name };
  const { tenant, role, scopes } = key;
  return { caller: { actor, tenant, role, scopes, address: from.address, requestId: from.requestId }, key };
}
