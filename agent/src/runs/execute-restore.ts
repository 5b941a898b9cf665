/** Executes a restore run. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { compareWithPinned } from '../engines/restic/repository.ts';
import { prepareRepositoryDraft, prepareSourceDraft, withWorkDir } from './inputs.ts';
import { endPart } from './part.ts';
import type { Recorder } from './recorder.ts';
import { restoreDatabase } from './restore-database.ts';
import { restoreDirectory } from './restore-directory.ts';
import type { RestorePart, RestoreResult } from './restore-part.ts';
import { setSecretsAside, toRestoreRefs } from './secrets-apart.ts';
import type { Workbench } from './workbench.ts';

export interface RestoreExecution {
  workbench: Workbench;
  recorder: Recorder;
  order: RequestBody<'restore.start'>;
  signal: AbortSignal;
}

async function checkRepository(part: RestorePart, pinnedId: string | undefined): Promise<void> {
  const found = await part.engine.findRepository({ access: part.repository.access, workDir: part.workDir, signal: part.signal });
  if (found.state !== 'found') throw createReasonError(found.failure.reason, found.failure.message);
  const stranger = compareWithPinned(found.engineId, pinnedId);
  if (stranger) throw createReasonError(stranger.reason, stranger.message);
}

function restoreInto(execution: RestoreExecution, part: RestorePart): Promise<RestoreResult> {
  const { workbench, order } = execution;
  const { target } = order;
  if (target.kind === 'directory') return restoreDirectory(part, target.path);
  if (!order.connection || order.fileName === undefined)
    throw new AppError('invalid', 'a database restore needs a connection and a stored dump');
  const connection = prepareSourceDraft(workbench, order.connection, toRestoreRefs(order).connection, part.workDir);
  const { restore } = connection.adapter;
  if (!restore) throw new AppError('unsupported', 'sources of this kind are not restored into a database');
  return restoreDatabase({ ...part, connection, restore, fileName: order.fileName, database: target.database });
}

/** Runs to the end; whatever happens is recorded, nothing is thrown. */
export async function executeRestore(execution: RestoreExecution): Promise<void> {
  const { workbench, recorder, order, signal } = execution;
  const startedAt = workbench.clock.monotonicMs();
  const duration = () => Math.max(0, Math.round(workbench.clock.monotonicMs() - startedAt));
  const nothing = () => undefined;
  try {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before it began');
    recorder.start(() =>
      workbench.journal.runs.revise(recorder.run, {
        kind: 'restore',
        order: setSecretsAside(workbench.secrets, order),
        started: true,
      }),
    );
    const result = await withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, order.repository.draft, toRestoreRefs(order).repository, workDir);
      recorder.addRedaction(repository.redact);
      const exec = workbench.execFor(recorder.run);
      const part: RestorePart = {
        tooling: workbench,
        exec,
        engine: workbench.engine(exec),
        recorder,
        repository,
        engineId: order.engineId,
        sizeBytes: order.sizeBytes,
        workDir,
        signal,
      };
      await checkRepository(part, order.repository.pinnedId);
      return restoreInto(execution, part);
    });
    const { evidence, warnings, bytes } = result;
    recorder.finishPart(
      { source: order.source.id, state: 'succeeded', warnings: [...warnings], bytes, durationMs: duration() },
      nothing,
    );
    recorder.finalize();
    recorder.finish({ state: 'succeeded', evidence, bytes });
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'internal') workbench.log.error({ err: thrown, run: recorder.run }, 'a restore failed unexpectedly');
    const part = endPart(order.source.id, thrown, signal.aborted);
    if (part.failure) recorder.log('error', part.failure.message);
    const { state, failure } = part;
    recorder.finishPart(
      { source: part.source, state, warnings: [], bytes: 0, durationMs: duration(), ...(failure ? { failure } : {}) },
      nothing,
    );
    recorder.finish({ state, failure, evidence: [], bytes: 0 });
  } finally {
    workbench.secrets.release(order.run);
  }
}
