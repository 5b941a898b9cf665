/** What hosts told of the places of their repositories: the newest of each host. */
import type { HostId, RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';

export interface KeptRepositoryLook {
  repository: RepositoryId;
  host: HostId;
  /** When the host looked, and when this server heard of it. */
  at: number;
  toldAt: number;
  freeBytes?: number | undefined;
  certificateEndsAt?: number | undefined;
}

export interface LockLook {
  repository: RepositoryId;
  at: number;
  /** Locks that nobody renews. */
  stuck: number;
  /** When the oldest of them was taken, by the clock of whoever took it, and that one in words; hostile text. */
  since?: number | undefined;
  text?: string | undefined;
}

export interface RepositoryLookStore {
  /** Of these repositories, by hosts that are not revoked. */
  listRepositoryLooks(tenant: TenantId, repositories: readonly RepositoryId[]): Promise<readonly KeptRepositoryLook[]>;
  /** Replaces what this host told before; repositories that are not there are left out. */
  putRepositoryLooks(tenant: TenantId, looks: readonly KeptRepositoryLook[]): Promise<void>;
  /** Undefined before the first look. */
  findLockLook(tenant: TenantId, repository: RepositoryId): Promise<LockLook | undefined>;
  putLockLook(tenant: TenantId, look: LockLook): Promise<void>;
}
