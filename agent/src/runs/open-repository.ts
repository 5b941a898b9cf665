/** Opens a run's repository read-only: it must be there, and be the one that was pinned. It is never made. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
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

/** The run's first stage. Throws the reason, or `integrity` for another repository than the one that was pinned. */
export async function openRepository(opening: RepositoryOpening): Promise<void> {
  const { recorder, engine, prepared, repository, workDir, signal } = opening;
  recorder.beginStage('preflight');
  try {
    const found = await engine.findRepository({ access: prepared.access, workDir, signal });
    if (found.state !== 'found') throw createReasonError(found.failure.reason, found.failure.message);
    if (repository.pinnedId !== undefined && repository.pinnedId !== found.engineId) {
      throw new AppError(
        'integrity',
        `at this address lies another repository (${found.engineId.slice(0, 8)}) than the one this plan was made for (${repository.pinnedId.slice(0, 8)}). Find out who replaced it before anything is stored.`,
      );
    }
    recorder.log('info', `pre-flight: repository ${found.engineId.slice(0, 8)} opened, ${repository.name}`);
  } catch (error) {
    recorder.endStage('preflight', false);
    throw error;
  }
  recorder.endStage('preflight', true);
}
