import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { ApiPlan, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { fillFields } from '../harness/pages.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const ZONE = 'Europe/Berlin';

/** One server stays up over the fire, the other is away: both wait for the same minute. */
let up: Stack;
let away: Stack;

test.beforeAll(async () => {
  [up, away] = await Promise.all([startStack(), startStack()]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(up, info);
  await finishStack(away, info);
});

async function prepareSource(stack: Stack, name: string): Promise<LocalWorld> {
  const world = await prepareLocalWorld(stack, name);
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  await addSource(stack.api, world.host, 'folder', describeFiles([folder]));
  return world;
}

/** The next whole minute that leaves time to save a plan for it. */
function chooseFire(): number {
  return Math.ceil((Date.now() + 7000) / MINUTE_MS) * MINUTE_MS;
}

/** `17 14 * * *`: that minute of every day, as a clock in Berlin shows it. */
function writeCron(at: number): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
  const [hour, minute] = parts.format(at).split(':').map(Number);
  return `${minute} ${hour} * * *`;
}

const listRuns = (stack: Stack) => stack.api.get<readonly ApiRun[]>('/runs');

test('a plan fires by the host’s own clock, is seen within a second, and is reported later when the server was away', async ({
  page,
}) => {
  const [, awayWorld] = await Promise.all([prepareSource(up, 'db-up'), prepareSource(away, 'db-away')]);
  const [source] = await away.api.get<readonly { id: never; name: string; host: never; kind: string }[]>('/sources');
  if (source === undefined) throw new Error('The source is gone.');
  const awayPlan = await addPlan(away.api, { name: 'each day', repository: awayWorld.repository, sources: [source] });
  const earlier: string[] = [];
  await test.step('the plan that keeps two backups has two', async () => {
    const policy = { name: 'Two', policy: { kind: 'rules', last: 2 } };
    const { id } = await away.api.post<{ id: string }>('/retention-policies', policy);
    expect((await away.api.send('PATCH', `/plans/${awayPlan.id}`, { retentionPolicy: id })).status).toBe(200);
    await awaitSpec(away, awayWorld.host);
    for (const _ of [1, 2]) {
      const run = await away.api.waitForRun(await runPlan(away.api, awayPlan), 'succeeded');
      earlier.push(...run.snapshots.map(({ engineId }) => engineId));
    }
    expect(await awayWorld.restic.countSnapshots()).toBe(2);
  });
  await signIn(page, up.server.url, up.admin, '/plans/new');
  await page.getByRole('checkbox', { name: /^folder/ }).check();
  await page.getByLabel('to the repository').selectOption({ index: 1 });
  await page.getByRole('radio', { name: 'An expression of my own' }).check();

  const fireAt = chooseFire();
  const schedule: Schedule = { cron: writeCron(fireAt), zone: ZONE };
  await fillFields(page, { 'My own expression': schedule.cron, 'in the time zone': ZONE, 'and call it': 'each day' });
  await expect(page.locator('#plan-fires')).toContainText(ZONE);
  await page.locator('#plan-form').getByRole('button').first().click();
  await expect(page.getByRole('button', { name: 'Run now' })).toBeVisible();
  expect((await away.api.send('PATCH', `/plans/${awayPlan.id}`, { schedule })).status).toBe(200);
  await awaitSpec(away, awayWorld.host);
  const [plan] = await up.api.get<readonly ApiPlan[]>('/plans');
  expect(Date.now(), 'there was time to save the plans').toBeLessThan(fireAt);

  await test.step('the list of plans names the coming fire', async () => {
    await page.goto(`${up.server.url}/plans`);
    await expect(
      page
        .getByRole('row', { name: /each day/ })
        .locator('time')
        .first(),
    ).toHaveAttribute('datetime', new Date(fireAt).toISOString());
    await expectAccessible(page);
  });

  await page.goto(`${up.server.url}/runs`);
  await expect(page.getByText('Nothing has run yet.')).toBeVisible();
  // Not earlier, so that its host does not wait long between attempts to find it again.
  const isNear = async () => Date.now() > fireAt - 3000 || undefined;
  await waitFor('the last moments before the fire', isNear, { deadlineMs: 70_000 });
  await away.server.kill('SIGTERM');

  await test.step('the run begins by itself, and is on the page within a second', async () => {
    await expect(page.getByRole('row', { name: /folder/ })).toBeVisible({ timeout: fireAt - Date.now() + 5000 });
    const shownAt = Date.now();
    const [run] = await listRuns(up);
    expect(run).toMatchObject({ trigger: 'schedule', fireAt });
    expect(shownAt - (run?.createdAt ?? 0)).toBeLessThan(1000);
    expect((run?.createdAt ?? 0) - fireAt).toBeGreaterThanOrEqual(0);
    expect((run?.createdAt ?? 0) - fireAt).toBeLessThan(2000);
    await expect(page.getByRole('row', { name: /succeeded/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /succeeded/ })).toContainText('by schedule');
  });

  await test.step('the next fire moved on by a day', async () => {
    const { fires } = await up.api.get<{ fires: readonly { fireAt: number }[] }>(`/plans/${plan?.id}/next-fires`);
    const next = fires[0]?.fireAt ?? 0;
    // A night on which clocks change may lie in between.
    expect(Math.abs(next - fireAt - DAY_MS)).toBeLessThanOrEqual(60 * MINUTE_MS);
    await page.goto(`${up.server.url}/plans`);
    await expect(
      page
        .getByRole('row', { name: /each day/ })
        .locator('time')
        .first(),
    ).toHaveAttribute('datetime', new Date(next).toISOString());
  });

  await test.step('the server that was away hears of it later: once, with its true time, and the whole log', async () => {
    const [oldest = '', second = ''] = earlier;
    const settled = async () => {
      const ids = (await awayWorld.restic.listSnapshots()).map(({ id }) => id);
      return (ids.length === 2 && ids.includes(second) && !ids.includes(oldest)) || undefined;
    };
    await waitFor('the backup without a server, and retention after it', settled, { deadlineMs: 30_000 });
    await awayWorld.agent.assertQuiet();
    const leftAt = Date.now();
    await away.server.restart();
    const findOf = (trigger: ApiRun['trigger']) => async () =>
      (await listRuns(away)).find((run) => run.state === 'succeeded' && run.trigger === trigger);
    const run = await waitFor('the report', findOf('schedule'), { deadlineMs: 70_000 });
    const forget = await waitFor('the report of retention', findOf('follow_up'), { deadlineMs: 10_000 });
    expect(forget.startedAt ?? 0).toBeGreaterThanOrEqual(run.finishedAt ?? 0);
    expect(await listRuns(away)).toHaveLength(4);
    expect(run).toMatchObject({ trigger: 'schedule', fireAt });
    expect((run.startedAt ?? 0) - fireAt).toBeLessThan(2000);
    expect(run.finishedAt ?? 0).toBeLessThan(leftAt);
    const log = (await away.api.readLog(run.id)).split('\n');
    expect(log).toHaveLength(run.logLines);
    expect(log[0]).toContain('pre-flight');
    expect(log.at(-1)).toMatch(/evidence|succeeded|finished/);
    await page.goto(`${away.server.url}/login?next=/runs`);
    await page.getByLabel('Name').fill(away.admin.name);
    await page.getByLabel('Password', { exact: true }).fill(away.admin.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.goto(`${away.server.url}/runs/${run.id}`);
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
    await expect(page.locator('main')).toContainText('by schedule');
    await expect(page.locator('main')).not.toContainText('caught up late');
    // A host reports in order: with the next run here, nothing more of that fire can follow.
    await away.api.waitForRun(await runPlan(away.api, awayPlan), 'succeeded');
    const fires = (await listRuns(away)).flatMap((one) => one.fireAt ?? []);
    expect(fires).toEqual([fireAt]);
  });
});
