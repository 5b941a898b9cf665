/** Checks, prunes and unlockings of repositories, because they were ordered. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { BackupEnd } from '../backup/execute-backup.ts';
import { type JournaledMaintenance, journaledMaintenanceSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Queue } from '../queue/queue.ts';
import { stripRepository } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { executeMaintenance } from './execute-maintenance.ts';
import { enqueueUpkeep } from './upkeep-try.ts';

/** A check, a prune or an unlocking as it was ordered. */
export type MaintenanceOrder =
  | { kind: 'check'; order: RequestBody<'check.start'> }
  | { kind: 'prune'; order: RequestBody<'prune.start'> }
  | { kind: 'unlock'; order: RequestBody<'unlock.start'> };

export interface MaintenanceRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledMaintenance, recorder: Recorder): void;
  /** A person asked. `effects` are journaled with the run. Throws `precondition` while another one of the kind waits or runs. */
  start(ordered: MaintenanceOrder, effects: () => void): void;
  /** The same order came again: an agent that started anew has lost the secrets that came with it, and its run may still wait for them. */
  takeSecretsAgain(ordered: MaintenanceOrder): void;
}

export interface MaintenanceRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'listWaiting'>;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  createRecorder(run: RunId): Recorder;
  onEnd(run: RunId, repository: JournaledMaintenance['repository'], end: BackupEnd): void;
}

/** The admin credential is never written down; the everyday one only where the host keeps secrets. */
function setAside({ secrets }: Pick<Workbench, 'secrets'>, ordered: MaintenanceOrder): JournaledMaintenance {
  const { run, repository: given } = ordered.order;
  const isAdmin = ordered.kind === 'prune' && ordered.order.isAdmin;
  const repository = isAdmin || secrets.keepsNone ? stripRepository(secrets, run, given) : given;
  const common = { repository: repository.id, started: false };
  if (ordered.kind === 'check') return { kind: 'check', order: { ...ordered.order, repository }, ...common };
  if (ordered.kind === 'unlock') return { kind: 'unlock', order: { ...ordered.order, repository }, ...common };
  return { kind: 'prune', order: { ...ordered.order, repository }, ...common };
}

export function createMaintenanceRuns(ports: MaintenanceRunsPorts): MaintenanceRuns {
  const { workbench, queue } = ports;
  const { journal, clock } = workbench;

  const enqueue = (run: RunId, body: JournaledMaintenance, recorder: Recorder) =>
    enqueueUpkeep(workbench, queue, {
      run,
      kind: body.kind,
      repository: body.repository,
      isExclusive: body.kind !== 'unlock',
      // Others may hold every slot, and wait for the lock to go.
      needsNoSlot: body.kind === 'unlock',
      recorder,
      attempt: (signal, tries) => executeMaintenance({ workbench, recorder, body, signal, tries }),
      onEnd: (end) => ports.onEnd(run, body.repository, end),
    });

  /** Whether such a run of this repository waits or runs. */
  const isUnderWay = ({ kind, order }: MaintenanceOrder): boolean =>
    journal.runs.listOpen().some(({ body }) => {
      const known = journaledMaintenanceSchema.safeParse(body);
      return known.success && known.data.kind === kind && known.data.repository === order.repository.id;
    });

  return {
    enqueue,
    start(ordered, effects) {
      const { kind, order } = ordered;
      if (isUnderWay(ordered))
        throw new AppError(
          'precondition',
          `${kind === 'unlock' ? 'an unlocking' : `a ${kind}`} of this repository waits or runs already`,
        );
      const body = setAside(workbench, ordered);
      const { run, trigger, requestedBy } = order;
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: clock.now(),
        kind,
        trigger,
        repository: body.repository,
        sources: [],
        requestedBy,
        ...(ordered.kind === 'check' ? { scope: ordered.order.scope } : {}),
      };
      ports.record({ run, kind, body }, event, effects);
      enqueue(run, body, ports.createRecorder(run));
    },
    takeSecretsAgain(ordered) {
      if (queue.listWaiting().includes(ordered.order.run)) setAside(workbench, ordered);
    },
  };
}
