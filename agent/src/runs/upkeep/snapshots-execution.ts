/** What a run about named snapshots goes by, and what it comes to. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { Evidence, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { PreparedRepository } from '../inputs.ts';
import type { JournaledSnapshots } from '../journaled-run.ts';
import type { UpkeepTry } from './upkeep-try.ts';

export interface SnapshotsExecution extends UpkeepTry<JournaledSnapshots> {
  spec: Spec | undefined;
}

/** What a run came to. */
export interface SnapshotsResult {
  state: Extract<TerminalState, 'succeeded' | 'partial' | 'failed' | 'skipped'>;
  evidence: Evidence[];
  bytes: number;
  /** Why it is not clean. */
  thrown?: unknown;
  /** That stands in the log already. */
  isTold?: boolean | undefined;
}

/** A repository that came with the order, opened. */
export interface ReadyRepository {
  engine: ResticEngine;
  prepared: PreparedRepository;
  workDir: string;
}
