/** What a drill has found out so far; it is told also when the drill fails half-way. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';

export interface DrillFindings {
  readonly evidence: Evidence[];
  readonly warnings: string[];
  /** Set when the content had come back. */
  restoreMs?: number | undefined;
  rows?: number | undefined;
  /** Of a database: exactly counted, by the names of its tables. */
  rowsByTable: ReadonlyMap<string, number>;
  /** Tables of a database, files of a sample. */
  things: number;
  /** Bytes that were read from the repository to be restored. */
  bytes: number;
}

export function createFindings(): DrillFindings {
  return { evidence: [], warnings: [], rowsByTable: new Map(), things: 0, bytes: 0 };
}

/** @throws `drill_failed` naming the first thing that does not hold. */
export function assertHolds({ evidence }: DrillFindings): void {
  const failing = evidence.filter(({ ok }) => !ok);
  const [first] = failing;
  if (first === undefined) return;
  const more = failing.length > 1 ? ` (and ${failing.length - 1} more)` : '';
  throw createReasonError('drill_failed', `${first.seen}${more}`);
}
