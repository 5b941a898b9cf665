/** What months are told of: how the sources stood day by day, and how many runs there were. */
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
}

/** How big a repository was at an instant: what was measured last before it. */
export interface SizeThen {
  repository: RepositoryId;
  at: number;
  sizeBytes: number;
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
  /** One for each repository and instant by which it was measured, in no particular order. Each is one step through an index. */
  listSizesAt(tenant: TenantId, repositories: readonly RepositoryId[], instants: readonly number[]): Promise<readonly SizeThen[]>;
}
