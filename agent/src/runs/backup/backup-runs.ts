/** Runs that back up: because a fire is due, or because a person asked. */
import type { PlanId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type Spec, type SpecPlan } from '@holdfast/shared/domain/plan.ts';
import type { Trigger } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import { type JournaledBackup, journaledRunSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Job, Queue } from '../queue/queue.ts';
import { tellHolds } from '../queue/told-holds.ts';
import type { Workbench } from '../workbench.ts';
import { type BackupEnd, executeBackup } from './execute-backup.ts';

export interface BackupRuns {
  /** Puts a run that is journaled into the queue. `remarks` are what its log goes on with. */
  enqueue(run: RunId, body: JournaledBackup, recorder: Recorder, remarks?: readonly string[]): void;
  /** Journals the run of a fire; what it gives back is for `enqueue`, after the commit. */
  recordScheduled(plan: SpecPlan, run: RunId, fire: RunFire): JournaledBackup;
  /** A person asked. `effects` are journaled with the run. Throws `not_found` for sources that are not the plan's. */
  start(order: RequestBody<'run.start'>, plan: SpecPlan, effects: () => void): void;
}

export interface BackupRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'listBusySources' | 'listWaiting'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  /** For a run that has said nothing yet. */
  createRecorder(run: RunId): Recorder;
  /** An attempt has ended; `isLast` when no other one follows. */
  onAttemptEnd(run: RunId, body: JournaledBackup, end: BackupEnd, isLast: boolean): void;
}

/** A due fire as a run answers it. */
export interface RunFire {
  /** Epoch milliseconds. */
  fireAt: number;
  trigger: Trigger;
  /** Older fires that the run stands for as well. */
  skipped?: number | undefined;
}

/** Why a backup run was made: a due fire, or a person's order. */
interface BackupOrigin {
  fireAt?: number;
  skipped?: number;
  requestedBy?: string;
}

export function createBackupRuns(ports: BackupRunsPorts): BackupRuns {
  const { workbench, queue } = ports;
  const { journal, clock } = workbench;

  const findOptions = (plan: PlanId) =>
    ports.spec()?.plans.find((candidate) => candidate.id === plan)?.options ?? DEFAULT_PLAN_OPTIONS;

  const enqueue: BackupRuns['enqueue'] = (run, body, recorder, remarks = []) => {
    for (const remark of remarks) recorder.log('warn', remark);
    // It may wait for long: what is known is told now.
    if (remarks.length > 0) recorder.settle();
    const job: Job = {
      run,
      kind: 'backup',
      ...tellHolds(workbench, recorder),
      priority: findOptions(body.plan).priority,
      repository: body.repository,
      sources: body.sources.filter((source) => !body.overlapping.includes(source)),
      async execute(signal) {
        const release = workbench.secrets.lease();
        const { next, ...end } = await executeBackup({ workbench, recorder, body, spec: ports.spec(), signal }).finally(release);
        ports.onAttemptEnd(run, body, end, next === undefined);
        return next;
      },
    };
    queue.enqueue(job, body.retryAt === undefined ? 0 : Math.max(0, body.retryAt - clock.now()));
  };

  /** Whether a run of this plan waits for its first slot. */
  const isWaiting = (plan: PlanId): boolean =>
    queue.listWaiting().some((run) => {
      const body = journaledRunSchema.safeParse(journal.runs.find(run)?.body);
      return body.success && body.data.kind === 'backup' && body.data.plan === plan && !body.data.started;
    });

  const createBody = (plan: SpecPlan, sources: readonly SourceId[], trigger: Trigger): JournaledBackup => {
    const busy = queue.listBusySources();
    const overlapping = sources.filter((source) => busy.has(source));
    return {
      kind: 'backup',
      plan: plan.id,
      repository: plan.repositoryId,
      sources: [...sources],
      trigger,
      // One run of a plan may wait for the earlier one to end; a second one would only pile up.
      overlapping: plan.options.overlap === 'queue' && !isWaiting(plan.id) ? [] : overlapping,
      started: false,
      attempt: 1,
      ended: [],
    };
  };

  const record = (run: RunId, body: JournaledBackup, origin: BackupOrigin, effects?: () => void) => {
    const { trigger, plan, repository, sources } = body;
    const about = { kind: 'backup' as const, trigger, plan, repository, sources };
    const event: DurableEvent = { type: 'run.created', run, at: clock.now(), ...about, ...origin };
    ports.record({ run, kind: 'backup', plan, fireAt: origin.fireAt, body }, event, effects);
  };

  return {
    enqueue,
    recordScheduled(plan, run, { fireAt, trigger, skipped = 0 }) {
      const body = createBody(plan, plan.sourceIds, trigger);
      record(run, body, { fireAt, ...(skipped > 0 ? { skipped: Math.min(skipped, RUNS.skippedFires) } : {}) });
      return body;
    },
    start({ run, trigger, requestedBy, sources: wanted }, plan, effects) {
      const sources = wanted === undefined ? plan.sourceIds : plan.sourceIds.filter((source) => wanted.includes(source));
      if (sources.length === 0) throw new AppError('not_found', 'this host does not have those sources in that plan');
      const body = createBody(plan, sources, trigger);
      record(run, body, { requestedBy }, effects);
      enqueue(run, body, ports.createRecorder(run));
    },
  };
}
