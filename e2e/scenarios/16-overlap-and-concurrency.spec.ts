import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { getAdvice } from '@holdfast/shared/domain/reason.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { ApiHost, ApiPlan, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const NAMES = ['one', 'two', 'three', 'four', 'five'] as const;

const MINUTE_MS = 60_000;

let clock: LabClock;
let stack: Stack;
let world: LocalWorld;

test.beforeAll(async () => {
  clock = await startLabClock(5);
  stack = await startStack({ env: clock.env });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await clock?.stop();
});

/** restic waits, in a backup of a source, for the file `go-<source>`. Each backup carries its source as a tag. */
async function wrapRestic(): Promise<string> {
  const { path } = await getRestic('new');
  const source = `source=$(printf %s "$*" | sed -n 's/.*--tag=source:\\([A-Za-z0-9_-]*\\).*/\\1/p')`;
  const wait = `while [ ! -e ${quote(join(stack.directory, 'go-'))}"$source" ]; do sleep 0.05; done`;
  const before = `case "$*" in *" backup "*) ${source}; ${wait};; esac`;
  return await wrapTool(join(stack.directory, 'slow'), { name: 'restic', real: path, before });
}

const listActive = async () => await stack.api.get<readonly ApiRun[]>('/runs?active=true');
const listStates = async (ids: readonly RunId[]) => {
  const runs = await stack.api.get<readonly ApiRun[]>('/runs');
  return ids.map((id) => runs.find((run) => run.id === id)?.state);
};

/** The host has been heard of since then: its line is alive. */
const awaitHeard = (since: number) =>
  waitFor(
    'the host to be heard',
    async () => {
      const { lastSeenAt = 0 } = await stack.api.get<ApiHost & { lastSeenAt?: number }>(`/hosts/${world.host.id}`);
      return lastSeenAt >= since || undefined;
    },
    { deadlineMs: 10_000 },
  );

test('of five runs three go at once and the rest in order; a second run or fire of a busy source is skipped and says so', async ({
  page,
}) => {
  world = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath: [await wrapRestic()], env: clock.env });
  // It comes once the five are under way.
  const fireAt = Math.ceil((clock.now() + 3 * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
  const at = new Date(fireAt);
  const schedule: Schedule = { cron: `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`, zone: 'UTC' };
  const plans: ApiPlan[] = [];
  const allow = (...indices: readonly number[]) =>
    Promise.all(indices.map((index) => writeFile(join(stack.directory, `go-${plans[index]?.sources[0]}`), '')));
  for (const name of NAMES) {
    const folder = join(stack.directory, `folder-${name}`);
    await mkdir(folder);
    await writeFile(join(folder, 'file'), `content of ${name}`);
    const source = await addSource(stack.api, world.host, name, describeFiles([folder]));
    const wishes = { name: `plan ${name}`, repository: world.repository, sources: [source] };
    plans.push(await addPlan(stack.api, name === 'one' ? { ...wishes, schedule } : wishes));
  }
  await awaitSpec(stack, world.host);
  await signIn(page, stack.server.url, stack.admin, '/runs');

  const ids: RunId[] = [];
  for (const plan of plans) ids.push(await runPlan(stack.api, plan));
  const [one, two, three, four, five] = ids as [RunId, RunId, RunId, RunId, RunId];

  await test.step('three run, two wait', async () => {
    const look = async () => (await listActive()).filter((run) => run.state === 'running').length === 3 || undefined;
    await waitFor('three runs', look, { deadlineMs: 10_000 });
    expect(await listStates(ids)).toEqual(['running', 'running', 'running', 'queued', 'queued']);
    await expect(page.getByRole('row', { name: /running/ })).toHaveCount(3);
    await expect(page.getByRole('row', { name: /queued/ })).toHaveCount(2);
    await expectAccessible(page);
  });

  const prune = await test.step('a prune of their repository waits for those that came before it', async () => {
    const ordered = await stack.api.post<ApiRun>(`/repositories/${world.repository.id}/prune`, {
      host: world.host.id,
      understood: true,
    });
    const taken = async () => (await listStates([ordered.id]))[0] === 'queued' || undefined;
    await waitFor('the prune to wait', taken, { deadlineMs: 10_000 });
    return ordered.id;
  });

  const skipped =
    await test.step('a second run and a fire of a busy source are recorded as skipped, at their turn, and store nothing', async () => {
      const [plan] = plans;
      if (plan === undefined) throw new Error('no plan');
      const second = await runPlan(stack.api, plan);
      const pids = [stack.server.pid(), world.agent.pid()];
      await clock.walkTo(fireAt, pids, awaitHeard);
      const find = async () => (await listActive()).find((run) => run.fireAt === fireAt);
      const fire = await waitFor('the fire', find, { deadlineMs: 20_000 });
      expect(fire).toMatchObject({ state: 'queued', trigger: 'schedule' });
      expect(await listStates(ids), 'nobody made room').toEqual(['running', 'running', 'running', 'queued', 'queued']);
      await allow(1);
      await stack.api.waitForRun(two, 'succeeded');
      const look = async () => (await listStates([four]))[0] === 'running' || undefined;
      await waitFor('the first that waits to begin', look, { deadlineMs: 5000 });
      expect(await listStates([five, prune])).toEqual(['queued', 'queued']);
      await allow(0, 2, 3);
      for (const run of [one, three, four]) await stack.api.waitForRun(run, 'succeeded');
      for (const id of [second, fire.id]) {
        const run = await stack.api.waitForRun(id, 'skipped');
        expect(run.parts.map((part) => [part.state, part.failure?.reason])).toEqual([['skipped', 'overlap']]);
        expect(run.snapshots).toEqual([]);
      }
      expect(await listStates([five, prune]), 'a slot is free, the repository is not').toEqual(['running', 'queued']);
      await allow(4);
      await stack.api.waitForRun(five, 'succeeded');
      await stack.api.waitForRun(prune, 'succeeded');
      expect(await stack.api.get<readonly ApiRun[]>('/runs')).toHaveLength(ids.length + 3);
      return [second, fire.id];
    });

  await test.step('never more than three ran, and they began in the order of the asking', async () => {
    const runs = await Promise.all(ids.map((id) => stack.api.waitForRun(id, 'succeeded')));
    const spans = runs.map((run) => ({ from: run.startedAt ?? 0, to: run.finishedAt ?? 0 }));
    for (const { from } of spans) {
      const together = spans.filter((span) => span.from <= from && from < span.to);
      expect(together.length).toBeLessThanOrEqual(3);
    }
    const { startedAt = 0 } = await stack.api.waitForRun(prune, 'succeeded');
    expect(startedAt, 'the prune began when the last of them had ended').toBeGreaterThanOrEqual(
      Math.max(...spans.map(({ to }) => to)),
    );
    const begun = runs.map((run) => run.startedAt ?? 0);
    expect(begun).toEqual([...begun].sort((left, right) => left - right));
    expect(await world.restic.countSnapshots()).toBe(5);
    expect(await world.restic.listLocks()).toEqual([]);
    await world.agent.assertQuiet();
  });

  await test.step('the pages of the skipped runs say why, and what to do', async () => {
    for (const id of skipped) {
      await page.goto(`${stack.server.url}/runs/${id}`);
      await expect(page.locator('main .status').filter({ hasText: 'skipped' }).first()).toBeVisible();
      await expect(page.locator('main')).toContainText(getAdvice('overlap'));
      await expectAccessible(page);
    }
    await expect(page.locator('main'), 'the last of them is the fire').toContainText('by schedule');
  });
});
