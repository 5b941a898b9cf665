/** The ledger: runs with their parts, stages and logs; snapshots; orders on their way to hosts. */
import type { SnapshotRecord } from '@holdfast/shared/domain/contents.ts';
import type {
  HostId,
  PlanId,
  RepositoryId,
  RequestId,
  RunId,
  SnapshotId,
  SourceId,
  TenantId,
} from '@holdfast/shared/domain/ids.ts';
import type { RunOrder, SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import type {
  Evidence,
  Failure,
  LogLevel,
  LogLine,
  RunKind,
  RunState,
  Stage,
  TerminalState,
  Trigger,
} from '@holdfast/shared/domain/run.ts';
import type { SnapshotState } from '@holdfast/shared/domain/snapshot.ts';
import type { Suspicion } from '@holdfast/shared/domain/suspicion.ts';
import type { RestoreTarget, SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { SNAPSHOT_ORDERS } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { Page, SortedPage } from './page.ts';

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
  /** What a check reads. */
  scope?: CheckScope | undefined;
  /** Where a copy takes its snapshots from. */
  from?: RepositoryId | undefined;
  /** The run that this one follows by itself. */
  follows?: RunId | undefined;
  requestedBy?: string | undefined;
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
}

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

/** A snapshot that an order names. */
export type NamedSnapshot = Pick<Snapshot, 'id' | 'engineId' | 'host' | 'source' | 'createdAt'>;

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
}

export interface SnapshotFilter {
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

/** What became of a frame of events. */
export interface AppliedEvents {
  /** The host's position afterwards; this is what is acknowledged. */
  through: number;
  /** The events that were new, in order. */
  fresh: readonly SequencedEvent[];
  /** Log lines of these events that were not kept; undefined when there are none. */
  logLoss?: LogLoss | undefined;
}

/** Lines above the limits of logs: acknowledged, counted in their run, and not kept. */
export interface LogLoss {
  runs: readonly RunId[];
  /** The host reached its limit of a UTC day (`2026-11-20`, by the server's clock) for the first time. */
  reached?: { day: string; limitBytes: number } | undefined;
}

/** Bytes of log since the store began; none of them ever goes down. */
export interface LogTotals {
  storedBytes: number;
  /** Left out at a limit; the last lines of a run that ended badly are counted as stored as well. */
  droppedBytes: number;
  /** Removed because their time was over. */
  removedBytes: number;
}

/** An order to a host that must arrive once, however often the line is cut. */
export interface Order {
  id: RequestId;
  tenant: TenantId;
  host: HostId;
  type:
    | 'run.start'
    | 'restore.start'
    | 'forget.start'
    | 'check.start'
    | 'prune.start'
    | 'unlock.start'
    | 'drill.start'
    | SnapshotOrderType
    | 'retention.start'
    | 'run.cancel';
  run: RunId;
  /** The frame's body, JSON. */
  body: string;
  notAfter: number;
  createdAt: number;
  state: 'waiting' | 'answered' | 'refused' | 'expired';
}

export type SnapshotOrderType = keyof typeof SNAPSHOT_ORDERS;

export interface LogFilter {
  /** Lines after this number; 0 for all. */
  after: number;
  /** Only lines before this number, and of these the last ones, still in order; else the first ones. */
  before?: number | undefined;
  limit: number;
  levels?: readonly LogLevel[] | undefined;
  search?: string | undefined;
}

/** The newest clean backup of a source and its newest attempt, for status words. */
export interface SourceStanding {
  source: SourceId;
  lastGoodAt?: number | undefined;
  lastGoodSnapshot?: SnapshotId | undefined;
  lastGoodBytes?: number | undefined;
  /** Set when the last reading of all of the newest good snapshot failed. */
  lastGoodUnreadable?: true | undefined;
  /** What is suspicious about the size of the newest good snapshot. */
  lastGoodSuspicion?: Suspicion | undefined;
  lastState?: TerminalState | undefined;
  lastRun?: RunId | undefined;
  lastAt?: number | undefined;
}

export interface RunStore {
  /**
   * Applies a frame of durable events of one host in one transaction with its position: repeats are ignored, a gap is `conflict`
   * with `details.expected`. State changes are conditional (`canMove`), terminal states immutable; an event about a run of
   * another host is left out, so that no host can forge or wedge another's history. Snapshots of a part become `good` or `partial` when the part ends so, stay `quarantined` otherwise.
   * A parts row exists for each source from `run.created` on. When a run ends its log chunks are packed.
   */
  applyEvents(
    tenant: TenantId,
    host: HostId,
    epoch: string,
    events: readonly SequencedEvent[],
    receivedAt: number,
  ): Promise<AppliedEvents>;

