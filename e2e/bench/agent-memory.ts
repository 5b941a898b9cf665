/** That the bytes of a dump stay out of the agent: what it reads itself, and how its memory depends on the size of the database. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ApiPlan } from '../harness/api.ts';
import { addPlan, addRepository, addSource, describeLocal, runPlan } from '../harness/catalog.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type DatabaseKind, describeDatabase, watchRun } from './database-rig.ts';
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

const DUMP_TOOLS: Readonly<Record<DatabaseKind, string>> = { postgres: 'pg_dump', mariadb: 'mariadb-dump' };

/** Megabytes of the databases: the small one, the one that is read, and the one that memory is measured with. */
export type MemorySizes = { readonly small: number; readonly read: number; readonly big: number };
const SIZES: MemorySizes = { small: SMALL_MB, read: GIGABYTE_MB, big: TWO_GIGABYTES_MB };

/** One agent that is measured. */
type Subject = {
  readonly pid: number;
  readonly kind: DatabaseKind;
  readonly sizes: MemorySizes;
  backUp(megabytes: number): Promise<TimedRun>;
};

/** The same of either kind of dump: of MariaDB the figures have its name behind theirs. */
export function createAgentMemory(kind: DatabaseKind, sizes = SIZES): Benchmark {
  const [reads, peaks] = ['agent-self-read-flat', 'agent-rss-delta'].map((name) =>
    kind === 'postgres' ? name : `${name}-${kind}`,
  ) as [string, string];
  return {
    figures: [reads, peaks],
    async measure(world) {
      const stack = await startStack();
      try {
        const subject = await openPlans(world, stack, kind, sizes);
        for (let index = 0; index < WARM_UPS; index += 1) await subject.backUp(sizes.small);
        await subject.backUp(sizes.big);
        return [await measureReads(reads, subject), await measurePeaks(peaks, world, subject)];
      } finally {
        await stack.stop();
      }
    },
  };
}

/** One agent with a plan for each size of database. */
async function openPlans(world: World, stack: Stack, kind: DatabaseKind, sizes: MemorySizes): Promise<Subject> {
  const { agent, host } = await stack.enrolHost('bench');
  const path = join(await world.makeDirectory('memory'), 'repository');
  const repository = await addRepository(stack.api, host, 'disk', describeLocal(path, randomBytes(18).toString('base64url')), {
    hasDearKey: true,
  });
  const plans = new Map<number, ApiPlan>();
  for (const megabytes of Object.values(sizes)) {
    const database = await world.getDatabase(kind, megabytes);
    const source = await addSource(stack.api, host, database, await describeDatabase(world, kind, database));
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
  return { pid, kind, sizes, backUp };
}

/** Everything the agent reads itself between the order and quiet: journal, socket, restic's messages, `/proc`. */
async function measureReads(name: string, { pid, kind, sizes, backUp }: Subject): Promise<Figure> {
  const look = async (megabytes: number) => {
    const before = readReadBytes(pid);
    const run = await backUp(megabytes);
    return { readMb: (readReadBytes(pid) - before) / MEGABYTE, dumpMb: run.bytes / MEGABYTE };
  };
  const small = await look(sizes.small);
  const big = await look(sizes.read);
  const detail =
    `read by the agent itself while ${roundTo(big.dumpMb, 0)} MB went from ${DUMP_TOOLS[kind]} to restic; ` +
    `${roundTo(small.readMb, 2)} MB while ${roundTo(small.dumpMb, 0)} MB did`;
  return judgeFigure(name, roundTo(big.readMb, 2), 'MB', READ_LIMIT_MB, detail);
}

/** The kernel's own peak of resident memory during a run, big and small by turns in one warm agent. */
async function measurePeaks(name: string, world: World, { pid, sizes, backUp }: Subject): Promise<Figure> {
  const peakOf = async (megabytes: number) => {
    resetPeak(pid);
    await backUp(megabytes);
    return readMemory(pid).peakBytes / MEGABYTE;
  };
  const peaks: { small: number; big: number }[] = [];
  for (let index = 1; index <= PAIRS; index += 1) {
    const small = await peakOf(sizes.small);
    const big = await peakOf(sizes.big);
    peaks.push({ small, big });
    world.say(`${name} pair ${index} of ${PAIRS}: ${roundTo(small, 1)} MB, ${roundTo(big, 1)} MB`);
  }
  const median = computeMedian(peaks.map(({ small, big }) => big - small));
  const shown = peaks.map(({ small, big }) => `${roundTo(big, 1)} − ${roundTo(small, 1)}`).join(', ');
  const detail = `median of ${PAIRS} pairs of peaks with ${sizes.big >= 2000 ? '2 GB' : `${sizes.big} MB`} and with ${sizes.small} MB: ${shown}`;
  return judgeFigure(name, roundTo(median, 1), 'MB', GROWTH_LIMIT_MB, detail);
}
