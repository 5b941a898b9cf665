/** A server with 200 light agents and two real ones lives for hours with a fault every half minute: it loses nothing and does not grow. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as hold } from 'node:timers/promises';
import { readMemory } from '../../bench/process-usage.ts';
import { roundTo } from '../../bench/statistics.ts';
import type { ApiRun } from '../../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../../harness/part2/world.ts';
import { waitFor } from '../../harness/services/wait-for.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { COLLECTING_ENV, collectGarbage } from '../collecting.ts';
import { createTally, type Experiment, type Lab, type Outcome } from '../experiment.ts';
import { type LightFleet, startLightFleet } from '../light-fleet.ts';
import { type FaultProxy, startFaultProxy } from '../proxy/fault-proxy.ts';
import { SOAK_FAULTS, type Soaked } from './soak/faults.ts';
import { countDescriptors, countZombies } from './soak/process-holdings.ts';
import { computeHourlySlope, measureGrowth, type Sample } from './soak/trend.ts';

const LIGHT_AGENTS = { selection: 20, quarter: 200, full: 200 } as const;
/** What is published stands for an hour; who says nothing soaks that long. */
const PUBLISHED_MS = 60 * 60_000;
const FAULT_EVERY_MS = 30_000;
/** A short soak has its faults closer together, so that there are some. */
const FAULTS_AT_LEAST = 6;
const SAMPLE_EVERY_MS = 2_000;
/** Each light agent reports once in this time. */
const REPORT_EVERY_MS = 10_000;
/** The beginning says nothing about growth, and only there may the server be restarted. */
const WARM_UP = 0.25;
const WARM_UP_MAX_MS = 15 * 60_000;
const SLOPE_LIMIT_MB = 1;
/** Two waits of the longest kind, and the time in which a silent line is noticed. */
const RECOVERY_MS = 240_000;
/** For the last events, when everybody is connected. */
const LAST_EVENTS_MS = 30_000;
const MEGABYTE = 1024 * 1024;

type World = Soaked & {
  readonly stack: Stack;
  readonly proxy: FaultProxy;
  readonly fleet: LightFleet;
  /** The first may be killed and the second lives as long as the soak. */
  readonly real: readonly [LocalWorld, LocalWorld];
};

type Observed = {
  readonly soakedMs: number;
  readonly faults: number;
  /** Since the end of the warm-up, in megabytes, by program. */
  readonly memory: ReadonlyMap<string, readonly Sample[]>;
  /** At moments when everything is connected again, by program. */
  readonly descriptors: ReadonlyMap<string, readonly number[]>;
  readonly zombies: readonly number[];
  readonly reported: number;
  readonly problems: readonly string[];
};

export const SOAK: Experiment = {
  figures: ['soak-rss-slope', 'soak-fds', 'soak-zombies', 'soak-lost'],
  isSoak: true,
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'warn', ...COLLECTING_ENV } });
    const ends: (() => Promise<unknown>)[] = [() => stack.stop()];
    try {
      const world = await prepareWorld(lab, stack, ends);
      lab.say(`${world.light.length} light agents and 2 real ones, ${roundTo((lab.soakMs ?? PUBLISHED_MS) / 60_000, 1)} minutes`);
      return judgeSoak(await soak(lab, world));
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
};

async function prepareWorld(lab: Lab, stack: Stack, ends: (() => Promise<unknown>)[]): Promise<World> {
  const { server } = stack;
  const seed = lab.seed.fork('line');
  const proxy = await startFaultProxy({ target: { port: Number(new URL(server.url).port) }, seed, record: lab.record });
  ends.push(() => proxy.close());
  const serverUrl = `http://127.0.0.1:${proxy.port}`;
  const mortal = await prepareBackup(stack, 'mortal', serverUrl);
  const steady = await prepareBackup(stack, 'steady', serverUrl);
  const fleet = await startLightFleet(stack, {
    name: 'soaked',
    count: LIGHT_AGENTS[lab.effort],
    seed: lab.seed.fork('waits'),
    serverUrl: () => serverUrl,
  });
  ends.push(() => fleet.stop());
  return { stack, server, proxy, fleet, light: fleet.agents, mortal: mortal.agent, real: [mortal, steady] };
}