  /**
   * A run that a person ordered, queued before its host knows; with the order that carries it, in one transaction. `named` are the snapshots that
   * the order names: what the run tells of those counts, whichever host made them.
   */
  insertOrderedRun(run: Run, sources: readonly SourceId[], order: Order, named?: readonly SnapshotId[]): Promise<void>;
  /** Snapshots that the order of this run names, newest first; also those that are gone. */
  listNamedSnapshots(tenant: TenantId, run: RunId): Promise<readonly NamedSnapshot[]>;
  insertOrder(order: Order): Promise<void>;
  /** Orders of a host that wait for an answer at `now`, oldest first. */
  listWaitingOrders(host: HostId, now: number): Promise<readonly Order[]>;
  settleOrder(id: RequestId, state: 'answered' | 'refused'): Promise<boolean>;
  /** Marks overdue orders `expired` and fails the queued runs that were waiting for them. Returns those runs. */
  expireOrders(now: number): Promise<readonly Run[]>;
  /**
   * Runs of the host that are still queued although the host answered the order that starts them: it took them and has not
   * told of them in an event.
   */
  listUnreportedRuns(tenant: TenantId, host: HostId): Promise<readonly Run[]>;
  /** Ends a run that its host refused or never got; conditional like every transition. */
  finishUnstarted(tenant: TenantId, run: RunId, state: TerminalState, failure: Failure, at: number): Promise<boolean>;

  findRun(tenant: TenantId, id: RunId): Promise<Run | undefined>;
  listParts(tenant: TenantId, id: RunId): Promise<readonly RunPart[]>;
  /** The parts of all these runs, those of one run in their order. */
  listPartsOf(tenant: TenantId, runs: readonly RunId[]): Promise<readonly RunPart[]>;
  /** Stages of the attempt under way, and of parts that ended in an earlier one. */
  listStages(tenant: TenantId, id: RunId): Promise<readonly RunStage[]>;
  /** Failed attempts before the last one, oldest first. */
  listAttempts(tenant: TenantId, id: RunId): Promise<readonly RunAttempt[]>;
  /** Newest first, by creation then id. Never scans the table: every filter has an index. */
  listRuns(tenant: TenantId, filter: RunFilter, page: SortedPage<RunOrder>): Promise<Page<Run>>;
  /** The newest backup run of each of these plans that has one. */
  lastRunOfPlans(tenant: TenantId, plans: readonly PlanId[]): Promise<readonly Run[]>;
  countRunsByState(tenant: TenantId, since: number): Promise<Readonly<Record<RunState, number>>>;
  /**
   * Lines in order. Where lines are missing stands one that says how many and why, with the number of the first of them; a log
   * that was removed is one line that says so.
   */
  readLog(tenant: TenantId, id: RunId, filter: LogFilter): Promise<readonly LogLine[]>;
  /**
   * One short step of removing the logs of runs whose end was reported more than `days` days before `at` (of runs without a
   * known end: that were heard of twice as long ago). Returns how many logs are gone and whether there may be more.
   */
  removeOldLogs(days: number, at: number): Promise<{ removed: number; hasMore: boolean }>;
  /**
   * One short step of putting short logs of runs that have ended together, where they take a fraction of the room. They are read as
   * before. Returns how many were moved and whether there may be more to do; a few that do not fill a block wait for others.
   */
  gatherLogs(): Promise<{ gathered: number; hasMore: boolean }>;
  getLogTotals(tenant: TenantId): Promise<LogTotals>;

  findSnapshot(tenant: TenantId, id: SnapshotId): Promise<Snapshot | undefined>;
  /** What its host noted as it was made; undefined where nothing was. */
  findSnapshotRecord(tenant: TenantId, id: SnapshotId): Promise<SnapshotRecord | undefined>;
  listSnapshots(tenant: TenantId, filter: SnapshotFilter, page: SortedPage<SnapshotListOrder>): Promise<Page<Snapshot>>;
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
  listStandings(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly SourceStanding[]>;
  /** Runs that ended since the store began, for the metrics. */
  listRunTotals(tenant: TenantId): Promise<readonly RunTotal[]>;
}
