/** Opens a run's repository read-only: it must be there, and be the one that was pinned. It is never made. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import { compareWithPinned } from '../engines/restic/repository.ts';
import type { PreparedRepository } from './inputs.ts';
import type { Recorder } from './recorder.ts';

export interface RepositoryOpening {
  engine: ResticEngine;
  recorder: Recorder;
  prepared: PreparedRepository;
  repository: { name: string; pinnedId?: string | undefined };
  workDir: string;
  signal: AbortSignal;
}

/** The run's first stage. Throws the reason. */
export async function openRepository(opening: RepositoryOpening): Promise<void> {
  const { recorder, engine, prepared, repository, workDir, signal } = opening;
  recorder.beginStage('preflight');
  try {
    const found = await engine.findRepository({ access: prepared.access, workDir, signal });
    if (found.state !== 'found') throw createReasonError(found.failure.reason, found.failure.message);
    const stranger = compareWithPinned(found.engineId, repository.pinnedId);
    if (stranger) throw createReasonError(stranger.reason, stranger.message);
    recorder.log('info', `pre-flight: repository ${found.engineId.slice(0, 8)} opened, ${repository.name}`);
  } catch (error) {
    recorder.endStage('preflight', false);
    throw error;
  }
  recorder.endStage('preflight', true);
}
