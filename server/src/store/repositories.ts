/** Where backups go to. */

import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { HostId, RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RepositoryOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { RepositoryStanding } from '@holdfast/shared/domain/repository-standing.ts';
import type { EncryptedSecrets } from './encrypted-secrets.ts';
import type { StandingInstants } from './maintenance.ts';
import type { Page, SortedPage } from './page.ts';
import type { KeyProof } from './recovery.ts';

export interface Repository {
  id: RepositoryId;
  tenant: TenantId;
  name: string;
  kind: string;
  config: Config;
  secrets: EncryptedSecrets;
  /** The engine's own id, pinned when a host first opened or made it. */
  engineId?: string | undefined;
  /** The host that tested it last, for the next test. */
  testedFrom?: HostId | undefined;
  /** Runs of one host that may use it at the same time; undefined for as many as the host runs. */
  runsAtOnce?: number | undefined;
  /** Undefined: nobody has shown yet that the password is kept elsewhere, or it is another one since. */
  passwordProof?: PasswordProof | undefined;
  /** What opens it is sealed to the present recovery key, as it is now; undefined where not. Kept apart, and left out of every write. */
  sealedCopy?: SealedCopy | undefined;
  /** The credential that may remove, where the everyday one may not. Never in a spec: it goes to a host with one order alone. */
  admin?: AdminCredential | undefined;
  version: number;
  createdAt: number;
  updatedAt: number;
}

/** A person opened the repository with the password from their own copy. */
export interface PasswordProof {
  /** Epoch milliseconds. */
  at: number;
  by: string;
  /** The host that opened it. */
  host: HostId;
}

/** What the list of repositories says of a sealed copy. */
export interface SealedCopy {
  /** Epoch milliseconds. */
  madeAt: number;
  /** When somebody last showed that they have the key it is sealed to, and who; undefined: never. */
  keyProof?: KeyProof | undefined;
}

/** What differs from the everyday credential; everything else is the same. */
export interface AdminCredential {
  config: Config;
  secrets: EncryptedSecrets;
}

export interface RepositoryFilter {
  search?: string | undefined;
  kind?: string | undefined;
  /** Needs the instants that standings are judged by. */
  standing?: RepositoryStanding | undefined;
}

/** An order by standing needs the instants that standings are judged by. */
export interface RepositoryPage extends SortedPage<RepositoryOrder> {
  instants?: StandingInstants | undefined;
}

/** Names are unique in a tenant; a taken one is `conflict` with `details.field = "name"`. */
export interface RepositoryStore {
  insertRepository(repository: Repository): Promise<void>;
  /** Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. */
  updateRepository(repository: Repository, expectedVersion: number): Promise<void>;
  /** Pins the engine's id once; `conflict` when another one is pinned. */
  pinEngineId(tenant: TenantId, id: RepositoryId, engineId: string, from: HostId): Promise<void>;
  /** Keeps the proof while the version is still `version`; `conflict` otherwise, `not_found` when it is gone. The version stays. */
  provePassword(tenant: TenantId, id: RepositoryId, proof: PasswordProof, version: number): Promise<void>;
  findRepository(tenant: TenantId, id: RepositoryId): Promise<Repository | undefined>;
  /** Those that exist, each once, by name, then id. */
  findRepositories(tenant: TenantId, ids: readonly RepositoryId[]): Promise<readonly Repository[]>;
  listRepositories(tenant: TenantId, filter: RepositoryFilter, page: RepositoryPage): Promise<Page<Repository>>;
  countRepositories(tenant: TenantId): Promise<number>;
  /** `conflict` when a plan uses it or the ledger still lists snapshots in it. */
  deleteRepository(tenant: TenantId, id: RepositoryId): Promise<void>;
}
