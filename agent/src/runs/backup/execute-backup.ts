/**
 * Executes a backup run: the repository once, then each source as a part of its own, then the run's end. What failed for a cause that may
 * pass is left open for another attempt of the same run, as long as its plan's budget and time limit allow.
 */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { LockCheck } from '../../engines/restic/locks.ts';
import type { Exec } from '../../exec/contract.ts';
import { findStop } from '../attempts/agent-stop.ts';
import { mayPass } from '../attempts/attempts.ts';
import { LOCK_LOOK_MS, lookAtLock, mayAwaitLock } from '../attempts/lock-wait.ts';
import { findOptions, findRetryMs, followHeld, type HeldPart, judgeSnapshots, outlivesStop } from '../attempts/next-attempt.ts';
import { endPart, type PartResult, summariseParts } from '../attempts/part.ts';
import { startTimeLimit } from '../attempts/time-limit.ts';
import { prepareRepository, withWorkDir } from '../inputs.ts';
import type { JournaledBackup } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import type { Recorder } from '../log/recorder.ts';
import { openRepository } from '../open-repository.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { NextAttempt } from '../queue/queue.ts';
import { listMissing } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import { backUpSource } from './backup.ts';
import { callHookBefore, callOwedHook, owePlanHooks } from './hook-calls.ts';
import { GROWTH_HISTORY } from './repository-room.ts';

export interface BackupExecution {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledBackup;
  spec: Spec | undefined;
  signal: AbortSignal;
  /** Told what looks for locks of this attempt came to; the last one counts. */
  onStore?: () => void;
  onLockLook?: (check: LockCheck) => void;
}

/** Ready to take the parts of one run. */
interface Ready {
  exec: Exec;
  engine: ResticEngine;
  repository: SpecRepository;
  spec: Spec;
}

function getReady({ workbench, recorder, body, spec }: BackupExecution): Ready {
  const repository = spec?.repositories.find((candidate) => candidate.id === body.repository);
  if (!spec || !repository) throw new AppError('not_found', 'this host does not have the plan’s repository any more');
  const used = { repository: repository.id, sources: body.sources.filter((source) => !body.overlapping.includes(source)) };
  if (used.sources.length > 0 && listMissing(spec, used, workbench.secrets).length > 0)
    throw createReasonError('secrets_missing', 'The server did not bring the secrets of this plan within its grace');
  const exec = openLimitedExec(workbench, recorder, findOptions(spec, body).limits);
  return { exec, engine: workbench.engine(exec), repository, spec };
}

function runPart(execution: BackupExecution, ready: Ready, source: SourceId): Promise<PartResult> {
  const { workbench, recorder, body, signal } = execution;
  const described = ready.spec.sources.find((candidate) => candidate.id === source);
  if (body.overlapping.includes(source)) {
    const overlap = createReasonError('overlap', `${described?.name ?? source} is still being backed up by an earlier run`);
    recorder.log('warn', overlap.message);
    return Promise.resolve({ ...endPart(source, overlap), state: 'skipped' as const });
  }
  if (!described)
    return Promise.resolve(endPart(source, new AppError('not_found', 'this source was deleted or disabled meanwhile')));
  return withWorkDir(workbench, (workDir) =>
    backUpSource({
      workbench,
      exec: ready.exec,
      engine: ready.engine,
      recorder,
      source: described,
      repository: prepareRepository(workbench, ready.repository, workDir),
      tags: { tenant: ready.spec.tenant, host: ready.spec.host, plan: body.plan, source, run: recorder.run },
      added: workbench.journal.snapshots.listAdded(body.repository, source, GROWTH_HISTORY.looked),
      volumes: workbench.journal.volumes.find(source),
      countRows: findOptions(ready.spec, body).countRows,
      workDir,
      signal,
      onStore: () => execution.onStore?.(),
      onLockLook: (check) => execution.onLockLook?.(check),
      journalSnapshot({ id, engineId, role, createdAt, sizeBytes, addedBytes, fileName, contents }) {
        if (contents) workbench.journal.contents.keep(recorder.run, source, contents);
        workbench.journal.snapshots.record({
          repository: body.repository,
          engineId,
          snapshot: id,
          run: recorder.run,
          source,
          state: 'made',
          facts: { plan: body.plan, role, createdAt, sizeBytes, addedBytes, fileName },
        });
      },
    }),
  );
}

