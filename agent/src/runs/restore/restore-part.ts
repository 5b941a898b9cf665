/** What every restore is given, whatever its target, and what it hands back. */
import type { Evidence, Stage } from '@holdfast/shared/domain/run.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { Exec } from '../../exec/contract.ts';
import type { PreparedRepository } from '../inputs.ts';
import type { HalfRestored } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Tooling } from '../workbench.ts';

/** Building an index moves no byte through the pipeline for a long time; a restore is given an hour. */
export const RESTORE_STALL_MS = 60 * 60_000;

/** Of every restore, wherever from. */
export interface RunningRestore {
  tooling: Tooling;
  exec: Exec;
  recorder: Recorder;
  sizeBytes: number;
  workDir: string;
  signal: AbortSignal;
  /** A person accepts a disk that seems too small. */
  acceptLittleRoom?: boolean | undefined;
  /** Journals what a crash would leave behind, before it is made; undefined when nothing would be left any more. Nobody may be there to do so. */
  remember?: ((half: HalfRestored | undefined) => void) | undefined;
}

/** Of a restore from a snapshot. */
export interface RestorePart extends RunningRestore {
  engine: ResticEngine;
  repository: PreparedRepository;
  /** restic's full id. */
  engineId: string;
}

export interface RestoreResult {
  evidence: readonly Evidence[];
  warnings: readonly string[];
  bytes: number;
  /** What came back stays, and is less than it should be: then the run is only partial, and this is why. */
  doubt?: AppError | undefined;
}

/** The stage ends well when the work does, and ill when it throws. */
export async function inStage<T>(recorder: Recorder, stage: Stage, work: () => Promise<T>): Promise<T> {
  recorder.beginStage(stage);
  let ok = false;
  try {
    const result = await work();
    ok = true;
    return result;
  } finally {
    recorder.endStage(stage, ok);
  }
}
