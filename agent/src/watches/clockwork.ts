/** What drives the watches, and everything else in the agent that is done at intervals. */
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { REPOSITORY_LOOKS, RUNS, SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { Executor } from '../runs/executor.ts';
import type { Workbench } from '../runs/workbench.ts';
import type { Watches } from './all.ts';

/** What waits in memory because the disk refused it is tried again this often. */
const RETRY_MS = 5_000;
/** A drain that has reached its end, and a line that came or went, are noticed within this. */
const LOOK_MS = 1_000;
/** Tools are looked for again this often; a person who installs one can also restart the agent. */
const INVENTORY_MS = 10 * 60_000;

export interface ClockworkPorts {
  journal: Pick<Workbench['journal'], 'outbox' | 'purge'>;
  executor: Pick<Executor, 'reconsider'>;
  watches: Watches;
  /** Looks for the tools of this host again. */
  refreshTools(): Promise<void>;
}

/** Returns how to stop it. */
export function startClockwork({ journal, executor, watches, refreshTools }: ClockworkPorts): () => void {
  const { drain, life, sources, repositories, reconciliation, secrets, console: byHand } = watches;
  const every = (ms: number, work: () => unknown) => setInterval(() => void work(), ms);
  const timers = [
    every(RETRY_MS, () => journal.outbox.retry()),
    every(LOOK_MS, drain.look),
    every(LOOK_MS, life.look),
    every(RETRY_MS, byHand.look),
    every(SOURCE_HEALTH.tickMs, sources.tick),
    every(REPOSITORY_LOOKS.tickMs, repositories.tick),
    // Waiting for secrets has an end as well.
    every(RUNS.tickMs, () => executor.reconsider()),
    every(DAY_MS, () => {
      journal.purge();
      return reconciliation.reconcileAll();
    }),
    every(INVENTORY_MS, () => {
      secrets.settle();
      return refreshTools();
    }),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
