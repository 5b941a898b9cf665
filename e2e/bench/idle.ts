/** What agent and server cost while nothing happens. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildAgent } from '../../scripts/build-agent.ts';
import type { AgentOptions } from '../harness/agent-process.ts';
import type { ApiHost } from '../harness/api.ts';
import { addPlan, addRepository, addSource, describeFiles, describeLocal, runPlan } from '../harness/catalog.ts';
import { runTool } from '../harness/services/tool-run.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { startStack } from '../harness/stack.ts';
import { watchRun } from './database-rig.ts';
import { type Benchmark, judgeFigure } from './figure.ts';
import { awaitNoChildren, readMemory, readProcessorMs } from './process-usage.ts';
import { awaitSpecTaken } from './run-record.ts';
import { roundTo } from './statistics.ts';
import type { World } from './world.ts';

const AGENT_RSS_LIMIT_MB = 80;
const AGENT_CPU_LIMIT_PERCENT = 0.2;
const SERVER_RSS_LIMIT_MB = 150;
const HOSTS = 10;
/** Long enough for three heartbeats and for the engine to give back what starting took. */
const SETTLE_MS = 60_000;
const WINDOW_MS = 90_000;
const LOOK_MS = 1000;
const MEGABYTE = 1_000_000;

/** Another build of the agent to measure; the single executable, made for the purpose, unless told. */
const program = process.env['HOLDFAST_BENCH_AGENT'] || undefined;

/** What a process used in a window of time. */
type Usage = { readonly highestMb: number; readonly lastMb: number; readonly processorPercent: number };

async function watchUsage(pid: number, windowMs: number): Promise<Usage> {
  const startedMs = performance.now();
  const startedWith = readProcessorMs(pid);
  let highest = 0;
  let last = 0;
  while (performance.now() - startedMs < windowMs) {
    await pause(LOOK_MS);
    last = readMemory(pid).residentBytes / MEGABYTE;
    highest = Math.max(highest, last);
  }
  const processorPercent = ((readProcessorMs(pid) - startedWith) / (performance.now() - startedMs)) * 100;
  return { highestMb: highest, lastMb: last, processorPercent };
}

/** A file's pages leave the kernel's cache: what was just written lies there in large pieces, which a process then maps whole. */
async function forgetFile(path: string): Promise<void> {
  await runTool('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0']);
}

/**
 * One agent as it is in real life: enrolled, connected, with a plan that is not due and a run behind it. Resolves with what it used
 * while it rested, and with its memory before that run.
 */
async function watchIdleAgent(world: World, options: AgentOptions, isRestarted: boolean): Promise<Usage & { freshMb: number }> {
  const directory = await world.makeDirectory('idle');
  const files = join(directory, 'files');
  await mkdir(files);
  await writeFile(join(files, 'letter.txt'), 'dear reader');
  const stack = await startStack();
  try {
    const { agent, host } = await stack.enrolHost('idle', options);
    if (isRestarted) {
      await agent.restart();
      const isBack = async () => (await stack.api.get<ApiHost>(`/hosts/${host.id}`)).standing === 'online' || undefined;
      await waitFor('the host to be online again', isBack, { deadlineMs: 30_000 });
    }
    const described = describeLocal(join(directory, 'repository'), randomBytes(18).toString('base64url'));
    const repository = await addRepository(stack.api, host, 'disk', described, { hasDearKey: true });
    const source = await addSource(stack.api, host, 'files', describeFiles([files]));
    // Far away, but found at once.
    const schedule = { cron: '0 3 1 1 *', zone: 'Europe/Berlin' };
    const plan = await addPlan(stack.api, { name: 'rarely', repository, sources: [source], schedule });
    await awaitSpecTaken(stack.api, host.id);
    const pid = agent.pid();
    await awaitNoChildren(pid);
    const freshMb = readMemory(pid).residentBytes / MEGABYTE;
    await watchRun(stack, pid, () => runPlan(stack.api, plan));
    await pause(SETTLE_MS);
    return { ...(await watchUsage(pid, WINDOW_MS)), freshMb };
  } finally {
    await stack.stop();
  }
}

function describeMemory({ freshMb }: { freshMb: number }): string {
  const seconds = WINDOW_MS / 1000;
  return `highest of ${seconds} looks in ${seconds} s, connected, after a backup; ${roundTo(freshMb, 1)} MB before it`;
}

/** What a host runs: the executable of `make agent`, in the environment of the service in the guide. */
export const AGENT_IDLE: Benchmark = {
  figures: ['agent-idle-rss', 'agent-idle-cpu'],
  async measure(world) {
    const out = program ?? join(await world.makeDirectory('executable'), 'holdfast-agent');
    if (program === undefined) await buildAgent({ main: join(import.meta.dirname, '../../agent/src/main.ts'), out });
    await forgetFile(out);
    const usage = await watchIdleAgent(world, { program: out, env: { MALLOC_ARENA_MAX: '1' } }, false);
    const time = `user and system time of all threads in ${WINDOW_MS / 1000} s`;
    return [
      judgeFigure('agent-idle-rss', roundTo(usage.highestMb, 1), 'MB', AGENT_RSS_LIMIT_MB, describeMemory(usage)),
      judgeFigure('agent-idle-cpu', roundTo(usage.processorPercent, 3), '%', AGENT_CPU_LIMIT_PERCENT, time),
    ];
  },
};

/** The agent as a checkout starts it, from its sources; at a later start than the first, which strips them of their types. */
export const CHECKOUT_AGENT_IDLE: Benchmark = {
  figures: ['checkout-agent-idle-rss'],
  async measure(world) {
    const usage = await watchIdleAgent(world, {}, true);
    const memory = describeMemory(usage);
    return [judgeFigure('checkout-agent-idle-rss', roundTo(usage.highestMb, 1), 'MB', AGENT_RSS_LIMIT_MB, memory)];
  },
};

export const SERVER_IDLE: Benchmark = {
  figures: ['server-idle-rss'],
  async measure(world) {
    const stack = await startStack();
    try {
      for (let index = 1; index <= HOSTS; index += 1) await stack.enrolHost(`host-${index}`);
      world.say(`${HOSTS} agents are connected`);
      await pause(SETTLE_MS);
      const usage = await watchUsage(stack.server.pid(), WINDOW_MS);
      const detail = `highest of ${WINDOW_MS / 1000} looks with ${HOSTS} real agents connected; processor ${roundTo(usage.processorPercent, 2)} %`;
      return [judgeFigure('server-idle-rss', roundTo(usage.highestMb, 1), 'MB', SERVER_RSS_LIMIT_MB, detail)];
    } finally {
      await stack.stop();
    }
  },
};
