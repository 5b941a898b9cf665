/** Executes a check or a prune of a repository, and measures the repository afterwards; or takes locks of it away. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import { toFailure } from '../attempts/part.ts';
import { type PreparedRepository, prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import type { JournaledMaintenance } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import { openRepository } from '../open-repository.ts';
import { createRate } from '../rate.ts';
import { toOrderedRef } from '../secrets/maintenance-secrets.ts';
import { unlockRepository } from './execute-unlock.ts';
import { type OnLockLook, type TryEnd, toFailedEnd, toRemovalFailure, tryUpkeep, type UpkeepTry } from './upkeep-try.ts';

type MaintenanceTry = UpkeepTry<JournaledMaintenance>;

interface Work extends MaintenanceTry {
  engine: ResticEngine;
  prepared: PreparedRepository;
  workDir: string;
  onLockLook: OnLockLook;
}

interface WorkResult {
  evidence: Evidence[];
  bytes: number;
}

function startProgress({ workbench, recorder }: Work, stage: 'check' | 'prune') {
  const rate = createRate(workbench.clock);
  return (bytes: number, packs?: { done: number; total: number }) =>
    recorder.progress({
      stage,
      bytes,
      bytesPerSecond: rate.look(bytes),
      ...(packs ? { files: packs.done, totalFiles: packs.total } : {}),
    });
}

async function checkRepository(work: Work): Promise<WorkResult> {
  const { engine, recorder, body, prepared, workDir, signal, onLockLook } = work;
  if (body.kind !== 'check') return { evidence: [], bytes: 0 };
  const { scope } = body.order;
  recorder.log('info', `checks the repository: ${describeCheckScope(scope)}`);
  recorder.beginStage('check');
  const tell = startProgress(work, 'check');
  let bytes = 0;
  const { failure, damagedPacks, packsRead } = await engine.check({
    access: prepared.access,
    pinnedId: body.order.repository.pinnedId,
    workDir,
    scope,
    signal,
    onLockLook,
    onLog: (level, text) => recorder.log(level, text),
    onProgress(progress) {
      bytes = progress.bytes;
      tell(bytes, progress.packs);
    },
  });
  recorder.endStage('check', failure === undefined);
  if (damagedPacks.length > 0) recorder.log('error', `damaged packs: ${damagedPacks.join(', ')}`);
  if (failure) throw createReasonError(failure.reason, failure.message);
  const read =
    scope.kind === 'structure'
      ? 'no data was read'
      : packsRead === undefined
        ? 'its data was read'
        : `${packsRead} packs were read`;
  const evidence: Evidence = { check: 'repository_checked', ok: true, seen: `${describeCheckScope(scope)}: ${read}` };
  return { evidence: [evidence], bytes };
}

async function pruneRepository(work: Work): Promise<WorkResult> {
  const { engine, recorder, body, prepared, workDir, signal, onLockLook } = work;
  if (body.kind !== 'prune') return { evidence: [], bytes: 0 };
  const { isAdmin, maxUnusedPercent } = body.order;
  recorder.beginStage('prune');
  const tell = startProgress(work, 'prune');
  const { failure, freedBytes = 0 } = await engine.prune({
    access: prepared.access,
    pinnedId: body.order.repository.pinnedId,
    workDir,
    maxUnusedPercent,
    signal,
    onLockLook,
    onLog: (level, text) => recorder.log(level, text),
    onProgress: ({ bytes }) => tell(bytes),
  });
  recorder.endStage('prune', failure === undefined);
  if (failure) {
    const { reason, message } = toRemovalFailure(failure, isAdmin);
    throw createReasonError(reason, message);
  }
  return { evidence: [], bytes: freedBytes };
}

/** A size that is not known spoils no check and no prune. */
async function measureRepository({ engine, recorder, prepared, workDir, signal }: Work): Promise<void> {
  recorder.beginStage('measure');
  const { size, failure } = await engine.measure({ access: prepared.access, workDir, signal });
  recorder.endStage('measure', failure === undefined);
  if (size) recorder.measured(size);
  else recorder.log('warn', `the repository could not be measured: ${failure?.message}`);
}

function work(execution: MaintenanceTry, onLockLook: OnLockLook): Promise<WorkResult> {
  const { workbench, recorder, body, signal } = execution;
  const { repository } = body.order;
  return withWorkDir(workbench, async (workDir) => {
    const prepared = prepareRepositoryDraft(workbench, repository.draft, toOrderedRef(recorder.run), workDir);
    recorder.addRedaction(prepared.redact);
    const engine = workbench.engine(openLimitedExec(workbench, recorder));
    const { describe } = getRepositoryAdapter(repository.draft.kind);
    const named = { name: describe(repository.draft.config), pinnedId: repository.pinnedId };
    await openRepository({ engine, recorder, prepared, repository: named, workDir, signal });
    if (body.kind === 'unlock') {
      await unlockRepository({ engine, recorder, prepared, workDir, order: body.order, signal });
      return { evidence: [], bytes: 0 };
    }
    const all: Work = { ...execution, engine, prepared, workDir, onLockLook };
    const result = body.kind === 'check' ? await checkRepository(all) : await pruneRepository(all);
    await measureRepository(all);
    return result;
  });
}

/** A check, a prune or an unlocking, to its end or to the next try. */
export function executeMaintenance(execution: MaintenanceTry): Promise<TryEnd> {
  const { recorder, body } = execution;
  return tryUpkeep(execution, {
    isAdmin: body.kind === 'prune' && body.order.isAdmin,
    // Another lock came up: a person looks again before anything is removed.
    ...(body.kind === 'unlock' ? { lockedTries: 1 } : {}),
    async work(onLockLook) {
      return { state: 'succeeded', ...(await work(execution, onLockLook)) };
    },
    fail(error, isCancelled) {
      if (body.kind === 'prune' && !body.order.isAdmin && findReason(error) === 'removal_refused') {
        // The credential may only add, as it should: what is left out is no fault of the run.
        recorder.log('warn', error.message);
        return { state: 'skipped', failure: toFailure(error), evidence: [], bytes: 0 };
      }
      const evidence: Evidence = { check: 'repository_checked', ok: false, seen: toFailure(error).message.slice(0, 400) };
      return toFailedEnd(recorder, error, isCancelled, findReason(error) === 'repository_damaged' ? [evidence] : []);
    },
  });
}
