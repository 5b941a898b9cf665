/** Holding a dump in its middle, by stopping the tools themselves. */
import { readFileSync } from 'node:fs';
import type { AgentProcess } from '../agent-process.ts';
import { signalQuietly } from '../services/processes.ts';
import { waitFor } from '../services/wait-for.ts';

/** More than a dump's first lines. What a tool hands over at once may be more than a pipe holds, and counts when all of it is gone. */
const UNDER_WAY_BYTES = 512;
const BEGIN_DEADLINE_MS = 20_000;

export type FrozenDump = { readonly dump: number; readonly store: number; thaw(): void };

/** Waits for the tool whose command line matches; gives its process. */
export async function awaitTool(agent: AgentProcess, pattern: RegExp): Promise<number> {
  const find = async () => agent.listTools().find(({ commandLine }) => pattern.test(commandLine))?.pid;
  return await waitFor(String(pattern), find, { deadlineMs: BEGIN_DEADLINE_MS, intervalMs: 5 });
}

/**
 * Stops restic as it begins to store data, lets the dump begin to write, and stops it too. Whoever thaws them
 * lets the run go on as if nothing had been.
 */
export async function freezeDump(agent: AgentProcess, dumpPattern: RegExp): Promise<FrozenDump> {
  const store = await awaitTool(agent, /restic\b.* backup\b.*role:data/);
  signalQuietly(store, 'SIGSTOP');
  const dump = await awaitTool(agent, dumpPattern);
  const isUnderWay = async () => readWrittenBytes(dump) >= UNDER_WAY_BYTES || undefined;
  await waitFor('the dump to be under way', isUnderWay, { deadlineMs: BEGIN_DEADLINE_MS, intervalMs: 5 });
  signalQuietly(dump, 'SIGSTOP');
  return {
    dump,
    store,
    thaw() {
      for (const pid of [dump, store]) signalQuietly(pid, 'SIGCONT');
    },
  };
}

function readWrittenBytes(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}
