/** Executes a check or a prune of a repository, and measures the repository afterwards. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { EngineFailure } from '../engines/restic/classify.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { LockCheck } from '../engines/restic/locks.ts';
import { type PreparedRepository, prepareRepositoryDraft, withWorkDir } from './inputs.ts';
import type { JournaledMaintenance } from './journaled-run.ts';
import { toOrderedRef } from './maintenance-secrets.ts';
import { openRepository } from './open-repository.ts';
import { toFailure } from './part.ts';
import type { NextAttempt } from './queue.ts';
import { createRate } from './rate.ts';
import type { Recorder } from './recorder.ts';
import type { Workbench } from './workbench.ts';

/** A repository in which others work is tried again so often, each time after so long. */
const LOCKED_TRIES = 30;
const LOCKED_MS = 60_000;

export interface MaintenanceExecution {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledMaintenance;
  signal: AbortSignal;
  /** How often it found the repository locked. */
  tries: number;
}

export interface MaintenanceEnd {
  next?: NextAttempt | undefined;
  reached: boolean;
  owesLook: boolean;
}

interface Work extends MaintenanceExecution {
  engine: ResticEngine;
  prepared: PreparedRepository;
  workDir: string;
  onLockLook(check: LockCheck): void;
}

interface WorkResult {
  evidence: Evidence[];
  bytes: number;
}

/** What one that may only add is told when it removes: that it was never meant to. */
export function toRemovalFailure(failure: EngineFailure, isAdmin: boolean): EngineFailure {
  return failure.reason === 'repository_credentials' && !isAdmin ? { ...failure, reason: 'removal_refused' } : failure;
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

function work(execution: MaintenanceExecution, onLockLook: Work['onLockLook']): Promise<WorkResult> {
  const { workbench, recorder, body, signal } = execution;
  const { repository } = body.order;
  return withWorkDir(workbench, async (workDir) => {
    const prepared = prepareRepositoryDraft(workbench, repository.draft, toOrderedRef(recorder.run), workDir);
    recorder.addRedaction(prepared.redact);
    const engine = workbench.engine(workbench.execFor(recorder.run));
    const { describe } = getRepositoryAdapter(repository.draft.kind);
    const named = { name: describe(repository.draft.config), pinnedId: repository.pinnedId };
    await openRepository({ engine, recorder, prepared, repository: named, workDir, signal });
    const all: Work = { ...execution, engine, prepared, workDir, onLockLook };
    const result = body.kind === 'check' ? await checkRepository(all) : await pruneRepository(all);
    await measureRepository(all);
    return result;
  });
}

/** Nobody brings the admin credential a second time. */
export function explainMissing(thrown: unknown, isAdmin: boolean): unknown {
  if (findReason(toAppError(thrown)) !== 'secrets_missing' || !isAdmin) return thrown;
  return createReasonError('admin_secrets_gone', 'The agent was started anew before this run began');
}

/** Runs to its end, or to the next try where others work in the repository; whatever happens is recorded, nothing is thrown. */
export async function executeMaintenance(execution: MaintenanceExecution): Promise<MaintenanceEnd> {
  const { workbench, recorder, body, signal, tries } = execution;
  const end: MaintenanceEnd = { reached: true, owesLook: false };
  const onLockLook = (check: LockCheck) => {
    end.owesLook = check.failure !== undefined || check.left.length > 0;
  };
  try {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before it began');
    if (!body.started) {
      body.started = true;
      recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    }
    const { evidence, bytes } = await work(execution, onLockLook);
    recorder.finalize();
    recorder.finish({ state: 'succeeded', evidence, bytes });
  } catch (thrown) {
    const error = toAppError(explainMissing(thrown, body.kind === 'prune' && body.order.isAdmin));
    const reason = findReason(error);
    if (reason === 'repository_locked' && tries + 1 < LOCKED_TRIES && !signal.aborted) {
      recorder.log('warn', `others work in the repository; trying again in ${LOCKED_MS / 1000} s`);
      recorder.settle();
      return { ...end, next: { afterMs: LOCKED_MS } };
    }
    if (reason?.startsWith('repository_') && reason !== 'repository_damaged') end.reached = false;
    if (error.code === 'internal')
      workbench.log.error({ err: thrown, run: recorder.run }, 'the upkeep of a repository failed unexpectedly');
    const failure = toFailure(error);
    const isCancelled = signal.aborted || reason === 'cancelled';
    if (!isCancelled) recorder.log('error', failure.message);
    const seen = failure.message.slice(0, 400);
    const evidence: Evidence[] = reason === 'repository_damaged' ? [{ check: 'repository_checked', ok: false, seen }] : [];
    recorder.finish({ state: isCancelled ? 'cancelled' : 'failed', failure, evidence, bytes: 0 });
  }
  return end;
}
