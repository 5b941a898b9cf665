/** Runs that remove snapshots: after a backup by themselves, or because a person asked. */
import type { PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import type { Trigger } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { BackupEnd } from '../backup/execute-backup.ts';
import { type JournaledForget, journaledForgetSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Queue } from '../queue/queue.ts';
import { stripRepository } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { executeForget, findRetention, lookAtRetention } from './execute-forget.ts';
import { listFollowUp, type PastForget, type Remover } from './forget-follow-up.ts';
import { enqueueUpkeep } from './upkeep-try.ts';

export interface ForgetRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledForget, recorder: Recorder): void;
  /**
   * A backup or a copy of this plan has ended: what the plan does not keep there any more goes, in a run of its own. Where it may not go for now,
   * a run that is skipped says so, once a day.
   */
  followUp(plan: PlanId, repository: RepositoryId): void;
  /** A person asked. `effects` are journaled with the run. Throws `precondition` as the order's contract says. */
  startByHand(order: RequestBody<'forget.start'>, plan: SpecPlan, effects: () => void): void;
  /** The same order came again: an agent that started anew has lost the admin credential that came with it. */
  takeSecretsAgain(order: RequestBody<'forget.start'>): void;
}

/** Removals of a plan that are looked through for the newest one in a repository. */
const LOOKED_BACK = 20;

/** Why such a run was made. */
interface Origin {
  trigger: Trigger;
  isApproved?: boolean;
  requestedBy?: string;
  admin?: JournaledForget['admin'];
}

export interface ForgetRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'waiting' | 'listWaiting'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  createRecorder(run: RunId): Recorder;
  onEnd(run: RunId, repository: JournaledForget['repository'], end: BackupEnd): void;
}

export function createForgetRuns(ports: ForgetRunsPorts): ForgetRuns {
  const { workbench, queue } = ports;
  const { journal, clock } = workbench;

  const enqueue = (run: RunId, body: JournaledForget, recorder: Recorder) =>
    enqueueUpkeep(workbench, queue, {
      run,
      kind: 'forget',
      repository: body.repository,
      isExclusive: true,
      recorder,
      attempt(signal, tries) {
        const release = workbench.secrets.lease();
        return executeForget({ workbench, recorder, body, spec: ports.spec(), signal, tries }).finally(release);
      },
      onEnd: (end) => ports.onEnd(run, body.repository, end),
    });

  const findRemover = (repository: RepositoryId): Remover => {
    const found = ports.spec()?.repositories.find(({ id }) => id === repository);
    if (found?.addsOnly !== true) return 'host';
    return found.forgetOrdered === true ? 'server' : 'person';
  };

  const findLast = (plan: PlanId, repository: RepositoryId): PastForget | undefined => {
    for (const { openedAt, body } of journal.runs.listClosed(plan, 'forget', LOOKED_BACK)) {
      const known = journaledForgetSchema.safeParse(body);
      if (known.success && known.data.repository === repository) return { openedAt, ended: known.data.ended };
    }
    return undefined;
  };

  /** Whether such a run of this plan waits or runs in this repository. */
  const isUnderWay = (plan: PlanId, repository: RepositoryId): boolean =>
    journal.runs.listOpen().some(({ body }) => {
      const known = journaledForgetSchema.safeParse(body);
      return known.success && known.data.plan === plan && known.data.repository === repository;
    });

  const start = (
    run: RunId,
    { id }: SpecPlan,
    repository: RepositoryId,
    sources: SourceId[],
    by: Origin,
    effects?: () => void,
  ) => {
    const { trigger, isApproved = false, requestedBy } = by;
    // Never written down, whatever the host keeps.
    const admin = by.admin && stripRepository(workbench.secrets, run, by.admin);
    const body: JournaledForget = {
      kind: 'forget',
      plan: id,
      repository,
      sources,
      trigger,
      isApproved,
      started: false,
      ended: [],
      ...(admin ? { admin } : {}),
    };
    const event = { type: 'run.created', run, at: clock.now(), kind: 'forget', trigger, plan: id, repository, sources } as const;
    ports.record({ run, kind: 'forget', plan: id, body }, requestedBy === undefined ? event : { ...event, requestedBy }, effects);
    enqueue(run, body, ports.createRecorder(run));
  };

  return {
    enqueue,
    followUp(id, repository) {
      const plan = ports.spec()?.plans.find((candidate) => candidate.id === id);
      if (!plan || isUnderWay(id, repository) || queue.waiting >= RUNS.queued) return;
      const found = lookAtRetention(workbench, plan, repository);
      const sources = listFollowUp(found, findRemover(repository), findLast(id, repository), clock.now());
      if (sources.length > 0) start(workbench.createId('run'), plan, repository, sources, { trigger: 'follow_up' });
    },
    takeSecretsAgain({ run, admin }) {
      if (admin && queue.listWaiting().includes(run)) stripRepository(workbench.secrets, run, admin);
    },
    startByHand(order, plan, effects) {
      const { repository = plan.repositoryId } = order;
      if (findRetention(plan, repository) === undefined)
        throw new AppError('precondition', 'this plan keeps everything: it has no retention policy');
      if (isUnderWay(plan.id, repository))
        throw new AppError('precondition', 'a run that removes snapshots of this plan waits or runs already');
      const sources = lookAtRetention(workbench, plan, repository).map(({ source }) => source);
      if (sources.length === 0) throw new AppError('precondition', 'this host knows no snapshots of this plan');
      start(order.run, plan, repository, sources, order, effects);
    },
  };
}
