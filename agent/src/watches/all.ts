/** Everything in this agent that looks again and again, put together. */
import { drawFraction, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import type { Executor } from '../runs/executor.ts';
import type { Workbench } from '../runs/workbench.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Session } from '../session/session.ts';
import { type ConsoleWatch, createConsoleWatch } from './console-watch.ts';
import { createDrainWatch, type DrainWatch } from './drain.ts';
import { createLifeNoteWriter, type LifeNoteWriter } from './life-note.ts';
import { createPlanClock } from './plan-clock.ts';
import { createReconciliation, type Reconciliation } from './reconciliation.ts';
import { createRepositoryWatch, type RepositoryWatch } from './repository-watch.ts';
import { createSecretWatch, type SecretWatch } from './secret-watch.ts';
import { createSourceWatch, type SourceWatch } from './source-watch.ts';

export interface Watches {
  scheduler: Scheduler;
  reconciliation: Reconciliation;
  secrets: SecretWatch;
  drain: DrainWatch;
  sources: SourceWatch;
  repositories: RepositoryWatch;
  life: LifeNoteWriter;
  console: ConsoleWatch;
}

export interface WatchesPorts {
  workbench: Workbench;
  stateDir: string;
  executor: Executor;
  spec(): Spec | undefined;
  /** The line to the server, once there is one. */
  session(): Session | undefined;
  /** Aborts when the agent ends. */
  signal: AbortSignal;
}

/** Nothing looks before it is asked to. */
export function createWatches({ workbench, stateDir, executor, spec, session, signal }: WatchesPorts): Watches {
  const { clock, log, journal } = workbench;
  /** False where there is no line to the server. */
  const tell = <T extends 'sources.seen' | 'repositories.seen'>(type: T, body: AgentFrames[T]): boolean => {
    const line = session();
    if (line?.isConnected !== true) return false;
    line.sendVolatile(type, body);
    return true;
  };
  const byHand = createConsoleWatch({ workbench, stateDir, createRecorderFor: executor.createRecorderFor });
  const reconciliation = createReconciliation({
    workbench,
    spec,
    listRuns() {
      // What was backed up by hand until now is nobody's orphan.
      byHand.look();
      const open = journal.runs.listOpen().map(({ run }) => run);
      return [...executor.listRuns(), ...open, ...byHand.listLive()];
    },
    isBusy: (id) => executor.isBusy(id),
    signal,
  });
  return {
    console: byHand,
    reconciliation,
    scheduler: createPlanClock(workbench, executor, spec),
    secrets: createSecretWatch({
      workbench,
      spec,
      onChange() {
        executor.reconsider();
        void reconciliation.reconcileUnopened();
      },
    }),
    drain: createDrainWatch({
      clock,
      findDrain: () => spec()?.drain,
      notify(text) {
        log.info({ until: spec()?.drain?.until }, text);
        journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'info', text });
      },
      onChange: () => executor.reconsider(),
    }),
    sources: createSourceWatch({
      workbench,
      spec,
      listBusySources: () => executor.listBusySources(),
      report: (looks) => tell('sources.seen', { looks: [...looks] }),
      random: () => drawFraction(systemRandomBytes),
    }),
    repositories: createRepositoryWatch({ clock, spec, report: (looks) => tell('repositories.seen', { looks: [...looks] }) }),
    life: createLifeNoteWriter(workbench, () => session()?.isConnected === true),
  };
}
