/** A server with 200 light agents and two real ones lives for hours with a fault every half minute: it loses nothing and does not grow. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as hold } from 'node:timers/promises';
import { roundTo } from '../../bench/statistics.ts';
import type { ApiRun } from '../../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../../harness/part2/world.ts';
import { waitFor } from '../../harness/services/wait-for.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { COLLECTING_ENV } from '../collecting.ts';
import type { Experiment, Lab } from '../experiment.ts';
import { type LightFleet, startLightFleet } from '../light-fleet.ts';
import { type FaultProxy, startFaultProxy } from '../proxy/fault-proxy.ts';
import { SOAK_FAULTS, type Soaked } from './soak/faults.ts';
import { type Look, takeLook } from './soak/look.ts';
import { judgeSoak, type Observed } from './soak/verdict.ts';
import { inviteVisitors, VISITED_ENV, type Visitors } from './soak/visitors.ts';

const LIGHT_AGENTS = { selection: 20, quarter: 200, full: 200 } as const;
/** What is published stands for an hour; who says nothing soaks that long. */
const PUBLISHED_MS = 60 * 60_000;
const FAULT_EVERY_MS = 30_000;
/** A short soak has its faults closer together, so that there are some. */
const FAULTS_AT_LEAST = 6;
/** Each light agent reports once in this time. */
const REPORT_EVERY_MS = 10_000;
/** More often while the system warms up: SQLite keeps up to 16 MB of a ledger in memory, and these are full afterwards. */
const REPORT_WARM_UP_EVERY_MS = 1_000;
/** The beginning says nothing about growth: caches fill for three quarters of an hour. Only in a part of it may the server be restarted. */
const WARM_UP = 0.3;
const WARM_UP_MAX_MS = 45 * 60_000;
const RESTARTS_END = 1 / 6;
/** Two waits of the longest kind, and the time in which a silent line is noticed. */
const RECOVERY_MS = 240_000;
/** For the last events, when everybody is connected. */
const LAST_EVENTS_MS = 30_000;

type World = Soaked & {
  readonly stack: Stack;
  readonly proxy: FaultProxy;
  readonly fleet: LightFleet;
  readonly visitors: Visitors;
  /** The first may be killed and the second lives as long as the soak. */
  readonly real: readonly [LocalWorld, LocalWorld];
};

export const SOAK: Experiment = {
  figures: ['soak-rss-slope', 'soak-fds', 'soak-handles', 'soak-threads', 'soak-zombies', 'soak-wal', 'soak-lost'],
  isSoak: true,
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'warn', ...COLLECTING_ENV, ...VISITED_ENV } });
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
  const visitors = await inviteVisitors(stack);
  ends.push(() => visitors.leave());
  return { stack, server, proxy, fleet, visitors, light: fleet.agents, mortal: mortal.agent, real: [mortal, steady] };
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
  const looks: Look[] = [];
  let lived: number | undefined;
  let faults = 0;
  try {
    for (; elapsed() < soakMs || looks.length < 2; faults += 1) {
      const isWarm = elapsed() >= warmUpMs;
      if (isWarm && lived === undefined) {
        lived = world.server.pid();
        reporter.slowDown();
      }
      const dueAt = elapsed() + everyMs;
      world.visitors.come();
      await carryOutFault(lab, world, faults, elapsed() < warmUpMs * RESTARTS_END, everyMs);
      await recover(lab, world);
      if (isWarm && lived !== world.server.pid()) problems.push('the server was not the same process any more');
      // The pace of the faults. By its end every line that was cut is known to be cut, so that those who are there are back.
      await hold(Math.max(0, dueAt - elapsed()));
      await recover(lab, world);
      await world.visitors.leave();
      // The garbage is collected from the beginning, so that the warm-up is like what follows.
      const look = await lookQuietly(world, elapsed);
      lab.record({ look });
      if (isWarm) looks.push(look);
    }
    reporter.stop();
    await recover(lab, world);
    problems.push(...(await findLosses(world)));
    return {
      warmUpMs,
      soakedMs: elapsed(),
      faults,
      looks,
      reported: reporter.count(),
      visits: world.visitors.answered,
      problems,
    };
  } finally {
    reporter.stop();
  }
}

async function carryOutFault(lab: Lab, world: World, index: number, mayEndServer: boolean, everyMs: number): Promise<void> {
  const seed = lab.seed.fork(String(index));
  const fault = seed.pick(SOAK_FAULTS.filter(({ endsServer }) => mayEndServer || !endsServer));
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

function startReporting({ light }: World): { stop(): void; slowDown(): void; count(): number } {
  let count = 0;
  const report = (): void => {
    const agent = light[count % light.length];
    count += 1;
    void agent?.report({ type: 'host.notice', at: Date.now(), level: 'info', text: `all is well for the ${count}th time` });
  };
  let timer = setInterval(report, REPORT_WARM_UP_EVERY_MS / light.length);
  return {
    stop: () => clearInterval(timer),
    slowDown() {
      clearInterval(timer);
      timer = setInterval(report, REPORT_EVERY_MS / light.length);
    },
    count: () => count,
  };
}

/** What a run opens is closed with it, so this is a look at a moment when none goes on. */
async function lookQuietly({ server, mortal, real }: World, elapsed: () => number): Promise<Look> {
  const isQuiet = (): boolean => real.every(({ agent }) => agent.listTools().length === 0);
  const look = async (): Promise<Look | undefined> => {
    if (!isQuiet()) return undefined;
    const taken = await takeLook({ server, steady: real[1].agent, others: [mortal] }, elapsed());
    return isQuiet() ? taken : undefined;
  };
  return waitFor('the real agents to run nothing', look, { deadlineMs: RECOVERY_MS });
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