/** A real agent with restic, a folder and a plan that fires every minute. */
async function prepareBackup(stack: Stack, name: string, serverUrl: string): Promise<LocalWorld> {
  const world = await prepareLocalWorld(stack, name, 'new', { serverUrl, env: COLLECTING_ENV });
  const folder = join(stack.directory, `folder ${name}`);
  await mkdir(folder);
  await writeFile(join(folder, 'letters'), 'dear otter\n'.repeat(10_000));
  const source = await addSource(stack.api, world.host, `letters of ${name}`, describeFiles([folder]));
  const plan = await addPlan(stack.api, {
    name: `letters of ${name}`,
    repository: world.repository,
    sources: [source],
    schedule: { cron: '* * * * *', zone: 'UTC' },
  });
  await awaitSpec(stack, world.host);
  await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
  return world;
}

async function soak(lab: Lab, world: World): Promise<Observed> {
  const soakMs = lab.soakMs ?? PUBLISHED_MS;
  const everyMs = Math.min(FAULT_EVERY_MS, soakMs / FAULTS_AT_LEAST);
  const warmUpMs = Math.min(WARM_UP_MAX_MS, soakMs * WARM_UP);
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  const reporter = startReporting(world);
  const problems: string[] = [];
  const descriptors = new Map<string, number[]>();
  const zombies: number[] = [];
  let sampler: ReturnType<typeof startSampling> | undefined;
  let faults = 0;
  let lived = world.server.pid();
  try {
    for (; elapsed() < soakMs || zombies.length < 2; faults += 1) {
      const isWarm = elapsed() >= warmUpMs;
      if (isWarm && sampler === undefined) {
        sampler = startSampling(world, elapsed);
        lived = world.server.pid();
      }
      const dueAt = elapsed() + everyMs;
      await carryOutFault(lab, world, faults, isWarm, everyMs);
      await recover(lab, world);
      if (isWarm && lived !== world.server.pid()) problems.push('the server was not the same process any more');
      // The pace of the faults. By its end every line that was cut is known to be cut, so that those who are there are back.
      await hold(Math.max(0, dueAt - elapsed()));
      await recover(lab, world);
      if (isWarm) await observeHoldings(world, descriptors, zombies);
    }
    reporter.stop();
    await recover(lab, world);
    problems.push(...(await findLosses(world)));
    return {
      soakedMs: elapsed(),
      faults,
      memory: sampler?.stop() ?? new Map(),
      descriptors,
      zombies,
      reported: reporter.count(),
      problems,
    };
  } finally {
    reporter.stop();
    sampler?.stop();
  }
}

async function carryOutFault(lab: Lab, world: World, index: number, isWarm: boolean, everyMs: number): Promise<void> {
  const seed = lab.seed.fork(String(index));
  const fault = seed.pick(SOAK_FAULTS.filter(({ endsServer }) => !(isWarm && endsServer)));
  const holdMs = seed.int([1_000, Math.max(1_000, Math.floor(everyMs / 2))]);
  lab.record({ fault: fault.name, index, holdMs });
  lab.say(`fault ${index}: ${fault.name}`);
  await fault.carryOut(world, seed, holdMs);
}

/** Everybody is connected again, by nothing but the product's own doing. */
async function recover(lab: Lab, { fleet, real, stack }: World): Promise<void> {
  const startedAt = performance.now();
  await fleet.awaitAllWelcomed(RECOVERY_MS);
  await Promise.all(real.map(({ host }) => stack.api.waitForHost(host.id, 'online', RECOVERY_MS)));
  const tookMs = performance.now() - startedAt;
  if (tookMs > 10_000) lab.say(`everybody was back after ${roundTo(tookMs / 1000, 1)} s`);
}

function startReporting({ light }: World): { stop(): void; count(): number } {
  let count = 0;
  const timer = setInterval(() => {
    const agent = light[count % light.length];
    count += 1;
    void agent?.report({ type: 'host.notice', at: Date.now(), level: 'info', text: `all is well for the ${count}th time` });
  }, REPORT_EVERY_MS / light.length);
  return { stop: () => clearInterval(timer), count: () => count };
}

/** The programs that live from the end of the warm-up to the end. */
function listPrograms({ server, real }: World): ReadonlyMap<string, number> {
  return new Map([
    ['server', server.pid()],
    ['agent', real[1].agent.pid()],
  ]);
}

function startSampling(world: World, elapsed: () => number): { stop(): ReadonlyMap<string, readonly Sample[]> } {
  const memory = new Map<string, Sample[]>();
  const timer = setInterval(() => {
    for (const [name, pid] of listPrograms(world)) {
      const samples = memory.get(name) ?? [];
      samples.push({ atMs: elapsed(), value: readMemory(pid).residentBytes / MEGABYTE });
      memory.set(name, samples);
    }
  }, SAMPLE_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return memory;
    },
  };
}

