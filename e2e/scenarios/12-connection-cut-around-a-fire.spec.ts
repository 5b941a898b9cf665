import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FaultProxy, startFaultProxy } from '../chaos/proxy/fault-proxy.ts';
import type { Injection } from '../chaos/proxy/faults.ts';
import { createSeed } from '../chaos/seed.ts';
import type { ApiHost, ApiPlan, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { awaitTool } from '../harness/part2/freeze.ts';
import { awaitFile, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { expectWholeLog, expectWholePage } from '../harness/run-proof.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
/** All that is to happen before the fire happens within this. */
const JUST_BEFORE_MS = 2500;
const DEADLINE_MS = 30_000;
/** hello goes up; a challenge and a welcome come down. */
const GREETING_MESSAGES = 2;

let clock: LabClock;
let stack: Stack;
const proxies: FaultProxy[] = [];

test.beforeAll(async () => {
  clock = await startLabClock(5);
  stack = await startStack({ env: clock.env });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await clock?.stop();
});

type Run = ApiRun & { readonly plan?: string };
type Attempted = { readonly attempts: readonly { readonly failure: { readonly reason?: string } }[] };

/** One host, its line to the server, and a plan that fires once. */
type Rig = LocalWorld & { readonly proxy: FaultProxy; readonly injections: readonly Injection[]; readonly plan: ApiPlan };

type Trouble = {
  readonly name: string;
  /** A moment before the fire. */
  readonly before: (rig: Rig) => Promise<unknown> | unknown;
  /** From then on, until the line is whole again. */
  readonly after: (rig: Rig, fireAt: number) => Promise<unknown>;
  /** The first attempt is cut off, and another one makes the backup. */
  readonly isInterrupted?: true;
};

const awaitFire = (fireAt: number) =>
  waitFor('the fire', async () => clock.now() > fireAt || undefined, { deadlineMs: DEADLINE_MS, intervalMs: 5 });
const listRuns = async ({ plan }: Rig): Promise<readonly Run[]> =>
  (await stack.api.get<readonly Run[]>('/runs?limit=100')).filter((run) => run.plan === plan.id);
const countFaults = ({ injections }: Rig, fault: string): number => injections.filter((one) => one.fault === fault).length;

async function awaitBackup({ restic, agent }: Rig): Promise<void> {
  const stored = async () => (await restic.countSnapshots()) === 1 || undefined;
  await waitFor('the backup to be stored', stored, { deadlineMs: DEADLINE_MS, intervalMs: 200 });
  await agent.assertQuiet();
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'cut-just-before',
    before({ proxy }) {
      proxy.set({ refuse: { chance: 1 } });
      proxy.cutAll('reset');
    },
    async after(rig) {
      await awaitBackup(rig);
      expect(await listRuns(rig), 'nobody could tell').toEqual([]);
      rig.proxy.clear();
    },
  },
  {
    // The first word of the run breaks off in its middle, and again when it is said again.
    name: 'cut-during',
    before: ({ proxy }) => proxy.set({ messages: { direction: 'up', after: 1, cut: { chance: 1, how: 'reset' } } }),
    async after(rig) {
      const isCutTwice = async () => countFaults(rig, 'cutMessage') >= 2 || undefined;
      await waitFor('two cuts', isCutTwice, { deadlineMs: DEADLINE_MS });
      rig.proxy.clear();
    },
  },
  {
    // The server knows of the run, and its host cannot know that it does.
    name: 'cut-just-after',
    before: ({ proxy }) => proxy.set({ messages: { direction: 'down', after: GREETING_MESSAGES, drop: { chance: 1 } } }),
    async after(rig) {
      const isTold = async () => (await listRuns(rig)).length > 0 || undefined;
      await waitFor('the server to know of the run', isTold, { deadlineMs: DEADLINE_MS });
      rig.proxy.cutAll('reset');
      rig.proxy.clear();
    },
  },
  {
    name: 'doubled-and-reordered',
    before: ({ proxy }) =>
      proxy.set({
        messages: {
          after: GREETING_MESSAGES,
          duplicate: { chance: 0.6, later: [0, 4] },
          reorder: { chance: 0.4, by: [1, 4] },
          split: { chance: 0.3 },
        },
      }),
    async after(rig) {
      await awaitBackup(rig);
      const isTold = async () => (await listRuns(rig)).some(({ state }) => state === 'succeeded') || undefined;
      await waitFor('the end to be told', isTold, { deadlineMs: DEADLINE_MS });
      expect(countFaults(rig, 'duplicate')).toBeGreaterThan(0);
      expect(countFaults(rig, 'reorder') + countFaults(rig, 'hold')).toBeGreaterThan(0);
      rig.proxy.clear();
    },
  },
  {
    name: 'agent-killed-before',
    before: ({ agent }) => agent.kill('SIGKILL'),
    async after({ agent }, fireAt) {
      await awaitFire(fireAt);
      await agent.restart();
    },
  },
  {
    name: 'agent-killed-in-the-run',
    before: () => undefined,
    async after({ agent }) {
      await awaitTool(agent, / backup /);
      await agent.kill('SIGKILL');
      await agent.restart();
      await writeFile(goFile(), '');
    },
    isInterrupted: true,
  },
];

const goFile = () => join(stack.directory, 'go');

/** A restic that begins to store once the file is there: an agent killed before has stored nothing. */
async function holdRestic(): Promise<string> {
  const { path: real } = await getRestic('new');
  const before = `case "$*" in *" backup "*) ${awaitFile(goFile())};; esac`;
  return await wrapTool(join(stack.directory, 'held'), { name: 'restic', real, before });
}

async function prepareRig({ name, isInterrupted }: Trouble, fireAt: number): Promise<Rig> {
  const injections: Injection[] = [];
  const proxy = await startFaultProxy({
    target: { port: Number(new URL(stack.server.url).port) },
    seed: createSeed(name),
    record: (injection) => injections.push(injection),
  });
  proxies.push(proxy);
  const serverUrl = `http://127.0.0.1:${proxy.port}`;
  const world = await prepareLocalWorld(stack, name, 'new', {
    env: clock.env,
    serverUrl,
    ...(isInterrupted ? { toolPath: [await holdRestic()] } : {}),
  });
  const folder = join(stack.directory, name);
  await mkdir(folder);
  await writeFile(join(folder, 'file'), `content of ${name}`);
  const source = await addSource(stack.api, world.host, name, describeFiles([folder]));
  const at = new Date(fireAt);
  const schedule = { cron: `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`, zone: 'UTC' };
  // As many tries as a plan usually has; the next one need not be waited for.
  const options = isInterrupted ? { attempts: 3, retryAfterSeconds: 1 } : {};
  const plan = await addPlan(stack.api, { name, repository: world.repository, sources: [source], schedule, options });
  await awaitSpec(stack, world.host);
  return { ...world, proxy, injections, plan };
}

/** Every host has been heard of since then: its line is alive. */
async function awaitHeard(rigs: readonly Rig[], since: number): Promise<void> {
  for (const { host } of rigs) {
    const isHeard = async () => {
      const { lastSeenAt = 0 } = await stack.api.get<ApiHost & { lastSeenAt?: number }>(`/hosts/${host.id}`);
      return lastSeenAt >= since || undefined;
    };
    await waitFor(`${host.name} to be heard`, isHeard, { deadlineMs: 10_000 });
  }
}

test('a line that breaks around a fire, or an agent that dies there, gives one run and one backup, told once and whole', async ({
  page,
}) => {
  // Far enough that all plans are saved by then, also on a busy machine; it comes when all are ready.
  const fireAt = Math.ceil((clock.now() + 3 * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
  const rigs = await Promise.all(TROUBLES.map((trouble) => prepareRig(trouble, fireAt)));
  await signIn(page, stack.server.url, stack.admin, '/runs');
  await expect(page.getByText('Nothing has run yet.')).toBeVisible();
  const pids = [stack.server.pid(), ...rigs.map(({ agent }) => agent.pid())];
  await clock.walkTo(fireAt - JUST_BEFORE_MS, pids, (since) => awaitHeard(rigs, since));
  for (const { host } of rigs) await stack.api.waitForHost(host.id, 'online', 1000);

  await Promise.all(TROUBLES.map(({ before }, index) => before(rigs[index] as Rig)));
  expect(clock.now(), 'the trouble began before the fire').toBeLessThan(fireAt);
  await Promise.all(TROUBLES.map(({ after }, index) => after(rigs[index] as Rig, fireAt)));

  const told = new Map<Rig, Run>();
  for (const [index, rig] of rigs.entries()) {
    const { name, isInterrupted } = TROUBLES[index] as Trouble;
    await test.step(`${name}: one run with its true time, and one backup`, async () => {
      const isOver = async () => (await listRuns(rig)).find(({ finishedAt }) => finishedAt !== undefined);
      const run = await waitFor('the end of the run', isOver, { deadlineMs: DEADLINE_MS });
      expect(run).toMatchObject({ state: 'succeeded', trigger: 'schedule', fireAt });
      const { attempts } = await stack.api.get<Attempted>(`/runs/${run.id}`);
      expect(attempts.map(({ failure }) => failure.reason)).toEqual(isInterrupted ? ['interrupted'] : []);
      expect(run.createdAt).toBeGreaterThanOrEqual(fireAt);
      expect(run.createdAt - fireAt, 'not late').toBeLessThan(name === 'agent-killed-before' ? MINUTE_MS : 5000);
      expect(await rig.restic.countSnapshots()).toBe(1);
      await rig.agent.assertQuiet();
      told.set(rig, run);
    });
  }
  await expect(page.getByRole('row', { name: /by schedule/ })).toHaveCount(rigs.length);
  await expectAccessible(page);

  await test.step('a host reports in order: with a later run here, nothing more of that fire can follow', async () => {
    for (const { host } of rigs) await stack.api.waitForHost(host.id, 'online', DEADLINE_MS);
    const later = await Promise.all(
      rigs.map(async (rig) => stack.api.waitForRun(await runPlan(stack.api, rig.plan), 'succeeded')),
    );
    for (const [index, rig] of rigs.entries()) {
      const before = told.get(rig);
      expect((await listRuns(rig)).map(({ id }) => id)).toEqual([later[index]?.id, before?.id]);
      expect(await rig.restic.countSnapshots()).toBe(2);
    }
  });

  await test.step('each page shows the whole log, as the API does', async () => {
    for (const run of told.values()) {
      const lines = await expectWholeLog(stack.api, run, run.state === 'failed' ? /ended in the middle/ : undefined);
      await expectWholePage(page, stack.server.url, run, lines);
      await expect(page.locator('main')).toContainText('by schedule');
      await expect(page.locator('main')).not.toContainText('caught up late');
    }
  });
});
