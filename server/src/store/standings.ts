/** How the backups of sources stand by the ledger. */
import type { RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import type { Suspicion } from '@holdfast/shared/domain/suspicion.ts';

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

export interface StandingStore {
  listStandings(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly SourceStanding[]>;
}
