/** Runs that try out a restore, because a person asked or the server says that one is due. */
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { JournaledDrill } from '../journaled-run.ts';
import type { Queue } from '../queue.ts';
import type { Recorder } from '../recorder.ts';
import { tellHolds } from '../told-holds.ts';
import type { Workbench } from '../workbench.ts';
import { executeDrill } from './execute-drill.ts';

export interface DrillRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledDrill, recorder: Recorder): void;
  /** `effects` are journaled with the run. Throws `not_found` for a source or repository this host does not have. */
  start(order: RequestBody<'drill.start'>, plan: SpecPlan, effects: () => void): void;
}

export interface DrillRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  createRecorder(run: RunId): Recorder;
  /** It only reads, so it leaves no lock behind. */
  onEnd(run: RunId): void;
}

export function createDrillRuns(ports: DrillRunsPorts): DrillRuns {
  const { workbench, queue } = ports;
  const enqueue = (run: RunId, body: JournaledDrill, recorder: Recorder) =>
    queue.enqueue({
      run,
      kind: 'drill',
      ...tellHolds(recorder),
      priority: 'low',
      repository: body.repository,
      sources: [],
      async execute(signal) {
        const release = workbench.secrets.lease();
        await executeDrill({ workbench, recorder, body, spec: ports.spec(), signal }).finally(release);
        ports.onEnd(run);
        return undefined;
      },
    });

  return {
    enqueue,
    start(order, plan, effects) {
      const repository: RepositoryId = plan.repositoryId;
      if (!ports.spec()?.sources.some(({ id }) => id === order.source))
        throw new AppError('not_found', 'this host does not have that source');
      const { run, snapshot, trigger, requestedBy } = order;
      const body: JournaledDrill = { kind: 'drill', order, repository, started: false };
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: workbench.clock.now(),
        kind: 'drill',
        trigger,
        plan: plan.id,
        repository,
        sources: [order.source],
        snapshot,
        requestedBy,
      };
      ports.record({ run, kind: 'drill', plan: plan.id, body }, event, effects);
      enqueue(run, body, ports.createRecorder(run));
    },
  };
}
