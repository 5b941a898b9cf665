/**
 * From a due fire or an order to a run's end. Making a run is one transaction (journal row, `run.created`, the order's answer or the fire's
 * slot); executing it begins only after that is on disk.
 */
import type { PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import type { Trigger } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../journal/run-journal.ts';
import { createBackupRuns } from './backup/backup-runs.ts';
import type { BackupEnd } from './backup/execute-backup.ts';
import { createDrillRuns } from './drill/drill-runs.ts';
import type { JournaledRunBody } from './journaled-run.ts';
import { createRecorder, type Recorder } from './log/recorder.ts';
import { logRunEvent } from './log/run-log-lines.ts';
import { writeIfPossible } from './possible-write.ts';
import type { Hold } from './queue/hold.ts';
import { createQueue, type Job } from './queue/queue.ts';
import { createRestoreRuns } from './restore/restore-runs.ts';
import { createForgetRuns } from './upkeep/forget-runs.ts';
import { createMaintenanceRuns, type MaintenanceOrder } from './upkeep/maintenance-runs.ts';
import { createSnapshotRuns, type SnapshotsOrder } from './upkeep/snapshot-runs.ts';
import type { Workbench } from './workbench.ts';

export interface Executor {
  /**
   * Records a scheduled run inside the scheduler's transaction; the returned function puts it into the queue after the commit. Undefined when
   * this run was recorded before. `remarks` are what its log begins with.
   */
  recordScheduled(
    plan: SpecPlan,
    run: RunId,
    fireAt: number,
    trigger: Trigger,
    remarks?: readonly string[],
  ): (() => void) | undefined;
  /** Carries out an order once; a repeat gets the same answer. */
  startPlan(order: RequestBody<'run.start'>, orderId: string): { run: RunId };
  startRestore(order: RequestBody<'restore.start'>, orderId: string): { run: RunId };
  startForget(order: RequestBody<'forget.start'>, orderId: string): { run: RunId };
  startDrill(order: RequestBody<'drill.start'>, orderId: string): { run: RunId };
  startMaintenance(ordered: MaintenanceOrder, orderId: string): { run: RunId };
  startSnapshots(ordered: SnapshotsOrder, orderId: string): { run: RunId };
  cancel(run: RunId): boolean;
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

export function createExecutor(options: ExecutorOptions): Executor {
  const { workbench } = options;
  const { journal, clock, log } = workbench;
  const queue = createQueue({
    concurrency: () => options.spec()?.concurrency ?? RUNS.perHost,
    repositoryConcurrency: (id) =>
      options.spec()?.repositories.find((repository) => repository.id === id)?.runsAtOnce ?? Number.POSITIVE_INFINITY,
    findHold: (job) => options.findHold?.(job),
    setTimer: workbench.setTimer,
  });

  const append = (event: DurableEvent, effects?: () => void) => {
    if (journal.outbox.append(event, effects) === undefined)
      log.warn({ type: event.type }, 'the disk refuses writes; an event waits in memory');
    logRunEvent(log, event);
  };
  const createRecorderFor = (run: RunId, firstLine: number): Recorder =>
    createRecorder(
      {
        clock,
        append,
        countLogLines: (id, total) => journal.runs.countLogLines(id, total),
        closeRun: (id) => void journal.runs.close(id),
        sendProgress: workbench.sendProgress,
        setTimer: workbench.setTimer,
      },
      run,
      firstLine,
    );

  /** Where a lock of theirs may still lie in the repository, the processes of a run stay known instead. */
  const forgetProcesses = (run: RunId) =>
    writeIfPossible(log, 'processes of a run that left no lock stay known', () => journal.runs.forgetDead(run));
  /**
   * Journals a run with its first event and `effects`, all or nothing. While the disk refuses writes they wait in memory, and the run goes
   * on all the same: a backup is worth more than its record.
   */
  const record = (run: NewRun, event: DurableEvent, effects?: () => void) =>
    append(event, () => {
      journal.runs.record(run);
      effects?.();
    });
  const settle = (run: RunId, repository: RepositoryId, end: BackupEnd) => {
    if (!end.owesLook) forgetProcesses(run);
    options.onRepositoryUsed(repository, end);
  };

  const ports = { workbench, queue, spec: options.spec, record, createRecorder: (run: RunId) => createRecorderFor(run, 0) };
  const forgetRuns = createForgetRuns({ ...ports, onEnd: settle });
  const maintenanceRuns = createMaintenanceRuns({ ...ports, onEnd: settle });
  const drillRuns = createDrillRuns({ ...ports, onEnd: forgetProcesses });
  const snapshotRuns = createSnapshotRuns({
    ...ports,
    onEnd: settle,
    onCopied: forgetRuns.followUp,
  });
  const restoreRuns = createRestoreRuns({
    ...ports,
    onEnd(run, repository, { hasStored, owesLook }) {
      if (!owesLook) forgetProcesses(run);
      if (hasStored) options.onRepositoryUsed(repository, { reached: true, owesLook });
    },
  });
  const backupRuns = createBackupRuns({
    ...ports,
    onAttemptEnd(run, { plan, repository }, end, isLast) {
      if (isLast) {
        settle(run, repository, end);
        // What is about to leave the first repository is copied before.
        snapshotRuns.followUp(plan, run);
        forgetRuns.followUp(plan, repository);
      } else if (!end.owesLook) forgetProcesses(run);
    },
  });

  const enqueueAgain = (run: RunId, body: JournaledRunBody, firstLine: number) => {
    const recorder = createRecorderFor(run, firstLine);
    switch (body.kind) {
      case 'backup':
        return backupRuns.enqueue(run, body, recorder);
      case 'forget':
        return forgetRuns.enqueue(run, body, recorder);
      case 'check':
      case 'prune':
      case 'unlock':
        return maintenanceRuns.enqueue(run, body, recorder);
      case 'drill':
        return drillRuns.enqueue(run, body, recorder);
      case 'verify':
      case 'delete_snapshot':
      case 'retention':
      case 'copy':
        return snapshotRuns.enqueue(run, body, recorder);
      case 'restore':
        return restoreRuns.enqueue(run, body, recorder);
      case 'safety':
        // Carried out inside a restore; it never waits.
        return;
    }
  };

  /** Orders carried out by this life of the agent: while the disk refuses writes, its journal does not know them yet. */
  const carriedOut = new Set<string>();
  const wasCarriedOut = (orderId: string) => carriedOut.has(orderId) || journal.orders.find(orderId) !== undefined;
  /** Keeps the answer in the transaction of the order's effect. */
  const rememberAnswer = (orderId: string, type: string, run: RunId) => () => journal.orders.store(orderId, type, { run });

  const assertRoom = () => {
    if (queue.waiting >= RUNS.queued) throw new AppError('limit', `this host has ${queue.waiting} runs waiting already`);
  };
  const getPlan = (id: PlanId): SpecPlan => {
    const plan = options.spec()?.plans.find((candidate) => candidate.id === id);
    if (!plan) throw new AppError('not_found', 'this host does not have that plan (yet)');
    return plan;
  };

  return {
    recordScheduled(plan, run, fireAt, trigger, remarks) {
      if (journal.runs.find(run)) return undefined;
      const body = backupRuns.recordScheduled(plan, run, fireAt, trigger);
      return () => backupRuns.enqueue(run, body, createRecorderFor(run, 0), remarks);
    },
    startPlan(order, orderId) {
      if (wasCarriedOut(orderId)) return { run: order.run };
      const plan = getPlan(order.plan);
      assertRoom();
      backupRuns.start(order, plan, rememberAnswer(orderId, 'run.start', order.run));
      carriedOut.add(orderId);
      return { run: order.run };
    },
    startRestore(given, orderId) {
      if (wasCarriedOut(orderId)) {
        restoreRuns.takeAgain(given);
        return { run: given.run };
      }
      assertRoom();
      restoreRuns.start(given, rememberAnswer(orderId, 'restore.start', given.run));
      carriedOut.add(orderId);
      return { run: given.run };
    },
    startForget(order, orderId) {
      if (wasCarriedOut(orderId)) {
        forgetRuns.takeSecretsAgain(order);
        return { run: order.run };
      }
      assertRoom();
      forgetRuns.startByHand(order, getPlan(order.plan), rememberAnswer(orderId, 'forget.start', order.run));
      carriedOut.add(orderId);
      return { run: order.run };
    },
    startDrill(order, orderId) {
      if (wasCarriedOut(orderId)) {
        drillRuns.takeSecretsAgain(order);
        return { run: order.run };
      }
      assertRoom();
      drillRuns.start(order, rememberAnswer(orderId, 'drill.start', order.run));
      carriedOut.add(orderId);
      return { run: order.run };
    },
    startMaintenance(ordered, orderId) {
      const { kind, order } = ordered;
      if (wasCarriedOut(orderId)) {
        maintenanceRuns.takeSecretsAgain(ordered);
        return { run: order.run };
      }
      assertRoom();
      maintenanceRuns.start(ordered, rememberAnswer(orderId, `${kind}.start`, order.run));
      carriedOut.add(orderId);
      return { run: order.run };
    },
    startSnapshots(ordered, orderId) {
      const { kind, order } = ordered;
      if (wasCarriedOut(orderId)) {
        snapshotRuns.takeSecretsAgain(ordered);
        return { run: order.run };
      }
      assertRoom();
      snapshotRuns.start(ordered, rememberAnswer(orderId, `${kind}.start`, order.run));
      carriedOut.add(orderId);
      return { run: order.run };
    },
    cancel: (run) => queue.cancel(run),
    enqueueAgain: (run, body) => enqueueAgain(run, body, journal.runs.find(run)?.logLines ?? 0),
    createRecorderFor,
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
