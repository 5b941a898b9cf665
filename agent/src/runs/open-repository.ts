/** Opens a run's repository: it must be there, and be the one that was pinned. It is never made. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import { compareWithPinned } from '../engines/restic/repository.ts';
import type { OnLog } from '../engines/restic/restic-tool.ts';
import type { PreparedRepository } from './inputs.ts';
import type { Recorder } from './log/recorder.ts';

export interface DemandedRepository {
  engine: ResticEngine;
  prepared: Pick<PreparedRepository, 'access'>;
  pinnedId: string | undefined;
  /** Whether this run writes into the repository anyway, and so may add a machine key. */
  writes: boolean;
  workDir: string;
  signal: AbortSignal;
  onLog?: OnLog | undefined;
}

/** The id of the repository, which is the pinned one; what follows is opened by its machine key where it has one. Throws the reason. */
export async function demandRepository({
  engine,
  prepared,
  pinnedId,
  writes,
  onLog,
  ...input
}: DemandedRepository): Promise<string> {
  const { access } = prepared;
  await engine.keepKey({ access, add: writes, pinnedId, onLog, ...input });
  const found = await engine.findRepository({ access, ...input });
  if (found.state !== 'found') throw createReasonError(found.failure.reason, found.failure.message);
  const stranger = compareWithPinned(found.engineId, pinnedId);
  if (stranger) throw createReasonError(stranger.reason, stranger.message);
  return found.engineId;
}

export interface RepositoryOpening {
  engine: ResticEngine;
  recorder: Recorder;
  prepared: PreparedRepository;
  repository: { name: string; pinnedId?: string | undefined };
  workDir: string;
  signal: AbortSignal;
}

/** The first stage of a run that writes into its repository. Throws the reason. */
export async function openRepository({ recorder, repository, ...opening }: RepositoryOpening): Promise<void> {
  const onLog: OnLog = (level, text) => recorder.log(level, `pre-flight: ${text}`);
  recorder.beginStage('preflight');
  try {
    const engineId = await demandRepository({ ...opening, pinnedId: repository.pinnedId, writes: true, onLog });
    recorder.log('info', `pre-flight: repository ${engineId.slice(0, 8)} opened, ${repository.name}`);
  } catch (error) {
    recorder.endStage('preflight', false);
    throw error;
  }
  recorder.endStage('preflight', true);
}
