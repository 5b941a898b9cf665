import type { HostId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { DrillRows } from '../drills.ts';
import type { FrameLogs } from '../logs/logs.ts';
import type { CopyRows } from './copies.ts';
import type { OrderedRemovalRows } from './ordered-removals.ts';
import type { RunHead, RunRows } from './run-rows.ts';
import type { SnapshotRows } from './snapshots.ts';

/** One frame on its way into the ledger. */
export interface Frame {
  tenant: TenantId;
  host: HostId;
  receivedAt: number;
  rows: RunRows;
  /** The runs this frame spoke of so far, as they stand now. */
  heads: Map<RunId, RunHead>;
  snapshots: SnapshotRows;
  drills: DrillRows;
  copies: CopyRows;
  retention: OrderedRemovalRows;
  logs: FrameLogs;
  /** Whose source this is; undefined when nobody knows it (any more). */
  ownerOf(source: string): { tenant: string; host: string } | undefined;
  /** Tells of something that was left out. */
  report(text: string): void;
}
