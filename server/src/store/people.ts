/** Users, sessions and keys. Tokens are stored as hashes only. */
import type { ApiKeyId, SessionId, TenantId, UserId } from '@holdfast/shared/domain/ids.ts';
import type { Scope } from '../core/accounts/scopes.ts';

export const ROLES = ['admin', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export interface User {
  id: UserId;
  tenant: TenantId;
  name: string;
  role: Role;
  passwordHash: string;
  disabled: boolean;
  /** IANA zone in which this person reads times; undefined: the installation's. */
  zone?: string | undefined;
  createdAt: number;
}

export interface Session {
  id: SessionId;
  tenant: TenantId;
  user: UserId;
  tokenHash: string;
  createdAt: number;
  lastSeenAt: number;
  expiresAt: number;
  address: string;
  agent: string;
}

export interface ApiKey {
  id: ApiKeyId;
  tenant: TenantId;
  name: string;
  /** The least role that may do all that the scopes say. */
  role: Role;
  scopes: readonly Scope[];
  tokenHash: string;
  createdAt: number;
  expiresAt?: number | undefined;
  lastUsedAt?: number | undefined;
  revokedAt?: number | undefined;
}

export interface PeopleStore {
  countUsers(): Promise<number>;
  /** `conflict` when the name is taken in the tenant (case-insensitively). */
  insertUser(user: User): Promise<void>;
  /** Inserts the very first user; `conflict` when there is one already, decided in the same transaction. */
  insertFirstUser(user: User): Promise<void>;
  findUserByName(tenant: TenantId, name: string): Promise<User | undefined>;
  findUser(tenant: TenantId, id: UserId): Promise<User | undefined>;
  listUsers(tenant: TenantId): Promise<readonly User[]>;
  updatePassword(tenant: TenantId, id: UserId, passwordHash: string): Promise<void>;
  /** Undefined: none of one's own. */
  updateZone(tenant: TenantId, id: UserId, zone: string | undefined): Promise<void>;

  insertSession(session: Session): Promise<void>;
  /** The session and its user when neither has expired at `now` nor is disabled. */
  findSession(tokenHash: string, now: number): Promise<{ session: Session; user: User } | undefined>;
  touchSession(id: SessionId, lastSeenAt: number): Promise<void>;
  deleteSession(id: SessionId): Promise<void>;
  deleteSessionsOf(tenant: TenantId, user: UserId): Promise<number>;
  deleteExpiredSessions(now: number): Promise<number>;

  insertApiKey(key: ApiKey): Promise<void>;
  /** The key when it is neither revoked nor expired at `now`. */
  findApiKey(tokenHash: string, now: number): Promise<ApiKey | undefined>;
  listApiKeys(tenant: TenantId): Promise<readonly ApiKey[]>;
  touchApiKey(id: ApiKeyId, lastUsedAt: number): Promise<void>;
  revokeApiKey(tenant: TenantId, id: ApiKeyId, at: number): Promise<boolean>;
}
