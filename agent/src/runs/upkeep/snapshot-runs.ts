/** Runs about snapshots that are named: ordered by people or as retention, and copies that follow a backup by themselves. */
import type { PlanId, RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { BackupEnd } from '../backup/execute-backup.ts';
import type { JournaledCopy, JournaledSnapshots } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Queue } from '../queue/queue.ts';
import { stripRepository, toOrderedFromRef } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { listDueCopies } from './copy-snapshots.ts';
import { executeSnapshots } from './execute-snapshots.ts';
import { enqueueUpkeep } from './upkeep-try.ts';

/** An order about snapshots as it came. */
export type SnapshotsOrder =
  | { kind: 'verify'; order: RequestBody<'verify.start'> }
  | { kind: 'delete_snapshot'; order: RequestBody<'delete_snapshot.start'> }
  | { kind: 'retention'; order: RequestBody<'retention.start'> }
  | { kind: 'copy'; order: RequestBody<'copy.start'> };

export interface SnapshotRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledSnapshots, recorder: Recorder): void;
  /** A person asked. `effects` are journaled with the run. */
  start(ordered: SnapshotsOrder, effects: () => void): void;
  /** A backup of this plan has ended: what its second repository lacks goes there, in runs of their own, one after the other. */
  followUp(plan: PlanId, backup: RunId): void;
  /** The same order came again: an agent that started anew has lost the secrets that came with it. */
  takeSecretsAgain(ordered: SnapshotsOrder): void;
}

export interface SnapshotRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'waiting' | 'listWaiting'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  createRecorder(run: RunId): Recorder;
  onEnd(run: RunId, repository: RepositoryId, end: BackupEnd): void;
  /** A copy of this plan to that repository has ended, and no other one follows. */
  onCopied(plan: PlanId, repository: RepositoryId): void;
}

/** The admin credential is never written down; the everyday ones only where the host keeps secrets. */
function toBody({ secrets }: Pick<Workbench, 'secrets'>, ordered: SnapshotsOrder): JournaledSnapshots {
  const { run, repository: given } = ordered.order;
  const isAdmin = ordered.kind === 'retention' || (ordered.kind === 'delete_snapshot' && ordered.order.isAdmin);
  const isAside = secrets.keepsNone || isAdmin;
  const repository = isAside ? stripRepository(secrets, run, given) : given;
  const common = { repository: given.id, started: false };
  if (ordered.kind === 'verify') return { kind: 'verify', order: { ...ordered.order, repository }, ...common };
  if (ordered.kind === 'delete_snapshot') return { kind: 'delete_snapshot', order: { ...ordered.order, repository }, ...common };
  if (ordered.kind === 'retention') return { kind: 'retention', order: { ...ordered.order, repository }, ...common };
  const { snapshots, ...order } = ordered.order;
  const from = isAside ? stripRepository(secrets, run, order.from, toOrderedFromRef(run)) : order.from;
  const plan = order.plan === undefined ? {} : { plan: order.plan };
  return { kind: 'copy', ...plan, from: from.id, snapshots, order: { ...order, from, repository }, ...common };
}

/** To people, retention is retention, whoever planned it. */
const toRunKind = (kind: SnapshotsOrder['kind']) => (kind === 'retention' ? 'forget' : kind);

export function createSnapshotRuns(ports: SnapshotRunsPorts): SnapshotRuns {
  const { workbench, queue } = ports;
  const { journal, clock } = workbench;

  const enqueue = (run: RunId, body: JournaledSnapshots, recorder: Recorder) =>
    enqueueUpkeep(workbench, queue, {
      run,
      kind: toRunKind(body.kind),
      repository: body.repository,
      isExclusive: body.kind === 'delete_snapshot' || body.kind === 'retention',
      recorder,
      attempt(signal, tries) {
        const release = workbench.secrets.lease();
        return executeSnapshots({ workbench, recorder, body, spec: ports.spec(), signal, tries }).finally(release);
      },
      onEnd(end) {
        ports.onEnd(run, body.repository, end);
        if (body.kind === 'copy' && body.plan !== undefined && !followCopy(run, body)) ports.onCopied(body.plan, body.repository);
      },
    });

  const isCopyUnderWay = (plan: PlanId): boolean =>
    journal.runs.listOpen().some((run) => run.kind === 'copy' && run.plan === plan);

  /** Starts a copy of what is due, unless some of `left` is: copies that did not come about wait for the next backup. */
  const copyDue = (id: PlanId, follows: RunId, left: readonly OrderedSnapshot[]): boolean => {
    const plan = ports.spec()?.plans.find((candidate) => candidate.id === id);
    if (!plan?.copy || isCopyUnderWay(id) || queue.waiting >= RUNS.queued) return false;
    const snapshots = listDueCopies(journal.snapshots.listByPlan(id), plan);
    if (snapshots.length === 0 || snapshots.some((due) => left.some((one) => one.id === due.id))) return false;
    const run = workbench.createId('run');
    const { repositoryId: from } = plan;
    const { repositoryId: repository } = plan.copy;
    const body: JournaledCopy = { kind: 'copy', plan: id, from, repository, snapshots, started: false };
    const event: DurableEvent = {
      type: 'run.created',
      run,
      at: clock.now(),
      kind: 'copy',
      trigger: 'follow_up',
      plan: id,
      repository,
      from,
      sources: [],
      follows,
    };
    ports.record({ run, kind: 'copy', plan: id, body }, event);
    enqueue(run, body, ports.createRecorder(run));
    return true;
  };

  /** A copy that came by itself has ended: more may be due than one run takes, and a backup may have ended meanwhile. */
  const followCopy = (run: RunId, { plan, order, snapshots }: JournaledCopy): boolean =>
    plan !== undefined && order === undefined && copyDue(plan, run, snapshots);

  return {
    enqueue,
    start(ordered, effects) {
      const { run, trigger, requestedBy } = ordered.order;
      const snapshots = ordered.kind === 'retention' ? [] : ordered.order.snapshots;
      const kind = toRunKind(ordered.kind);
      const body = toBody(workbench, ordered);
      const [only] = snapshots;
      const plan = ordered.kind === 'copy' || ordered.kind === 'retention' ? ordered.order.plan : undefined;
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: clock.now(),
        kind,
        trigger,
        repository: body.repository,
        sources: [],
        requestedBy,
        ...(plan === undefined ? {} : { plan }),
        ...(ordered.kind === 'copy' ? { from: ordered.order.from.id } : {}),
        ...(only && snapshots.length === 1 ? { snapshot: only.id } : {}),
      };
      ports.record({ run, kind, ...(plan === undefined ? {} : { plan }), body }, event, effects);
      enqueue(run, body, ports.createRecorder(run));
    },
    followUp: (plan, backup) => void copyDue(plan, backup, []),
    takeSecretsAgain(ordered) {
      if (queue.listWaiting().includes(ordered.order.run)) toBody(workbench, ordered);
    },
  };
}
