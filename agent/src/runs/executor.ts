/**
 * From a due fire or an order to a run's end. Making a run is one transaction (journal row, `run.created`, the order's answer or the fire's
 * slot); executing it begins only after that is on disk.
 */
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { RunFire } from './backup/backup-runs.ts';
import type { BackupEnd } from './backup/execute-backup.ts';
import type { JournaledRunBody } from './journaled-run.ts';
import type { Recorder } from './log/recorder.ts';
import { createOrders, type Orders } from './orders.ts';
import type { Hold } from './queue/hold.ts';
import { createQueue, type Job } from './queue/queue.ts';
import { createRunKinds, enqueueJournaled } from './run-kinds.ts';
import { createRunRecords } from './run-records.ts';
import type { Workbench } from './workbench.ts';

export interface Executor extends Orders {
  /**
   * Records a scheduled run inside the scheduler's transaction; the returned function puts it into the queue after the commit. Undefined when
   * this run was recorded before. `remarks` are what its log begins with.
   */
  recordScheduled(plan: SpecPlan, run: RunId, fire: RunFire, remarks?: readonly string[]): (() => void) | undefined;
  cancel(run: RunId): boolean;
  /** Calls back, once, when somebody cancels a run that is open and in no queue; returns how to stop that. */
  awaitCancel(run: RunId, callback: () => void): () => void;
  /** Puts back what waited when the agent ended; see `recovery.ts` for what ran. */
  enqueueAgain(run: RunId, body: JournaledRunBody): void;
  createRecorderFor(run: RunId, firstLine: number): Recorder;
  readonly active: number;
  readonly waiting: number;
  listRuns(): readonly RunId[];
  /** See `Queue.isBusy`. */
  isBusy(repository: RepositoryId): boolean;
  /** Sources of runs that wait or run. */
  listBusySources(): ReadonlySet<SourceId>;
  /** Nothing that is recorded begins until `resume`. */
  pause(): void;
  resume(): void;
  /** Looks again at runs that are held: to be called whenever an answer of `findHold` may have changed. */
  reconsider(): void;
  drain(): Promise<void>;
  abortAll(): void;
}

export interface ExecutorOptions {
  workbench: Workbench;
  spec(): Spec | undefined;
  /** Why a run must not begin now; see `Queue`. Without it nothing is ever held. */
  findHold?(job: Job): Hold | undefined;
  /** A backup into this repository ended: what lies in it should be compared with the ledger, soon. */
  onRepositoryUsed(repository: RepositoryId, end: BackupEnd): void;
}

export function createExecutor({ workbench, spec, findHold, onRepositoryUsed }: ExecutorOptions): Executor {
  const { journal } = workbench;
  const queue = createQueue({
    concurrency: () => spec()?.concurrency ?? RUNS.perHost,
    repositoryConcurrency: (id) =>
      spec()?.repositories.find((repository) => repository.id === id)?.runsAtOnce ?? Number.POSITIVE_INFINITY,
    findHold: (job) => findHold?.(job),
    setTimer: workbench.setTimer,
  });
  const records = createRunRecords(workbench);
  /** Runs of an earlier life that somebody cancelled before they were put back. */
  const cancelledEarly = new Set<RunId>();
  /** Runs of an earlier life whose end is still to be found out. */
  const awaiting = new Map<RunId, () => void>();
  const kinds = createRunKinds({ workbench, queue, records, spec, onRepositoryUsed });

  return {
    ...createOrders({ journal, queue, kinds, spec }),
    recordScheduled(plan, run, fire, remarks) {
      if (journal.runs.find(run)) return undefined;
      const body = kinds.backups.recordScheduled(plan, run, fire);
      return () => kinds.backups.enqueue(run, body, records.createRecorder(run, 0), remarks);
    },
    cancel(run) {
      if (queue.cancel(run)) return true;
      const known = journal.runs.find(run);
      if (known === undefined || known.closedAt !== undefined) return false;
      const awaited = awaiting.get(run);
      if (awaited) awaited();
      else cancelledEarly.add(run);
      return true;
    },
    awaitCancel(run, callback) {
      awaiting.set(run, callback);
      if (cancelledEarly.delete(run)) queueMicrotask(() => awaiting.get(run)?.());
      return () => void awaiting.delete(run);
    },
    enqueueAgain(run, body) {
      enqueueJournaled(kinds, run, body, records.createRecorder(run, journal.runs.find(run)?.logLines ?? 0));
      if (cancelledEarly.delete(run)) queue.cancel(run);
    },
    createRecorderFor: records.createRecorder,
    get active() {
      return queue.active;
    },
    get waiting() {
      return queue.waiting;
    },
    listRuns: () => queue.listRuns(),
    isBusy: (repository) => queue.isBusy(repository),
    listBusySources: () => queue.listBusySources(),
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    reconsider: () => queue.reconsider(),
    drain: () => queue.drain(),
    abortAll: () => queue.abortAll(),
  };
}
