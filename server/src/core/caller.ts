/** Who asks, and whether they may. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Role } from '../store/people.ts';
import type { Actor } from '../store/trail.ts';

export interface Caller {
  actor: Actor;
  tenant: TenantId;
  role: Role;
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

const GRANTS: Record<Role, ReadonlySet<Permission>> = {
  viewer: new Set(['view']),
  operator: new Set(['view', 'run.start', 'restore.start', 'alert.handle', 'source.manage', 'repository.manage', 'plan.manage']),
  admin: new Set(PERMISSIONS),
};

export function isAllowed(caller: Caller, permission: Permission): boolean {
  return GRANTS[caller.role].has(permission);
}

/** Throws `forbidden` when the caller's role does not grant the permission. Every use case begins with this. */
export function demand(caller: Caller, permission: Permission): void {
  if (isAllowed(caller, permission)) return;
  throw new AppError('forbidden', `your role "${caller.role}" may not do this; it needs the permission ${permission}`, {
    details: { permission },
  });
}
