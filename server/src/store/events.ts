/** What hosts tell of their runs, written into the ledger. */
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { LogLoss } from './logs.ts';

/** What became of a frame of events. */
export interface AppliedEvents {
  /** The host's position afterwards; this is what is acknowledged. */
  through: number;
  /** The events that were new, in order. */
  fresh: readonly SequencedEvent[];
  /** Log lines of these events that were not kept; undefined when there are none. */
  logLoss?: LogLoss | undefined;
}

export interface EventStore {
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
}