function finishPart(execution: BackupExecution, part: PartResult, durationMs: number): void {
  const { workbench, recorder, body } = execution;
  const { source, state, failure, warnings, bytes, evidence, volumes } = part;
  body.ended = [...body.ended, { source, state, bytes, evidence: [...evidence], ...(failure ? { failure } : {}) }];
  if (failure) recorder.log(state === 'partial' || state === 'skipped' ? 'warn' : 'error', failure.message);
  recorder.finishPart({ source, state, warnings: [...warnings], bytes, durationMs, ...(failure ? { failure } : {}) }, () => {
    workbench.journal.runs.revise(recorder.run, body);
    judgeSnapshots(execution, source, state);
    if (state === 'succeeded' && volumes) workbench.journal.volumes.keep(source, volumes);
  });
}

/** Ends a part for good, or holds it for the next attempt. */
type Settle = (part: PartResult, durationMs: number) => void;

async function runAll(execution: BackupExecution, settle: Settle): Promise<void> {
  const { workbench, recorder, body, signal } = execution;
  const pending = body.sources.filter((source) => !body.ended.some((part) => part.source === source));
  const settleAll = (thrown: unknown): void => {
    for (const source of pending) settle(endPart(source, thrown, signal), 0);
  };
  if (signal.aborted) return settleAll(createReasonError('cancelled', 'Cancelled before it began'));
  const onlySkips = pending.every((source) => body.overlapping.includes(source));
  let ready: Ready;
  try {
    ready = getReady(execution);
    if (!onlySkips) {
      await callHookBefore(execution, signal);
      await withWorkDir(workbench, async (workDir) => {
        const prepared = prepareRepository(workbench, ready.repository, workDir);
        recorder.addRedaction(prepared.redact);
        const { engine, repository } = ready;
        await openRepository({ engine, recorder, prepared, repository, workDir, signal });
      });
    }
  } catch (error) {
    return settleAll(error);
  }
  for (const source of pending) {
    const startedAt = workbench.clock.monotonicMs();
    let part: PartResult;
    try {
      if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before this source was begun');
      part = await runPart(execution, ready, source);
    } catch (error) {
      const app = toAppError(error);
      if (app.code === 'internal') workbench.log.error({ err: error, run: recorder.run, source }, 'a part failed unexpectedly');
      part = endPart(source, error, signal);
    }
    settle(part, Math.max(0, Math.round(workbench.clock.monotonicMs() - startedAt)));
  }
}

/** Journals that this attempt runs now: after a crash it was interrupted, and does not wait any more. */
function beginAttempt({ workbench, recorder, body }: BackupExecution): void {
  writeIfPossible(workbench.log, 'after a crash this attempt would begin once more', () =>
    workbench.journal.runs.revise(recorder.run, body),
  );
  recorder.log('info', `attempt ${body.attempt} begins`);
}

export interface BackupEnd {
  /** Whether the repository was reached, as far as is known: one that was not is not asked again right away. */
  reached: boolean;
  /** A lock of this host may still lie in the repository: a look for it failed, there was no line to look over, or nobody looked after a cancel. */
  owesLook: boolean;
}

/** Causes after which the repository may not be the one that the lock was taken in. */
const DOUBTS = /^(?:repository_|evidence_failed$|snapshot_missing$|unknown_failure$)/;

/**
 * Runs one attempt to its end; whatever happens is recorded, nothing is thrown. With `next` the run goes on later; otherwise it has ended.
 */