/**
 * What a run opens is closed with it, so this waits until none goes on. The garbage of both programs is collected here, so that the lowest
 * sample of a window of time shows what is held.
 */
async function observeHoldings(world: World, descriptors: Map<string, number[]>, zombies: number[]): Promise<void> {
  const isQuiet = async () => (world.real.every(({ agent }) => agent.listTools().length === 0) ? true : undefined);
  await waitFor('the real agents to run nothing', isQuiet, { deadlineMs: RECOVERY_MS });
  await Promise.all([collectGarbage(world.server), collectGarbage(world.real[1].agent)]);
  const programs = listPrograms(world);
  for (const [name, pid] of programs) descriptors.set(name, [...(descriptors.get(name) ?? []), countDescriptors(pid)]);
  zombies.push(countZombies(new Set([...programs.values(), world.mortal.pid()])));
}

/** Events nobody acknowledged, promises that were broken, and green runs without their snapshot. */
async function findLosses({ light, real, stack }: World): Promise<readonly string[]> {
  const isTold = async () => (light.every(({ owed }) => owed === 0) ? true : undefined);
  // Whoever is not through by then is found below.
  await waitFor('every event to be acknowledged', isTold, { deadlineMs: LAST_EVENTS_MS }).catch(() => undefined);
  const problems = light.flatMap(({ identity, owed, broken }) => [
    ...broken.map((what) => `${identity.name}: ${what}`),
    ...(owed > 0 ? [`${identity.name} still has ${owed} events that are not acknowledged`] : []),
  ]);
  for (const { host, restic } of real) {
    const runs = await stack.api.get<readonly ApiRun[]>(`/runs?host=${host.id}&limit=200`);
    const green = runs.find(({ state }) => state === 'succeeded');
    const tags = new Set((await restic.listSnapshots()).flatMap((snapshot) => snapshot.tags ?? []));
    if (green === undefined) problems.push(`${host.name} has no green run among ${runs.length}`);
    else if (!tags.has(`run:${green.id}`)) problems.push(`${host.name}: the green run ${green.id} has no snapshot`);
  }
  return problems;
}

export function judgeSoak(observed: Observed): readonly Outcome[] {
  const { memory, descriptors, zombies, faults, reported, problems } = observed;
  const length = `${roundTo(observed.soakedMs / 60_000, 1)} minutes with ${faults} faults`;
  const slopes = [...memory].map(([name, samples]) => ({ name, perHour: roundTo(computeHourlySlope(samples), 2) }));
  const steepest = Math.max(0, ...slopes.map(({ perHour }) => perHour));
  const rest = [...memory].map(([name, samples]) => `${name} ${roundTo(samples.at(-1)?.value ?? 0, 0)} MB at the end`);
  const samples = [...memory.values()].reduce((sum, all) => sum + all.length, 0);
  const open = [...descriptors].map(([name, counts]) => ({ name, grown: measureGrowth(counts), now: counts.at(-1) }));
  const lost = createTally('soak-lost');
  for (let index = problems.length; index < reported; index += 1) lost.count();
  for (const problem of problems) lost.count(problem);
  return [
    {
      name: 'soak-rss-slope',
      tried: samples,
      bad: steepest,
      limit: SLOPE_LIMIT_MB,
      unit: 'MB/h',
      detail: `${length}; after the warm-up ${slopes.map(({ name, perHour }) => `${name} ${perHour} MB/h`).join(', ')}; ${rest.join(', ')}`,
      findings: [],
    },
    {
      name: 'soak-fds',
      tried: zombies.length,
      bad: Math.max(0, ...open.map(({ grown }) => grown)),
      limit: 0,
      detail: `${length}; open descriptors when everybody was connected again: ${open.map(({ name, now, grown }) => `${name} ${now}, grown by ${grown}`).join('; ')}`,
      findings: [],
    },
    {
      name: 'soak-zombies',
      tried: zombies.length,
      bad: measureGrowth(zombies),
      limit: 0,
      detail: `${length}; children that nobody waited for, of the server and both agents; ${Math.max(...zombies)} at the most at one moment`,
      findings: [],
    },
    lost.toOutcome(
      `${length}; events of light agents that were not acknowledged in the end, broken promises, and newest green runs without a snapshot`,
    ),
  ];
}
