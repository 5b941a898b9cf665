/** That the bytes of a dump stay out of the agent: what it reads itself, and how its memory depends on the size of the database. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ApiPlan } from '../harness/api.ts';
import { addPlan, addRepository, addSource, describeLocal, describePostgres, runPlan } from '../harness/catalog.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { watchRun } from './database-rig.ts';
import { GIGABYTE_MB } from './database-speed.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { awaitNoChildren, readMemory, readReadBytes, resetPeak } from './process-usage.ts';
import { awaitSpecTaken, type TimedRun } from './run-record.ts';
import { computeMedian, roundTo } from './statistics.ts';
import type { World } from './world.ts';

const SMALL_MB = 10;
const TWO_GIGABYTES_MB = 2120;
const READ_LIMIT_MB = 5;
const GROWTH_LIMIT_MB = 10;
const WARM_UPS = 3;
const PAIRS = 5;

const MEGABYTE = 1_000_000;

export const AGENT_MEMORY: Benchmark = {
  figures: ['agent-self-read-flat', 'agent-rss-delta'],
  async measure(world) {
    const stack = await startStack();
    try {
      const { pid, backUp } = await openPlans(world, stack);
      for (let index = 0; index < WARM_UPS; index += 1) await backUp(SMALL_MB);
      await backUp(TWO_GIGABYTES_MB);
      return [await measureReads(pid, backUp), await measurePeaks(world, pid, backUp)];
    } finally {
      await stack.stop();
    }
  },
};

type BackUp = (megabytes: number) => Promise<TimedRun>;

/** One agent with a plan for each size of database. */
async function openPlans(world: World, stack: Stack): Promise<{ pid: number; backUp: BackUp }> {
  const server = await world.getPostgres();
  const { agent, host } = await stack.enrolHost('bench');
  const path = join(await world.makeDirectory('memory'), 'repository');
  const repository = await addRepository(stack.api, host, 'disk', describeLocal(path, randomBytes(18).toString('base64url')), {
    hasDearKey: true,
  });
  const plans = new Map<number, ApiPlan>();
  for (const megabytes of [SMALL_MB, GIGABYTE_MB, TWO_GIGABYTES_MB]) {
    const database = await world.getDatabase('postgres', megabytes);
    const source = await addSource(stack.api, host, database, describePostgres(server, database));
    plans.set(megabytes, await addPlan(stack.api, { name: database, repository, sources: [source] }));
  }
  await awaitSpecTaken(stack.api, host.id);
  const pid = agent.pid();
  await awaitNoChildren(pid);
  const backUp = (megabytes: number) => {
    const plan = plans.get(megabytes);
    if (plan === undefined) throw new Error(`no database has ${megabytes} MB`);
    return watchRun(stack, pid, () => runPlan(stack.api, plan));
  };
  return { pid, backUp };
}

/** Everything the agent reads itself between the order and quiet: journal, socket, restic's messages, `/proc`. */
async function measureReads(pid: number, backUp: BackUp): Promise<Figure> {
  const look = async (megabytes: number) => {
    const before = readReadBytes(pid);
    const run = await backUp(megabytes);
    return { readMb: (readReadBytes(pid) - before) / MEGABYTE, dumpMb: run.bytes / MEGABYTE };
  };
  const small = await look(SMALL_MB);
  const big = await look(GIGABYTE_MB);
  const detail =
    `read by the agent itself while ${roundTo(big.dumpMb, 0)} MB went from pg_dump to restic; ` +
    `${roundTo(small.readMb, 2)} MB while ${roundTo(small.dumpMb, 0)} MB did`;
  return judgeFigure('agent-self-read-flat', roundTo(big.readMb, 2), 'MB', READ_LIMIT_MB, detail);
}

/** The kernel's own peak of resident memory during a run, big and small by turns in one warm agent. */
async function measurePeaks(world: World, pid: number, backUp: BackUp): Promise<Figure> {
  const peakOf = async (megabytes: number) => {
    resetPeak(pid);
    await backUp(megabytes);
    return readMemory(pid).peakBytes / MEGABYTE;
  };
  const peaks: { small: number; big: number }[] = [];
  for (let index = 1; index <= PAIRS; index += 1) {
    const small = await peakOf(SMALL_MB);
    const big = await peakOf(TWO_GIGABYTES_MB);
    peaks.push({ small, big });
    world.say(`agent-rss-delta pair ${index} of ${PAIRS}: ${roundTo(small, 1)} MB, ${roundTo(big, 1)} MB`);
  }
  const median = computeMedian(peaks.map(({ small, big }) => big - small));
  const shown = peaks.map(({ small, big }) => `${roundTo(big, 1)} − ${roundTo(small, 1)}`).join(', ');
  const detail = `median of ${PAIRS} pairs of peaks with 2 GB and with 10 MB: ${shown}`;
  return judgeFigure('agent-rss-delta', roundTo(median, 1), 'MB', GROWTH_LIMIT_MB, detail);
}
