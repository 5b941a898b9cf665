/** Who asks, and whether they may. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Role } from '../store/people.ts';
import type { Actor } from '../store/trail.ts';
import { ROLE_SCOPES, type Scope } from './accounts/scopes.ts';

export interface Caller {
  actor: Actor;
  tenant: TenantId;
  role: Role;
  /** Of an API key: what it was made for. Undefined: all that the role may do. */
  scopes?: readonly Scope[] | undefined;
  /** Of a session: when its person last proved who they are, in epoch milliseconds. Who came by something else has none. */
  provenAt?: number | undefined;
  address?: string | undefined;
  requestId?: string | undefined;
}

export const PERMISSIONS = [
  'view',
  'host.approve',
  'host.manage',
  'source.manage',
  'repository.manage',
  'plan.manage',
  'alert.handle',
  'run.start',
  'restore.start',
  'channel.manage',
  'people.manage',
  'settings.manage',
  'audit.view',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** The part of the scopes that each permission belongs to. */
const SCOPE_OF: Readonly<Record<Permission, Scope>> = {
  view: 'read',
  'host.approve': 'admin',
  'host.manage': 'admin',
  'source.manage': 'configure',
  'repository.manage': 'configure',
  'plan.manage': 'configure',
  'alert.handle': 'operate',
  'run.start': 'operate',
  'restore.start': 'restore',
  'channel.manage': 'admin',
  'people.manage': 'admin',
  'settings.manage': 'admin',
  'audit.view': 'admin',
};

/** The scopes of a key as it was made; of anybody else, those of the role. */
export function listScopes(caller: Pick<Caller, 'role' | 'scopes'>): readonly Scope[] {
  return caller.scopes ?? ROLE_SCOPES[caller.role];
}

export function isAllowed(caller: Caller, permission: Permission): boolean {
  return listScopes(caller).includes(SCOPE_OF[permission]);
}

/** Throws `forbidden` when the caller may not do it. Every use case begins with this. */
export function demand(caller: Caller, permission: Permission): void {
  if (isAllowed(caller, permission)) return;
  throw createRefusal(caller, SCOPE_OF[permission], `it needs the permission ${permission}`, { permission });
}

/** Throws `forbidden` when the caller lacks the scope. Every route of the API begins with this. */
export function demandScope(caller: Caller, scope: Scope): void {
  if (!listScopes(caller).includes(scope)) throw createRefusal(caller, scope, `it needs the scope ${scope}`, {});
}

function createRefusal(caller: Caller, scope: Scope, need: string, details: { permission?: Permission }): AppError {
  const message =
    caller.scopes === undefined
      ? `your role "${caller.role}" may not do this; ${need}`
      : `this API key may not do this: it has the scopes ${caller.scopes.join(', ')} and lacks ${scope}`;
  return new AppError('forbidden', message, { details: { ...details, scope } });
}
