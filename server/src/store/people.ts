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
  /** Undefined: none chosen yet, so that nobody can sign in. */
  passwordHash?: string | undefined;
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
  /** When its person last proved who they are: at its start, or later. */
  provenAt: number;
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

/** A person as the list of people shows them. */
export interface Person {
  user: User;
  lastLoginAt?: number | undefined;
  /** End of the address by which they may choose a password; undefined when there is none that still works. */
  linkExpiresAt?: number | undefined;
}

/** The address by which a person chooses a password, once. */
export interface PasswordLink {
  tokenHash: string;
  createdAt: number;
  expiresAt: number;
}

/** What others may change of a person. */
export type UserStanding = Pick<User, 'role' | 'disabled'>;

export interface UserChange {
  role?: Role | undefined;
  disabled?: boolean | undefined;
}

export interface PeopleStore {
  countUsers(): Promise<number>;
  /** `conflict` when the name is taken in the tenant (case-insensitively). With the link by which they choose a password. */
  insertUser(user: User, link?: PasswordLink): Promise<void>;
  /** Inserts the very first user; `conflict` when there is one already, decided in the same transaction. */
  insertFirstUser(user: User): Promise<void>;
  findUserByName(tenant: TenantId, name: string): Promise<User | undefined>;
  findUser(tenant: TenantId, id: UserId): Promise<User | undefined>;
  listUsers(tenant: TenantId): Promise<readonly User[]>;
  /** By name; `now` decides which links still work. */
  listPeople(tenant: TenantId, now: number): Promise<readonly Person[]>;
  findPerson(tenant: TenantId, id: UserId, now: number): Promise<Person | undefined>;
  /**
   * Whoever is disabled loses sessions and link in the same step. `not_found` for nobody; `conflict` with `details.field` where
   * no administrator would be left who can sign in, and `version` where the person is not `expected` any more (without it the last
   * one wins), decided in the same transaction.
   */
  changeUser(
    tenant: TenantId,
    id: UserId,
    change: UserChange,
    expected?: UserStanding,
  ): Promise<{ before: User; after: User; endedSessions: number }>;
  updatePassword(tenant: TenantId, id: UserId, passwordHash: string): Promise<void>;

  /** In the place of an older one. `not_found` for nobody, `conflict` for somebody disabled. */
  putPasswordLink(tenant: TenantId, id: UserId, link: PasswordLink): Promise<User>;
  /** Whose link it is, when it has not expired at `now` and they are not disabled. */
  findPasswordLink(tokenHash: string, now: number): Promise<User | undefined>;
  /** Uses the link up: the password is theirs, and all their sessions end. Undefined when it did not work any more. */
  redeemPasswordLink(tokenHash: string, now: number, passwordHash: string): Promise<User | undefined>;
  deletePasswordLink(tenant: TenantId, id: UserId): Promise<void>;
  /** Undefined: none of one's own. */
  updateZone(tenant: TenantId, id: UserId, zone: string | undefined): Promise<void>;

  /** Also notes when its person signed in. */
  insertSession(session: Session): Promise<void>;
  /** The session and its user when neither has expired at `now` nor is disabled. */
  findSession(tokenHash: string, now: number): Promise<{ session: Session; user: User } | undefined>;
  touchSession(id: SessionId, lastSeenAt: number): Promise<void>;
  /** Its person proved once more who they are: from now on it is found by this hash alone. */
  proveSession(id: SessionId, tokenHash: string, provenAt: number): Promise<void>;
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
