/** Runs that bring a snapshot back: always because a person asked. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { JournaledRestore } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Queue } from '../queue/queue.ts';
import { tellHolds } from '../queue/told-holds.ts';
import { setSecretsAside } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import { executeRestore, type RestoreEnd } from './execute-restore.ts';

type RestoreOrder = RequestBody<'restore.start'>;

export interface RestoreRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledRestore, recorder: Recorder): void;
  /** `effects` are journaled with the run. */
  start(order: RestoreOrder, effects: () => void): void;
  /** The order came once more: an agent that started anew has lost what came with it, and its run may still wait for that. */
  takeAgain(order: RestoreOrder): void;
}

export interface RestoreRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'listWaiting'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  /** For a run that has said nothing yet. */
  createRecorder(run: RunId): Recorder;
  onEnd(run: RunId, end: RestoreEnd): void;
}

export function createRestoreRuns(ports: RestoreRunsPorts): RestoreRuns {
  const { workbench, queue, record, createRecorder } = ports;

  const enqueue = (run: RunId, { order }: JournaledRestore, recorder: Recorder) =>
    // Somebody waits for a restore.
    queue.enqueue({
      run,
      kind: 'restore',
      ...tellHolds(workbench, recorder),
      priority: 'high',
      repository: order.repository.id,
      sources: [],
      async execute(signal) {
        const end = await executeRestore({ workbench, recorder, order, signal, spec: ports.spec(), record, createRecorder });
        ports.onEnd(run, end);
        return undefined;
      },
    });

  return {
    enqueue,
    start(given, effects) {
      const order = setSecretsAside(workbench.secrets, given);
      const { run, repository, source, snapshot, target, trigger, requestedBy } = order;
      const body: JournaledRestore = { kind: 'restore', order, started: false };
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: workbench.clock.now(),
        kind: 'restore',
        trigger,
        repository: repository.id,
        sources: [source.id],
        snapshot,
        target,
        requestedBy,
      };
      try {
        record({ run, kind: 'restore', body }, event, effects);
      } catch (error) {
        // An order that is not taken leaves nothing of what came with it in memory.
        workbench.secrets.release(run);
        throw error;
      }
      enqueue(run, body, createRecorder(run));
    },
    takeAgain(order) {
      if (queue.listWaiting().includes(order.run)) setSecretsAside(workbench.secrets, order);
    },
  };
}
