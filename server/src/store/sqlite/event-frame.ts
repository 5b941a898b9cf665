import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogWriter } from './logs.ts';
import type { RunRows } from './run-rows.ts';
import type { SnapshotRows } from './snapshots.ts';

/** One frame on its way into the ledger. */
export interface Frame {
  tenant: TenantId;
  host: HostId;
  receivedAt: number;
  rows: RunRows;
  snapshots: SnapshotRows;
  logs: LogWriter;
  /** Whose source this is; undefined when nobody knows it (any more). */
  ownerOf(source: string): { tenant: string; host: string } | undefined;
  /** Tells of something that was left out. */
  report(text: string): void;
}
