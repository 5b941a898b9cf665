/** Runs that try out a restore, because a person asked or the server says that one is due. */
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import type { JournaledDrill } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Queue } from '../queue/queue.ts';
import { tellHolds } from '../queue/told-holds.ts';
import { stripRepository } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { executeDrill } from './execute-drill.ts';
import { toServerRef } from './scratch-recovery.ts';

type DrillOrder = RequestBody<'drill.start'>;

export interface DrillRuns {
  /** Puts a run that is journaled into the queue. */
  enqueue(run: RunId, body: JournaledDrill, recorder: Recorder): void;
  /** `effects` are journaled with the run. Throws `not_found` for a plan or source this host does not have, unless it is another host's. */
  start(order: DrillOrder, effects: () => void): void;
  /** The same order came again: what is held in memory for it may be gone. */
  takeSecretsAgain(order: DrillOrder): void;
}

export interface DrillRunsPorts {
  workbench: Workbench;
  queue: Pick<Queue, 'enqueue' | 'listWaiting'>;
  spec(): Spec | undefined;
  /** Journals a run with its first event and `effects`, all or nothing. */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  createRecorder(run: RunId): Recorder;
  /** It only reads, so it leaves no lock behind. */
  onEnd(run: RunId): void;
}

/** What belongs to another host is never written down here. */
function setAside({ secrets }: Pick<Workbench, 'secrets'>, order: DrillOrder): DrillOrder {
  const { foreign, server, run } = order;
  const { secrets: sealed, ...draft } = server ?? {};
  // What may have to be dropped after a crash is dropped through this connection, unless this host keeps no secrets at all.
  const isHeld = server !== undefined && sealed !== undefined && secrets.keepsNone;
  if (isHeld) secrets.holdFor(run, toServerRef(run), sealed);
  return {
    ...order,
    ...(foreign ? { foreign: { ...foreign, repository: stripRepository(secrets, run, foreign.repository) } } : {}),
    ...(isHeld ? { server: { ...server, ...draft, secrets: undefined, secretsApart: true } } : {}),
  };
}

function getRepository(spec: Spec | undefined, { plan: id, source, foreign }: DrillOrder): RepositoryId {
  if (foreign) return foreign.repository.id;
  const plan = spec?.plans.find((candidate) => candidate.id === id);
  if (!plan) throw new AppError('not_found', 'this host does not have that plan');
  if (!spec?.sources.some((candidate) => candidate.id === source))
    throw new AppError('not_found', 'this host does not have that source');
  return plan.repositoryId;
}

export function createDrillRuns(ports: DrillRunsPorts): DrillRuns {
  const { workbench, queue } = ports;
  const enqueue = (run: RunId, body: JournaledDrill, recorder: Recorder) =>
    queue.enqueue({
      run,
      kind: 'drill',
      ...tellHolds(workbench, recorder),
      priority: 'low',
      repository: body.repository,
      sources: [],
      async execute(signal) {
        const release = workbench.secrets.lease();
        await executeDrill({ workbench, recorder, body, spec: ports.spec(), signal }).finally(release);
        workbench.secrets.release(run);
        ports.onEnd(run);
        return undefined;
      },
    });

  return {
    enqueue,
    start(given, effects) {
      const order = setAside(workbench, given);
      const repository = getRepository(ports.spec(), order);
      const { run, plan, snapshot, trigger, requestedBy } = order;
      const body: JournaledDrill = { kind: 'drill', order, repository, started: false };
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: workbench.clock.now(),
        kind: 'drill',
        trigger,
        plan,
        repository,
        sources: [order.source],
        snapshot,
        requestedBy,
      };
      ports.record({ run, kind: 'drill', plan, body }, event, effects);
      enqueue(run, body, ports.createRecorder(run));
    },
    takeSecretsAgain(order) {
      if (queue.listWaiting().includes(order.run)) setAside(workbench, order);
    },
  };
}
