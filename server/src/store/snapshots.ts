/** The snapshots of the ledger: what lies in repositories, what is pinned there, and what retention goes by. */
import type { SnapshotRecord } from '@holdfast/shared/domain/contents.ts';
import type { HostId, PlanId, RepositoryId, RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { SnapshotState } from '@holdfast/shared/domain/snapshot.ts';
import type { Suspicion } from '@holdfast/shared/domain/suspicion.ts';
import type { FoundPage, SortedPage } from './page.ts';

export interface Snapshot {
  id: SnapshotId;
  tenant: TenantId;
  engineId: string;
  run: RunId;
  host: HostId;
  source: SourceId;
  plan?: PlanId | undefined;
  repository: RepositoryId;
  role: 'data' | 'globals';
  state: SnapshotState;
  createdAt: number;
  sizeBytes: number;
  addedBytes?: number | undefined;
  files?: number | undefined;
  fileName?: string | undefined;
  evidence: readonly Evidence[];
  /** Set when its size does not fit those of the clean snapshots before it. */
  suspicion?: Suspicion | undefined;
  /** Since when it stays whatever its plan's policy says, and who said so. */
  pinnedAt?: number | undefined;
  /** When a drill last proved that it can be restored, by its host's clock. */
  provenAt?: number | undefined;
  pinnedBy?: string | undefined;
  /** When its host removed it, by the host's clock, and why, in words. */
  removedAt?: number | undefined;
  removedWhy?: string | undefined;
  /** Of a copy: the snapshot it is one of, and the run that copied it. `run` is that of the backup. */
  copyOf?: SnapshotId | undefined;
  copiedBy?: RunId | undefined;
  /** How the last reading of all of it went. */
  verification?: Verification | undefined;
  /** Its deletion is ordered: the run that carries it out, which has not ended. */
  deletingRun?: RunId | undefined;
  /** No run made it: when a person took it over from its repository, and who. `run` names nothing then. */
  adoptedAt?: number | undefined;
  adoptedBy?: string | undefined;
}

/** A snapshot of one repository, as far as matters beside what lies there. */
export interface KnownSnapshot
  extends Pick<Snapshot, 'id' | 'engineId' | 'source' | 'host' | 'role' | 'state' | 'createdAt' | 'sizeBytes'> {
  isAdopted: boolean;
}

/** What a snapshot that no run made is taken over as: data that nobody vouches for. */
export interface Adoption
  extends Pick<Snapshot, 'id' | 'engineId' | 'run' | 'host' | 'source' | 'repository' | 'createdAt' | 'sizeBytes' | 'fileName'> {
  at: number;
  by: string;
}

/** One reading of a whole snapshot on its host. */
export interface Verification {
  ok: boolean;
  run: RunId;
  /** By its host's clock. */
  at: number;
  bytes: number;
  sha256?: string | undefined;
  seen: string;
}

/** What retention goes by. */
export interface RetainedSnapshot {
  id: SnapshotId;
  engineId: string;
  run: RunId;
  host: HostId;
  source: SourceId;
  role: Snapshot['role'];
  state: Extract<SnapshotState, 'good' | 'partial' | 'quarantined'>;
  createdAt: number;
  sizeBytes: number;
  addedBytes?: number | undefined;
  isSuspicious: boolean;
  isPinned: boolean;
  /** A drill restored it, and no later one failed to. */
  isProven: boolean;
}

export interface SnapshotFilter {
  /** Part of the name of its host, plan, repository or source, or how its id, its engine's or its run's begins. */
  search?: string | undefined;
  host?: HostId | undefined;
  plan?: PlanId | undefined;
  source?: SourceId | undefined;
  repository?: RepositoryId | undefined;
  run?: RunId | undefined;
  /** Copies of this snapshot. */
  copyOf?: SnapshotId | undefined;
  state?: SnapshotState | undefined;
  /** Default: data only. */
  role?: 'data' | 'globals' | undefined;
  /** Only those that a person pinned. */
  pinned?: true | undefined;
  /** Only those that a drill proved. */
  proven?: true | undefined;
  /** Only those that the last reading of did not come to their end. */
  unreadable?: true | undefined;
  /** Made at or after, and before. */
  since?: number | undefined;
  until?: number | undefined;
}

export interface SnapshotStore {
  findSnapshot(tenant: TenantId, id: SnapshotId): Promise<Snapshot | undefined>;
  /** What its host noted as it was made; undefined where nothing was. */
  findSnapshotRecord(tenant: TenantId, id: SnapshotId): Promise<SnapshotRecord | undefined>;
  /** What is searched for can be ordered by its creation alone, as of runs. */
  listSnapshots(tenant: TenantId, filter: SnapshotFilter, page: SortedPage<SnapshotListOrder>): Promise<FoundPage<Snapshot>>;
  countSnapshots(tenant: TenantId, repository?: RepositoryId): Promise<number>;
  /** Snapshots of data by repository; one without has no entry. */
  countSnapshotsOf(tenant: TenantId, repositories: readonly RepositoryId[]): Promise<ReadonlyMap<RepositoryId, number>>;
  /**
   * What a plan made in a repository and is still there as far as is known, newest first, at most `limit`; without those whose part
   * goes on.
   */
  listRetained(tenant: TenantId, plan: PlanId, repository: RepositoryId, limit: number): Promise<readonly RetainedSnapshot[]>;
  /** Good and partial data of a plan in `from` of which `to` never had a copy, newest first. */
  listUncopied(
    tenant: TenantId,
    plan: PlanId,
    places: { from: RepositoryId; to: RepositoryId },
    limit: number,
  ): Promise<readonly Snapshot[]>;
  /**
   * Pins what the snapshot's run stored of its source, the roles of a database server with it; a pin that is there stays as it is.
   * `not_found`; `precondition` when the snapshot is gone from the repository; `limit` when its plan would have more than `most`.
   */
  pinSnapshot(tenant: TenantId, id: SnapshotId, pin: { at: number; by: string; most: number }): Promise<Snapshot>;
  /** `not_found`; nothing happens to one that is not pinned. */
  unpinSnapshot(tenant: TenantId, id: SnapshotId): Promise<Snapshot>;
  /** Pinned snapshots of these plans that the host made and that are still there, oldest first. */
  listPinned(tenant: TenantId, host: HostId, plans: readonly PlanId[]): Promise<readonly { plan: PlanId; engineId: string }[]>;
  /** What is known of these in a repository, removed ones with the others. */
  listKnownThere(tenant: TenantId, repository: RepositoryId, engineIds: readonly string[]): Promise<readonly KnownSnapshot[]>;
  /** What should lie in a repository and is not one of these, newest first. */
  listNotThere(
    tenant: TenantId,
    repository: RepositoryId,
    engineIds: readonly string[],
    limit: number,
  ): Promise<readonly KnownSnapshot[]>;
  /** `conflict` where the ledger knows this place in the repository. */
  adoptSnapshot(tenant: TenantId, snapshot: Adoption): Promise<Snapshot>;
}
