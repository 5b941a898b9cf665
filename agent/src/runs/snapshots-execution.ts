/** What a run about named snapshots goes by, and what it comes to. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { Evidence, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { LockCheck } from '../engines/restic/locks.ts';
import type { PreparedRepository } from './inputs.ts';
import type { JournaledSnapshots } from './journaled-run.ts';
import type { Recorder } from './recorder.ts';
import type { Workbench } from './workbench.ts';

export interface SnapshotsExecution {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledSnapshots;
  spec: Spec | undefined;
  signal: AbortSignal;
  /** How often it found a repository locked. */
  tries: number;
}

/** What a run came to. */
export interface SnapshotsResult {
  state: Extract<TerminalState, 'succeeded' | 'partial' | 'failed' | 'skipped'>;
  evidence: Evidence[];
  bytes: number;
  /** Why it is not clean. */
  thrown?: unknown;
}

/** A repository that came with the order, opened. */
export interface ReadyRepository {
  engine: ResticEngine;
  prepared: PreparedRepository;
  workDir: string;
}

export type OnLockLook = (check: LockCheck) => void;
