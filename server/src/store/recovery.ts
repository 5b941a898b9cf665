/** The recovery key of a tenant, and what is sealed to it. */
import type { RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';

export interface RecoveryKey {
  tenant: TenantId;
  /** `age1…`; the other half is kept nowhere here. */
  recipient: string;
  /** Epoch milliseconds. */
  setAt: number;
  setBy: string;
  /** Somebody opened what was sealed to it; undefined: nobody yet. */
  proof?: KeyProof | undefined;
}

export interface KeyProof {
  at: number;
  by: string;
}

/** A code that was sealed to the key, to be typed back by whoever can open it. */
export interface RecoveryCode {
  hash: string;
  /** Epoch milliseconds. */
  until: number;
  tries: number;
}

/** What opens one repository, sealed. */
export interface RecoveryCopy {
  tenant: TenantId;
  repository: RepositoryId;
  recipient: string;
  madeAt: number;
  /** Equal for equal contents. */
  mark: string;
  /** Of the repository as it was looked at last. */
  repositoryVersion: number;
  engineId?: string | undefined;
  /** An armored age file. */
  sealed: string;
}

export interface RecoveryStore {
  findRecoveryKey(tenant: TenantId): Promise<RecoveryKey | undefined>;
  /** Puts a key in the place of the one with the recipient `replaces`, or of none; `conflict` when another one is there. */
  putRecoveryKey(key: RecoveryKey, replaces: string | undefined): Promise<void>;
  /** With every sealed copy; `conflict` when another key is there. */
  deleteRecoveryKey(tenant: TenantId, recipient: string): Promise<void>;
  /** The newest code takes the place of an older one; `conflict` when another key is there. */
  openRecoveryCode(tenant: TenantId, recipient: string, code: RecoveryCode): Promise<void>;
  /** Takes one of the tries of the code that is open; undefined where none is, or none is left. */
  takeRecoveryTry(tenant: TenantId, now: number): Promise<{ recipient: string; hash: string; left: number } | undefined>;
  /** Ends the code as well; `conflict` when another key is there. */
  proveRecoveryKey(tenant: TenantId, recipient: string, proof: KeyProof): Promise<void>;
  /** Repositories after `after` in the order of ids that have no copy for the recipient, or were changed since it was looked at. */
  listUnsealed(tenant: TenantId, recipient: string, after: string, limit: number): Promise<readonly RepositoryId[]>;
  /** How many there are, and how many have a copy for the recipient of what they are now. */
  countSealed(tenant: TenantId, recipient: string): Promise<{ repositories: number; sealed: number }>;
  findRecoveryCopies(tenant: TenantId, ids: readonly RepositoryId[]): Promise<readonly RecoveryCopy[]>;
  /** `not_found` when the repository is gone. */
  putRecoveryCopy(copy: RecoveryCopy): Promise<void>;
}
