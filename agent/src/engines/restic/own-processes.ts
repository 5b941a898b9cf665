/**
 * Which processes this agent started, as far as locks are concerned: a lock may only be called ours when its process id and
 * its time match one of them. Host names do not prove it, since containers share them.
 */
import type { Clock } from '@holdfast/shared/clock.ts';

export interface OwnProcess {
  pid: number;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Epoch milliseconds; undefined while it runs. */
  endedAt?: number | undefined;
}

export interface OwnProcesses {
  /** What the launcher calls for every child. */
  onStarted(started: { pid: number }): void;
  onEnded(ended: { pid: number }): void;
  /** A process of an earlier life of the agent, from its journal. */
  remember(process: OwnProcess): void;
  /** Whether one of ours had this pid at that instant (epoch milliseconds), and whether it is gone. */
  find(pid: number, atMs: number): 'running' | 'ended' | undefined;
}

/** How many are remembered; the oldest are forgotten first, and their locks are then left to a person. */
const REMEMBERED = 2000;
/** Lock and process are dated by the same clock, which may be slewed in between. */
const TOLERANCE_MS = 2000;

export function createOwnProcesses(clock: Clock, limit: number = REMEMBERED): OwnProcesses {
  let known: OwnProcess[] = [];
  const add = (process: OwnProcess) => {
    known.push(process);
    if (known.length > limit) known = known.slice(-limit);
  };
  return {
    onStarted: ({ pid }) => add({ pid, startedAt: clock.now() }),
    onEnded({ pid }) {
      const found = known.findLast((process) => process.pid === pid && process.endedAt === undefined);
      if (found) found.endedAt = clock.now();
    },
    remember: (process) => add({ ...process }),
    find(pid, atMs) {
      const found = known.findLast(
        (process) =>
          process.pid === pid &&
          process.startedAt - TOLERANCE_MS <= atMs &&
          (process.endedAt === undefined || atMs <= process.endedAt + TOLERANCE_MS),
      );
      return found && (found.endedAt === undefined ? 'running' : 'ended');
    },
  };
}
