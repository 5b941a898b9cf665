/** Orders on their way to hosts, each with the run that it starts. */
import type { HostId, RequestId, RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { SNAPSHOT_ORDERS } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { Run } from './runs.ts';
import type { Snapshot } from './snapshots.ts';

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

/** A snapshot that an order names. */
export type NamedSnapshot = Pick<Snapshot, 'id' | 'engineId' | 'host' | 'source' | 'createdAt'>;

export interface OrderStore {
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
  /** Runs of the host that have not ended and of which it should know: it told of them, or answered the order that starts them. Oldest first. */
  listHeldRuns(tenant: TenantId, host: HostId): Promise<readonly Run[]>;
  /** Such runs of hosts, of any tenant, that were last heard of before `since`, or are revoked; at most `limit`, oldest first. */
  listRunsOfSilentHosts(since: number, limit: number): Promise<readonly Run[]>;
  /** Ends a run that its host refused or never got; conditional like every transition. */
  finishUnstarted(tenant: TenantId, run: RunId, state: TerminalState, failure: Failure, at: number): Promise<boolean>;
  /**
   * Ends a run, also one that has begun, on a presumption: what its host tells of it later takes the end back and counts. False for a run that has
   * ended.
   */
  presumeEnd(tenant: TenantId, run: RunId, state: TerminalState, failure: Failure, at: number): Promise<boolean>;
}
