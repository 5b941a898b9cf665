/** What months are told of: how the sources stood day by day, how many runs there were, and what they read, added and came to. */
import type { RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RunKind, RunState } from '@holdfast/shared/domain/run.ts';
import type { ProtectionCounts } from '../core/protection/protection.ts';

export interface ProtectionDay {
  /** Days since 1970-01-01, UTC. */
  day: number;
  /** Hours in which somebody looked. */
  looks: number;
  /** Sums over those looks: divided by `looks`, the mean of the day. */
  counts: ProtectionCounts;
}

export interface RunCount {
  kind: RunKind;
  state: RunState;
  count: number;
}

/** Runs that were created on one UTC day. */
export interface RunDay extends RunCount {
  /** Days since 1970-01-01. */
  day: number;
  /** What they read, all together. */
  bytes: number;
}

/** Snapshots of data that backups and copies made, and what they added to their repository: all they hold where their engine does not tell. */
export interface Added {
  snapshots: number;
  addedBytes: number;
}

export interface RepositoryAdded extends Added {
  repository: RepositoryId;
}

export interface AddedDay extends Added {
  /** Days since 1970-01-01, UTC. */
  day: number;
}

/** How a repository grew in a time; instants are those of its measurements. */
export interface RepositoryGrowth {
  repository: RepositoryId;
  name: string;
  /** Measured last before the time began, or first of all where that came later. */
  first: Measured;
  /** Measured last before the time was over. */
  last: Measured;
}

export interface Measured {
  at: number;
  sizeBytes: number;
}

/** How big repositories were together at an instant: what was measured last of each before it. */
export interface SizeThen {
  at: number;
  sizeBytes: number;
}

/** Repositories that one read tells of, by id, after the last one already told of. */
export interface RepositoryPart {
  after?: RepositoryId | undefined;
  limit: number;
}

export interface HistoryStore {
  /** Adds one look to the day of `at`; a second look within one hour changes nothing. */
  recordProtection(tenant: TenantId, at: number, counts: ProtectionCounts): Promise<void>;
  /** Days from `fromDay` up to and without `toDay`, rising; those without a look are left out. */
  listProtectionDays(tenant: TenantId, fromDay: number, toDay: number): Promise<readonly ProtectionDay[]>;
  /** Runs that were created from `from` on and before `to`, epoch milliseconds. */
  countRuns(tenant: TenantId, from: number, to: number): Promise<readonly RunCount[]>;
  /** Runs of the days from `fromDay` up to and without `toDay`, by day, kind and state; what there was none of is left out. */
  listRunDays(tenant: TenantId, fromDay: number, toDay: number): Promise<readonly RunDay[]>;
  /**
   * Bytes that backups read which were created from `from` on and before `to`. Reads in short steps; what ends meanwhile may or may not
   * be counted.
   */
  sumRead(tenant: TenantId, from: number, to: number): Promise<number>;
  /** By repository, of snapshots made from `from` on and before `to`, in no particular order; in short steps as well. */
  sumAdded(tenant: TenantId, from: number, to: number): Promise<readonly RepositoryAdded[]>;
  /** Days from `fromDay` up to and without `toDay`, rising; those on which nothing was made are left out. */
  listAddedDays(tenant: TenantId, fromDay: number, toDay: number): Promise<readonly AddedDay[]>;
  /**
   * Of so many repositories, those that were measured before the time was over, by id. `next` is where the next read begins; undefined
   * when there are no more.
   */
  listGrowth(
    tenant: TenantId,
    span: { from: number; to: number },
    part: RepositoryPart,
  ): Promise<{ rows: readonly RepositoryGrowth[]; next?: RepositoryId | undefined }>;
  /**
   * How big so many repositories were together, at each instant by which one of them was measured. Two steps through an index for each
   * repository and instant.
   */
  sumSizes(
    tenant: TenantId,
    instants: readonly number[],
    part: RepositoryPart,
  ): Promise<{ sizes: readonly SizeThen[]; next?: RepositoryId | undefined }>;
}
