/**
 * The frame of runs that keep a repository up: checks, prunes, removals, readings, copies. One waits in the queue with a low priority, is tried
 * again where others work in the repository, and ends with a record of what happened.
 */
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError, findReason, getAdvice, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, RunKind, TerminalState } from '@holdfast/shared/domain/run.ts';
import { type AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { EngineFailure } from '../../engines/restic/classify.ts';
import type { LockCheck } from '../../engines/restic/locks.ts';
import { findStop } from '../attempts/agent-stop.ts';
import { toFailure } from '../attempts/part.ts';
import type { BackupEnd } from '../backup/execute-backup.ts';
import type { Recorder, RunEnd } from '../log/recorder.ts';
import type { NextAttempt, Queue } from '../queue/queue.ts';
import { tellHolds } from '../queue/told-holds.ts';
import type { Workbench } from '../workbench.ts';

/** Causes that go with those who work in the repository. */
const OF_OTHERS: ReadonlySet<Reason | undefined> = new Set<Reason>(['repository_locked', 'repository_rewritten']);
/** Causes at the repository that are known by having read it. */
const OF_READING: ReadonlySet<Reason> = new Set<Reason>(['repository_damaged', 'repository_rewritten']);
/** A repository in which others work is tried again so often, each time after so long. */
const LOCKED_TRIES = 30;
const LOCKED_MS = 60_000;
/** Between tries at a repository that does not answer: a minute, then twice as long each time, up to this; about a day in all. */
const SILENT_MAX_MS = 60 * 60_000;

export type OnLockLook = (check: LockCheck) => void;

export interface UpkeepTry<Body> {
  workbench: Workbench;
  recorder: Recorder;
  /** As it is journaled. */
  body: Body;
  signal: AbortSignal;
  /** How often it found a repository locked. */
  tries: number;
}

/** How a try ended; with `next` the run has not. */
export interface TryEnd extends BackupEnd {
  next?: NextAttempt | undefined;
}

export interface UpkeepWork {
  /** Works through the admin credential. */
  isAdmin: boolean;
  /** Tries at most, where it is not the usual number. */
  lockedTries?: number;
  /** Tries again, later each time, also where the repository does not answer: what was asked for does not grow old. */
  awaitsRepository?: boolean;
  /** Whether a run that others keep out waits until they let go, however often it is tried; says so itself. */
  awaitsOthers?(error: AppError): boolean;
  /** What it throws ends the run, unless another try follows. */
  work(onLockLook: OnLockLook): Promise<RunEnd>;
  /** The end of a run whose work threw; `toFailedEnd` where it is not given. */
  fail?(error: AppError, isCancelled: boolean): RunEnd;
  /** Journaled with the end of the run. */
  onFinish?(state: TerminalState): void;
}

export interface UpkeepJob {
  run: RunId;
  kind: RunKind;
  repository: RepositoryId;
  /** Nothing else of this host is in the repository meanwhile. */
  isExclusive: boolean;
  /** Begins whatever else runs on the host. */
  needsNoSlot?: boolean | undefined;
  recorder: Recorder;
  /** Never rejects. `tries` counts how often the repository was found locked. */
  attempt(signal: AbortSignal, tries: number): Promise<TryEnd>;
  onEnd(end: BackupEnd): void;
}

/** Puts a journaled run into the queue; the secrets that came with its order are forgotten when it has ended. */
export function enqueueUpkeep(
  workbench: Pick<Workbench, 'secrets' | 'log'>,
  queue: Pick<Queue, 'enqueue'>,
  job: UpkeepJob,
): void {
  const { run, kind, repository, isExclusive, needsNoSlot, recorder } = job;
  let tries = 0;
  queue.enqueue({
    run,
    kind,
    ...tellHolds(workbench, recorder),
    priority: 'low',
    repository,
    sources: [],
    isExclusive,
    needsNoSlot,
    async execute(signal) {
      const { next, ...end } = await job.attempt(signal, tries);
      tries += 1;
      if (next) return next;
      workbench.secrets.release(run);
      job.onEnd(end);
      return undefined;
    },
  });
}

/** What one that may only add is told when it removes: that it was never meant to. */
export function toRemovalFailure(failure: EngineFailure, isAdmin: boolean): EngineFailure {
  return failure.reason === 'repository_credentials' && !isAdmin ? { ...failure, reason: 'removal_refused' } : failure;
}

/** Nobody brings the admin credential a second time. */
function explainMissing(thrown: unknown, isAdmin: boolean): AppError {
  const error = toAppError(thrown);
  if (findReason(error) !== 'secrets_missing' || !isAdmin) return error;
  return createReasonError('admin_secrets_gone', 'The agent was started anew before this run began');
}

/** The end of a run whose work threw, told in its log too. */
export function toFailedEnd(recorder: Recorder, error: AppError, isCancelled: boolean, evidence: Evidence[] = []): RunEnd {
  const failure = toFailure(error);
  if (!isCancelled) recorder.log('error', failure.message);
  return { state: isCancelled ? 'cancelled' : 'failed', failure, evidence, bytes: 0 };
}

/** Runs to its end, or to the next try where others work in the repository; whatever happens is recorded, nothing is thrown. */
export async function tryUpkeep<Body extends { kind: string; started: boolean }>(
  { workbench, recorder, body, signal, tries }: UpkeepTry<Body>,
  { isAdmin, lockedTries = LOCKED_TRIES, awaitsRepository = false, awaitsOthers, work, fail, onFinish }: UpkeepWork,
): Promise<TryEnd> {
  const end: TryEnd = { reached: true, owesLook: false };
  const finish = (result: RunEnd) => recorder.finish(result, () => onFinish?.(result.state));
  try {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before it began');
    if (!body.started) {
      body.started = true;
      recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    }
    const result = await work((check) => {
      end.owesLook = check.failure !== undefined || check.left.length > 0;
    });
    recorder.finalize();
    finish(result);
  } catch (caught) {
    const error = findStop(signal) ?? explainMissing(caught, isAdmin);
    const reason = findReason(error);
    const mayWait = reason !== undefined && OF_OTHERS.has(reason) && !signal.aborted;
    if (mayWait && awaitsOthers?.(error)) return { ...end, next: { afterMs: LOCKED_MS } };
    if (mayWait && !awaitsOthers && tries + 1 < lockedTries) {
      const [who = ''] = error.message
        .replace(getAdvice(reason), '')
        .trim()
        .split(/\.?\n|\.$/u);
      recorder.log('warn', `others work in the repository (${who}); trying again in ${LOCKED_MS / 1000} s`);
      recorder.settle();
      return { ...end, next: { afterMs: LOCKED_MS } };
    }
    if (awaitsRepository && reason === 'repository_unreachable' && !signal.aborted && tries + 1 < lockedTries) {
      const afterMs = Math.min(SILENT_MAX_MS, LOCKED_MS * 2 ** tries);
      recorder.log('warn', error.message);
      recorder.log('warn', `trying again in ${afterMs / LOCKED_MS} min`);
      recorder.settle();
      return { ...end, reached: false, next: { afterMs } };
    }
    if (reason?.startsWith('repository_') && !OF_READING.has(reason)) end.reached = false;
    if (error.code === 'internal')
      workbench.log.error({ err: caught, run: recorder.run, kind: body.kind }, 'the upkeep of a repository failed unexpectedly');
    const isCancelled = (signal.aborted && !findStop(signal)) || reason === 'cancelled';
    finish(fail ? fail(error, isCancelled) : toFailedEnd(recorder, error, isCancelled));
  }
  return end;
}
