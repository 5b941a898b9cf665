/** What a drill has found out so far; it is told also when the drill fails half-way. */
import type { Evidence } from '@holdfast/shared/domain/run.ts';

export interface DrillFindings {
  readonly evidence: Evidence[];
  readonly warnings: string[];
  /** Set when the content had come back. */
  restoreMs?: number | undefined;
  rows?: number | undefined;
  /** Tables of a database, files of a sample. */
  things: number;
  /** Bytes that were read from the repository to be restored. */
  bytes: number;
}

export function createFindings(): DrillFindings {
  return { evidence: [], warnings: [], things: 0, bytes: 0 };
}
