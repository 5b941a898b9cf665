/** What is known of the upkeep of repositories: checks, prunes, and sizes over time. */

import type { HostId, RepositoryId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RepositoryStanding } from '@holdfast/shared/domain/repository-standing.ts';
import type { RunState } from '@holdfast/shared/domain/run.ts';
import type { Run } from './runs.ts';

/** How big a repository was when it was measured. */
export interface RepositorySize {
  /** The run that measured it after its own work; undefined where a host was asked for nothing else. */
  run?: RunId | undefined;
  /** By the clock of the host that measured. */
  measuredAt: number;
  /** What the data that snapshots need takes in storage. */
  sizeBytes: number;
  /** The same data before it was compressed; undefined where restic did not tell. */
  uncompressedBytes?: number | undefined;
  snapshots: number;
  /** What restores of all snapshots listed then would give back together. */
  restoreBytes: number;
}

/** Instants that standings are judged by, epoch milliseconds: what hosts dated after `now` shows nothing, what is older than `quietBefore` no more. */
export interface StandingInstants {
  now: number;
  quietBefore: number;
}

/** A repository as lists tell of it. */
export interface RepositorySummary {
  repository: RepositoryId;
  standing: RepositoryStanding;
  /** When it was last seen to work: a snapshot made in it, a check that went well, a measurement. By the clocks of hosts. */
  usedAt?: number | undefined;
  /** By the newest measurement. */
  sizeBytes?: number | undefined;
  /** The newest check, in whatever state: when it ended, else began, else was ordered. */
  check?: { run: RunId; state: RunState; at: number } | undefined;
}

export interface MaintenanceStore {
  /** Of those that exist, in no order. */
  listRepositorySummaries(
    tenant: TenantId,
    ids: readonly RepositoryId[],
    instants: StandingInstants,
  ): Promise<readonly RepositorySummary[]>;
  /** All repositories by how they do; a standing that none has is left out. */
  countRepositoryStandings(tenant: TenantId, instants: StandingInstants): Promise<ReadonlyMap<RepositoryStanding, number>>;
  /** The newest checks, or prunes, of a repository in whatever state, newest first, at most `limit`. */
  listMaintenanceRuns(
    tenant: TenantId,
    repository: RepositoryId,
    kind: 'check' | 'prune',
    limit: number,
  ): Promise<readonly Run[]>;
  /** The newest sizes, oldest first, at most `limit`. */
  listSizes(tenant: TenantId, repository: RepositoryId, limit: number): Promise<readonly RepositorySize[]>;
  /** Keeps what a host answered, with what restores of all snapshots listed now would give back. */
  recordMeasurement(
    tenant: TenantId,
    repository: RepositoryId,
    size: Pick<RepositorySize, 'measuredAt' | 'sizeBytes' | 'uncompressedBytes' | 'snapshots'> & { host: HostId },
  ): Promise<void>;
}
