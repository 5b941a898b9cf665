import { join } from 'node:path';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { Page } from '@playwright/test';
import type { AgentProcess } from '../harness/agent-process.ts';
import type { ApiPlan, ApiRun, ApiRunDetail, ApiSnapshot } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeMariadb, runPlan } from '../harness/catalog.ts';
import { awaitTool, freezeDump } from '../harness/part2/freeze.ts';
import { awaitSpec, GENERATIONS, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { findProcesses, signalQuietly } from '../harness/services/processes.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let mariadb: MariadbHandle;

test.beforeAll(async () => {
  const filled = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.fillDatabase('shop', 12);
  });
  [stack] = await Promise.all([startStack(), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await mariadb?.stop();
});

const DUMP = /\/mariadb-dump /;

type Crash = { readonly name: string; readonly isMet: (agent: AgentProcess) => Promise<unknown> };

/** Points at which an agent can die. */
const CRASHES: readonly Crash[] = [
  { name: 'as restic begins', isMet: (agent) => awaitTool(agent, / backup /) },
  { name: 'in the middle of the dump', isMet: (agent) => freezeDump(agent, DUMP) },
  { name: 'when the dump is over and restic is not', isMet: awaitEndOfDump },
];

async function awaitEndOfDump(agent: AgentProcess): Promise<void> {
  (await freezeDump(agent, DUMP)).thaw();
  const isOver = async () => !agent.listTools().some(({ commandLine }) => DUMP.test(commandLine)) || undefined;
  await waitFor('the end of the dump', isOver, { deadlineMs: 20_000, intervalMs: 1 });
}

const findWorldTools = (world: LocalWorld) => findProcesses({ marker: `HOME=${join(world.agent.stateDir, '..')}` });

for (const generation of GENERATIONS) {
  test(`with the ${generation} restic an agent that is killed leaves no snapshot that looks good`, async ({ page }) => {
    const { api } = stack;
    const world = await prepareLocalWorld(stack, `db-${generation}`, generation);
    const { agent, host, repository, restic } = world;
    const source = await addSource(api, host, 'shop', describeMariadb(mariadb, 'shop'));
    const plan = await addPlan(api, { name: `nightly ${generation}`, repository, sources: [source] });
    await awaitSpec(stack, host);

    for (const { name, isMet } of generation === 'new' ? CRASHES : CRASHES.slice(1, 2)) {
      await test.step(`killed ${name}`, async () => {
        const before = await restic.countSnapshots();
        const id = await runPlan(api, plan);
        await isMet(agent);
        await agent.kill('SIGKILL');
        const gone = async () => findWorldTools(world).length === 0 || undefined;
        await waitFor('every tool to die with its agent', gone, { deadlineMs: 7000 });
        await agent.restart();
        const run = await api.waitForRun(id, 'failed', 30_000);
        expect(run.failure?.reason).toBe('interrupted');
        expect(run.snapshots.filter(({ state }) => state === 'good' || state === 'partial')).toEqual([]);
        const unlocked = async () => (await restic.listLocks()).length === 0 || undefined;
        await waitFor('the lock to be cleared', unlocked, { deadlineMs: 10_000 });
        // A whole dump may have become a snapshot in the very last moment; nobody vouches for it.
        const left = (await restic.countSnapshots()) - before;
        expect(left).toBeLessThanOrEqual(name.startsWith('when') ? 1 : 0);
        await api.waitForRun(await runPlan(api, plan), 'succeeded');
        expect(await restic.countSnapshots()).toBe(before + left + 1);
        const good = await api.get<readonly ApiSnapshot[]>(`/snapshots?host=${host.id}&state=good&limit=200`);
        expect(good.map((snapshot) => snapshot.run)).not.toContain(id);
        await agent.assertQuiet();
      });
    }

    await test.step('the page says what happened', async () => {
      const [interrupted] = await api.get<readonly ApiRun[]>(`/runs?host=${host.id}&state=failed`);
      await signIn(page, stack.server.url, stack.admin, `/runs/${interrupted?.id}`);
      await expect(page.locator('main .status').filter({ hasText: 'failed' }).first()).toBeVisible();
      await expect(page.locator('main')).toContainText('The agent ended in the middle of this run');
    });
    await page.goto('about:blank');
    if (generation === 'new') await proveServerCrash(world, plan);
    else await proveStop(world, plan, page);
  });
}

/** The plan gives its runs one attempt: a stop uses none. */
async function proveStop({ agent, restic }: LocalWorld, plan: ApiPlan, page: Page): Promise<void> {
  const { api } = stack;
  await test.step('an agent that is stopped in mid-run goes on with it when it is back: one run, two attempts, one backup', async () => {
    const before = await restic.countSnapshots();
    const id = await runPlan(api, plan);
    const frozen = await freezeDump(agent, DUMP);
    const stopped = agent.kill('SIGTERM');
    await agent.awaitLog(/what still runs is cut off/, 30_000);
    frozen.thaw();
    await stopped;
    expect((await api.get<ApiRun>(`/runs/${id}`)).finishedAt).toBeUndefined();
    await agent.restart();
    await api.waitForRun(id, 'succeeded', 60_000);
    const { attempts, snapshots } = await api.get<ApiRunDetail>(`/runs/${id}`);
    expect(attempts.map(({ attempt, failure }) => [attempt, failure.reason])).toEqual([[1, 'interrupted']]);
    expect(snapshots.map(({ state }) => state)).toEqual(['good']);
    expect(await restic.countSnapshots()).toBe(before + 1);
    expect(await restic.listLocks()).toEqual([]);
    await agent.assertQuiet();
    await page.goto(`${stack.server.url}/runs/${id}`);
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
    await expect(page.locator('main')).toContainText('The agent was stopped in the middle of attempt 1');
    await expect(page.locator('main')).toContainText('attempt 2 begins');
    await page.goto('about:blank');
  });
}

async function proveServerCrash(world: LocalWorld, plan: ApiPlan): Promise<void> {
  const { api } = stack;
  const { agent, host, restic } = world;
  await test.step('a server that is killed in mid-run changes nothing: the run completes, its log is whole', async () => {
    const before = await restic.countSnapshots();
    const id = await runPlan(api, plan);
    const frozen = await freezeDump(agent, DUMP);
    await stack.server.kill('SIGKILL');
    frozen.thaw();
    const stored = async () => (await restic.countSnapshots()) === before + 1 || undefined;
    await waitFor('the backup to be stored without a server', stored, { deadlineMs: 20_000 });
    await stack.server.restart();
    const run = await api.waitForRun(id, 'succeeded', 60_000);
    const { lines } = await api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=2000`);
    expect(lines.map((line) => line.n)).toEqual(lines.map((_, index) => index + 1));
    expect(lines).toHaveLength(run.logLines);
    expect(run.snapshots.map(({ state }) => state)).toEqual(['good']);
    expect(await restic.countSnapshots()).toBe(before + 1);
  });

  await test.step('both killed at once: interrupted, nothing stored, nothing left, and the next run is clean', async () => {
    const before = await restic.countSnapshots();
    const id = await runPlan(api, plan);
    await freezeDump(agent, DUMP);
    signalQuietly(agent.pid(), 'SIGKILL');
    await stack.server.kill('SIGKILL');
    await agent.exited();
    await stack.server.restart();
    expect((await api.get<ApiRun>(`/runs/${id}`)).state).toBe('running');
    await agent.restart();
    expect((await api.waitForRun(id, 'failed', 60_000)).failure?.reason).toBe('interrupted');
    expect(await restic.countSnapshots()).toBe(before);
    await api.waitForHost(host.id, 'online', 60_000);
    await api.waitForRun(await runPlan(api, plan), 'succeeded');
    expect(await restic.countSnapshots()).toBe(before + 1);
    expect(await restic.listLocks()).toEqual([]);
    await agent.assertQuiet();
  });
}
