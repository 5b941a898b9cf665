/** One look at the programs of a soak, at a moment when everybody is connected and nothing runs. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentProcess } from '../../../harness/agent-process.ts';
import type { ServerProcess } from '../../../harness/server-process.ts';
import { collectGarbage } from '../../collecting.ts';
import { countDescriptors, countThreads, countZombies, measureFile } from './process-holdings.ts';

/** What one program holds, its garbage being collected. */
export type Holdings = {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly handles: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly databaseBytes: number;
  /** The write-ahead log keeps the size it once had, so this is its highest. */
  readonly walBytes: number;
};

export type Look = {
  readonly atMs: number;
  readonly programs: Readonly<Record<'server' | 'agent', Holdings>>;
  /** Children that nobody waited for. */
  readonly zombies: number;
};

export type Looked = {
  readonly server: ServerProcess;
  /** The agent that lives as long as the server. */
  readonly steady: AgentProcess;
  /** Others whose children are counted as well. */
  readonly others: readonly AgentProcess[];
};

const COUNTS = 5;
const COUNT_EVERY_MS = 100;

export async function takeLook({ server, steady, others }: Looked, atMs: number): Promise<Look> {
  const serverHoldings = await measure(server, join(server.dataDir, 'holdfast.db'));
  const agentHoldings = await measure(steady, join(steady.stateDir, 'journal.db'));
  const zombies = countZombies(new Set([server, steady, ...others].map((program) => program.pid())));
  return { atMs, programs: { server: serverHoldings, agent: agentHoldings }, zombies };
}

async function measure(program: ServerProcess | AgentProcess, database: string): Promise<Holdings> {
  const held = await collectGarbage(program);
  const pid = program.pid();
  return {
    ...held,
    descriptors: await countLeast(() => countDescriptors(pid)),
    threads: countThreads(pid),
    databaseBytes: measureFile(database),
    walBytes: measureFile(`${database}-wal`),
  };
}

/** The lowest of some counts: what is open for a moment only is not held. */
async function countLeast(count: () => number): Promise<number> {
  const counts: number[] = [];
  for (let index = 0; index < COUNTS; index += 1) {
    counts.push(count());
    await pause(COUNT_EVERY_MS);
  }
  return Math.min(...counts);
}
