/**
 * What a caller may do, in five parts. A route of the API needs one of them; a role is a set of them, and a key has those that
 * it was made with. Reading is part of each.
 */

export const SCOPES = ['read', 'operate', 'configure', 'restore', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What each lets a caller do, as a sentence goes on after "may". */
export const SCOPE_WORDS: Readonly<Record<Scope, string>> = {
  read: 'see everything but the audit, people and keys; no secret is ever shown',
  operate: 'start and cancel backups, checks and copies, and handle alerts',
  configure: 'change sources, repositories, plans, retention and objectives, and delete or pin snapshots',
  restore: 'restore, look into snapshots, and start drills',
  admin: 'approve and manage hosts, and change channels, settings, people and keys; read the audit',
};

/** Roles are named in `store/people.ts`; the store reads this table too. */
export const ROLE_SCOPES: Readonly<Record<'viewer' | 'operator' | 'admin', readonly Scope[]>> = {
  viewer: ['read'],
  operator: ['read', 'operate', 'configure', 'restore'],
  admin: SCOPES,
};

/** Each once, in the order of the table, with reading. */
export function completeScopes(given: readonly Scope[]): readonly Scope[] {
  return SCOPES.filter((scope) => scope === 'read' || given.includes(scope));
}

/** The least role that may do all of it. */
export function findRole(scopes: readonly Scope[]): keyof typeof ROLE_SCOPES {
  if (scopes.includes('admin')) return 'admin';
  return scopes.some((scope) => scope !== 'read') ? 'operator' : 'viewer';
}
