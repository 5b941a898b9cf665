/** The runs of the ledger, with their parts, stages and attempts. */
import type { HostId, PlanId, RepositoryId, RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RunOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import type { RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import type { Evidence, Failure, RunKind, RunState, Stage, Trigger } from '@holdfast/shared/domain/run.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { FoundPage, SortedPage } from './page.ts';

/** Ends of runs of one kind in one state. Both numbers only rise; the runs that ended so are their difference. */
export interface RunTotal {
  kind: RunKind;
  state: RunState;
  count: number;
  /** Of these, what the server had presumed and took back, because the host told of the run after all. */
  takenBack: number;
}

export interface Run {
  id: RunId;
  tenant: TenantId;
  host: HostId;
  kind: RunKind;
  trigger: Trigger;
  state: RunState;
  plan?: PlanId | undefined;
  repository: RepositoryId;
  /** The fire this run answers; epoch milliseconds on the plan's schedule. */
  fireAt?: number | undefined;
  /** Older fires of its plan that it stands for as well; undefined for none. */
  skipped?: number | undefined;
  /** Host's times. */
  createdAt: number;
  startedAt?: number | undefined;
  finishedAt?: number | undefined;
  durationMs?: number | undefined;
  /** When the server first heard of it, and when it heard of its end. */
  receivedAt: number;
  reportedAt?: number | undefined;
  bytes: number;
  failure?: Failure | undefined;
  evidence: readonly Evidence[];
  snapshot?: SnapshotId | undefined;
  target?: RestoreTarget | undefined;
  /** How a restore goes about it, where somebody wished anything. */
  options?: RestoreOptions | undefined;
  /** What a check reads. */
  scope?: CheckScope | undefined;
  /** Where a copy takes its snapshots from. */
  from?: RepositoryId | undefined;
  /** The run that this one follows by itself. */
  follows?: RunId | undefined;
  requestedBy?: string | undefined;
  /** The request to the server that ordered it, as its log and the audit name it; undefined where no page, key or person did. */
  request?: string | undefined;
  /** Lines the run wrote. */
  logLines: number;
  /** Of these, lines above a limit that were not kept; undefined when there are none. */
  logLinesLeftOut?: number | undefined;
  /** Set when the log was removed because its time was over. */
  logRemoval?: { at: number; afterDays: number } | undefined;
}

export interface RunPart {
  run: RunId;
  source: SourceId;
  state: RunState;
  failure?: Failure | undefined;
  warnings: readonly string[];
  bytes: number;
  durationMs?: number | undefined;
}

export interface RunStage {
  run: RunId;
  source?: SourceId | undefined;
  stage: Stage;
  startedAt: number;
  endedAt?: number | undefined;
  ok?: boolean | undefined;
}

/** An attempt that failed and was followed by another one. */
export interface RunAttempt {
  run: RunId;
  /** From 1. */
  attempt: number;
  failedAt: number;
  failure: Failure;
  /** When the next attempt was, or is, due. */
  retryAt: number;
  /** What that one tries again; undefined where the host did not tell. */
  sources?: readonly SourceId[] | undefined;
}

export interface RunFilter {
  state?: RunState | undefined;
  /** Only runs that have not ended. */
  active?: boolean | undefined;
  kind?: RunKind | undefined;
  host?: HostId | undefined;
  plan?: PlanId | undefined;
  /** Only runs of no plan. */
  withoutPlan?: true | undefined;
  source?: SourceId | undefined;
  repository?: RepositoryId | undefined;
  /** What made it begin. */
  trigger?: Trigger | undefined;
  /** Who asked for it, by the name it had then; exact. */
  requestedBy?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  /**
   * Part of the name of its host, plan, repository or of one of its sources, part of what it or a source of it failed with (from
   * `SEARCH.errorChars` letters on, in the first 500 of each), or how the id of the run, of a snapshot it made or of the request that ordered
   * it begins.
   */
  search?: string | undefined;
}

export interface RunStore {
  findRun(tenant: TenantId, id: RunId): Promise<Run | undefined>;
  listParts(tenant: TenantId, id: RunId): Promise<readonly RunPart[]>;
  /** The parts of all these runs, those of one run in their order. */
  listPartsOf(tenant: TenantId, runs: readonly RunId[]): Promise<readonly RunPart[]>;
  /** Stages of the attempt under way, and of parts that ended in an earlier one. */
  listStages(tenant: TenantId, id: RunId): Promise<readonly RunStage[]>;
  /** Failed attempts before the last one, oldest first. */
  listAttempts(tenant: TenantId, id: RunId): Promise<readonly RunAttempt[]>;
  /**
   * Newest first, by creation then id. Never scans the table: every filter has an index. What is searched for can be ordered by its
   * creation alone: `invalid` for any other order.
   */
  listRuns(tenant: TenantId, filter: RunFilter, page: SortedPage<RunOrder>): Promise<FoundPage<Run>>;
  /** The newest backup run of each of these plans that has one. */
  lastRunOfPlans(tenant: TenantId, plans: readonly PlanId[]): Promise<readonly Run[]>;
  countRunsByState(tenant: TenantId, since: number): Promise<Readonly<Record<RunState, number>>>;
  /** Runs that ended since the store began, for the metrics. */
  listRunTotals(tenant: TenantId): Promise<readonly RunTotal[]>;
}
