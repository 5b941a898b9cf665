/**
 * A repository that is read without a lock, as restores, drills and verifications do: however long others hold it, nobody waits for them. What
 * a prune of others takes away meanwhile is missing to such a reader all the same, and that says nothing of the backup, which lies in other
 * files by then.
 */
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { PreparedRepository } from './inputs.ts';

/** What the lack of a pack looks like to one who reads. That other content came back, or that a snapshot is gone, has no such excuse. */
const OF_LACK: ReadonlySet<Reason | undefined> = new Set<Reason>([
  'repository_damaged',
  'snapshot_damaged',
  'restore_failed',
  'unknown_failure',
]);

export interface ReadRepository {
  engine: Pick<ResticEngine, 'listIndexes'>;
  repository: Pick<PreparedRepository, 'access'>;
  workDir: string;
  signal: AbortSignal;
}

export interface Reading {
  /** To be called before anything is read. Never throws: where nobody can look, failures stay what they are. */
  open(): Promise<void>;
  /** What a failure of the reading is: as it was thrown, or `repository_rewritten` where others rewrote the repository under it. Never throws. */
  judge(thrown: unknown): Promise<unknown>;
}

export function createReading({ engine, repository: { access }, workDir, signal }: ReadRepository): Reading {
  const list = async () => (await engine.listIndexes({ access, workDir, signal })).ids;
  let before: readonly string[] | undefined;
  return {
    async open() {
      before = await list();
    },
    async judge(thrown) {
      if (before === undefined || signal.aborted || !OF_LACK.has(findReason(toAppError(thrown)))) return thrown;
      const after = await list();
      if (after === undefined || before.every((id) => after.includes(id))) return thrown;
      return createReasonError('repository_rewritten', 'Others rewrote the repository while it was read', thrown);
    },
  };
}
