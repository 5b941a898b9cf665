/** What the server is told about this machine: facts that hardly change, and figures of the moment for the heartbeat. */
import { isDeepStrictEqual } from 'node:util';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { AgentFrames, HostFacts } from '@holdfast/shared/protocol/messages.ts';
import { toHostHooks } from '../hooks/told-hooks.ts';
import { openHostLoad, readHostFacts } from '../host/facts.ts';
import { startLoopLag } from '../host/loop-lag.ts';
import { findRestoreDir } from '../host/restore-dir.ts';
import { measureJournal } from '../journal/peek.ts';
import type { Executor } from '../runs/executor.ts';
import type { Workbench } from '../runs/workbench.ts';
import type { HostTooling } from '../tooling.ts';

export interface HostWatch {
  facts(): HostFacts;
  /** Reads the facts again; whether they tell of other hooks than before. */
  refreshFacts(): boolean;
  heartbeat(): AgentFrames['heartbeat'];
  close(): void;
}

export interface HostWatchPorts {
  tooling: Pick<HostTooling, 'clock' | 'launching' | 'dumpDirs' | 'restores'> & {
    log: Pick<HostTooling['log'], 'warn'>;
    hooks: Pick<HostTooling['hooks'], 'list'>;
  };
  stateDir: string;
  /** Of this agent. */
  version: string;
  journal: Workbench['journal'];
  executor: Pick<Executor, 'active' | 'waiting'>;
}

export async function openHostWatch({ tooling, stateDir, version, journal, executor }: HostWatchPorts): Promise<HostWatch> {
  const read = (): HostFacts => {
    const restoreDir = findRestoreDir(stateDir);
    return {
      ...readHostFacts(tooling.clock, version, tooling.launching.pdeathsig, tooling),
      ...(restoreDir === undefined ? {} : { restoreDir }),
      hooks: toHostHooks(tooling.hooks.list()),
    };
  };
  const look = openHostLoad(stateDir);
  const lag = startLoopLag();
  let facts = read();
  let load = await look();
  const timer = setInterval(async () => {
    try {
      load = await look();
    } catch (error) {
      tooling.log.warn({ err: error }, 'the load of this host could not be read');
    }
  }, WIRE.pingIntervalMs);
  return {
    facts: () => facts,
    refreshFacts() {
      const before = facts;
      facts = read();
      return !isDeepStrictEqual(before.hooks, facts.hooks);
    },
    heartbeat() {
      const size = journal.outbox.size();
      return {
        ...load,
        journalBytes: measureJournal(stateDir),
        journalTakesWrites: journal.outbox.health().healthy,
        loopLagMs: lag.takeMs(),
        outboxEvents: size.waitingEvents,
        outboxBytes: size.waitingBytes,
        activeRuns: executor.active,
        queuedRuns: executor.waiting,
      };
    },
    close() {
      clearInterval(timer);
      lag.stop();
    },
  };
}
