import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiHost, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { awaitSpec, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** An agent that is kept out calls once a minute, by its own clock. */
const CALL_MS = 75_000;

let clock: LabClock;
let stack: Stack;

test.beforeAll(async () => {
  clock = await startLabClock();
  stack = await startStack();
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await clock?.stop();
});

type Claimant = { readonly boot: string; readonly hostname: string; readonly address?: string };
type HostDetail = ApiHost & { readonly claimants: readonly Claimant[] };

test('a host that runs twice is quarantined whole, and one click lets one of the two in again', async ({ page }) => {
  test.setTimeout(120_000);
  const { api } = stack;
  const {
    agent: original,
    host,
    repository,
    restic,
    resticPath,
  } = await prepareLocalWorld(stack, 'db', 'new', {
    env: clock.env,
  });
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const source = await addSource(api, host, 'folder', describeFiles([folder]));
  const plan = await addPlan(api, { name: 'by hand', repository, sources: [source] });
  await awaitSpec(stack, host);
  await api.waitForRun(await runPlan(api, plan), 'succeeded');
  const readHost = () => api.get<HostDetail>(`/hosts/${host.id}`);

  // What a snapshot of the machine takes along, and what comes up when it is started a second time.
  const clone = await stack.startAgent('clone', { env: clock.env, toolPath: [join(resticPath, '..')] });
  await clone.awaitFingerprint();
  await clone.kill('SIGKILL');
  await rm(clone.stateDir, { recursive: true });
  await cp(original.stateDir, clone.stateDir, { recursive: true });
  await rm(join(clone.stateDir, 'lock'), { recursive: true, force: true });
  await clone.restart();

  await test.step('both are out, and the API names both', async () => {
    await api.waitForHost(host.id, 'quarantined', 30_000);
    const both = async () => ((await readHost()).claimants.length === 2 ? true : undefined);
    await waitFor('both agents to be named', both, { deadlineMs: 5000 });
    for (const agent of [original, clone]) await agent.awaitLog(/not admitted by the server; backups go on by schedule/, 30_000);
  });

  const ordered = await test.step('neither takes an order; it waits', async () => {
    const id = await runPlan(api, plan);
    for (const agent of [original, clone]) await agent.assertQuiet();
    expect((await api.get<ApiRun>(`/runs/${id}`)).state).toBe('queued');
    expect(await restic.countSnapshots()).toBe(1);
    return id;
  });

  await test.step('the page shows both, and one click chooses', async () => {
    await signIn(page, stack.server.url, stack.admin, `/hosts/${host.id}`);
    await expect(page.locator('main')).toContainText('db is quarantined');
    await expect(page.getByRole('button', { name: 'This one is the host' })).toHaveCount(2);
    await expectAccessible(page);
    const [, boot = ''] = await original.awaitLog(/"boot":"([^"]+)"/);
    const row = page.locator('[data-row]').filter({ hasText: boot });
    await row.getByRole('button', { name: 'This one is the host' }).click();
    await expect(page.getByRole('button', { name: 'This one is the host' })).toHaveCount(1);
    await expect(row).toContainText('chosen');
  });

  await test.step('the chosen one is in again, the other one is locked out for good', async () => {
    await clock.leapTo(clock.now() + CALL_MS, [original.pid()]);
    await api.waitForHost(host.id, 'online', 30_000);
    await expect(page.locator('main')).not.toContainText('is quarantined', { timeout: 5000 });
    await page.goto('about:blank');
    await api.waitForRun(ordered, 'succeeded');
    await api.waitForRun(await runPlan(api, plan), 'succeeded');
    expect(await restic.countSnapshots()).toBe(3);
    const isOut = /does not know this host.s token/;
    // Started again, it need not wait for its minute to pass; it was kept out the same way without that.
    await clone.restart();
    await clone.awaitLog(isOut, 30_000);
    expect(clone.isRunning(), 'it keeps its schedule').toBe(true);
    expect(original.readLog()).not.toMatch(isOut);
    expect((await readHost()).standing).toBe('online');
    expect((await readHost()).claimants).toEqual([]);
  });
});