export async function executeBackup(given: BackupExecution): Promise<BackupEnd & { next?: NextAttempt | undefined }> {
  const { workbench, recorder, body } = given;
  const options = findOptions(given.spec, body);
  const isFirst = !body.started;
  body.started = true;
  body.startedAt ??= workbench.clock.now();
  const limit = startTimeLimit(workbench, body.startedAt, options.timeoutMinutes, given.signal);
  const prepare = (workDir: string) =>
    (given.spec?.repositories ?? [])
      .filter(({ id }) => id === body.repository)
      .map((repository) => prepareRepository(workbench, repository, workDir));
  const wait = await lookAtLock({ ...given, prepare, signal: limit.signal }, limit.allows(LOCK_LOOK_MS));
  if (wait) {
    limit.stop();
    return { reached: true, owesLook: body.owesLook === true, next: wait };
  }
  // What was cancelled while it waited, and what only stands aside for an earlier run, never began.
  const begins = !given.signal.aborted && !body.sources.every((source) => body.overlapping.includes(source));
  delete body.retryAt;
  let reached = true;
  let isLockLeft: boolean | undefined;
  let hasStored = false;
  let isInDoubt = false;
  const onLockLook = (check: LockCheck) => {
    isLockLeft = check.failure !== undefined || check.left.length > 0;
  };
  const findEnd = () => ({ reached, owesLook: body.owesLook === true });
  const settleLooks = () => {
    // What is cancelled is often cancelled because nothing answers: no long questions then, but a look a little later.
    body.owesLook = isLockLeft ?? (body.owesLook === true || isInDoubt || (begins && execution.signal.aborted));
  };
  const onStore = () => {
    hasStored = true;
  };
  const execution: BackupExecution = { ...given, signal: limit.signal, onStore, onLockLook };
  const retryMs = findRetryMs(options, body, recorder.run);
  let isCut = false;
  try {
    if (begins) owePlanHooks(execution);
    if (begins && isFirst) recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    else if (!isFirst) beginAttempt(execution);
    const held: HeldPart[] = [];
    const allows = (ms: number) => !execution.signal.aborted && limit.allows(ms);
    await runAll(execution, (raw, durationMs) => {
      const part = limit.judge(raw);
      const { source, state, failure } = part;
      if (failure?.reason?.startsWith('repository_') || failure?.reason === 'stalled') reached = false;
      // A restic that ends by itself takes its lock along, unless it could not, or another repository lay there by then.
      if (hasStored && failure && DOUBTS.test(failure.reason ?? '')) isInDoubt = true;
      if (failure?.reason === 'interrupted' && findStop(execution.signal) && outlivesStop(body)) {
        isCut = true;
        return void held.push({ source, failure });
      }
      if (state !== 'failed' || failure === undefined) return finishPart(execution, part, durationMs);
      const awaitsLock = failure.reason === 'repository_locked' && mayAwaitLock(body) && allows(LOCK_LOOK_MS);
      const isWorthAnother = retryMs !== undefined && mayPass(failure) && allows(retryMs);
      if (awaitsLock || isWorthAnother) held.push({ source, failure, awaitsLock });
      else finishPart(execution, part, durationMs);
    });
    settleLooks();
    const next = followHeld(execution, options, held, { isCut, retryMs });
    const summary = summariseParts(body.ended);
    await callOwedHook(execution, isCut ? 'interrupted' : next ? 'failed' : summary.state);
    if (next) return { ...findEnd(), next };
    if (begins) recorder.finalize();
    recorder.finish(summary);
    return findEnd();
  } catch (error) {
    workbench.log.error({ err: error, run: recorder.run }, 'a run could not be recorded');
    recorder.finish({
      state: 'failed',
      failure: { code: 'internal', message: toAppError(error).message },
      evidence: [],
      bytes: 0,
    });
    return findEnd();
  } finally {
    limit.stop();
  }
}
