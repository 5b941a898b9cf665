import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { getAdvice } from '@holdfast/shared/domain/reason.ts';
import type { ApiPlan, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const NAMES = ['one', 'two', 'three', 'four', 'five'] as const;

let stack: Stack;
let world: LocalWorld;

test.beforeAll(async () => {
  stack = await startStack();
});
test.afterAll(async ({ browserName: _ }, info) => finishStack(stack, info));

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

test('of five runs three go at once and the rest in order; a second run of a busy source is skipped and says so', async ({
  page,
}) => {
  world = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath: [await wrapRestic()] });
  const plans: ApiPlan[] = [];
  const allow = (...indices: readonly number[]) =>
    Promise.all(indices.map((index) => writeFile(join(stack.directory, `go-${plans[index]?.sources[0]}`), '')));
  for (const name of NAMES) {
    const folder = join(stack.directory, `folder-${name}`);
    await mkdir(folder);
    await writeFile(join(folder, 'file'), `content of ${name}`);
    const source = await addSource(stack.api, world.host, name, describeFiles([folder]));
    plans.push(await addPlan(stack.api, { name: `plan ${name}`, repository: world.repository, sources: [source] }));
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

  const second =
    await test.step('a second run of a busy source is recorded as skipped, at its turn, and stores nothing', async () => {
      const [plan] = plans;
      if (plan === undefined) throw new Error('no plan');
      const id = await runPlan(stack.api, plan);
      await allow(1);
      await stack.api.waitForRun(two, 'succeeded');
      const look = async () => (await listStates([four]))[0] === 'running' || undefined;
      await waitFor('the first that waits to begin', look, { deadlineMs: 5000 });
      expect(await listStates([five])).toEqual(['queued']);
      await allow(0, 2, 3);
      for (const run of [one, three, four]) await stack.api.waitForRun(run, 'succeeded');
      const skipped = await stack.api.waitForRun(id, 'skipped');
      expect(skipped.parts.map((part) => [part.state, part.failure?.reason])).toEqual([['skipped', 'overlap']]);
      expect(skipped.snapshots).toEqual([]);
      await allow(4);
      await stack.api.waitForRun(five, 'succeeded');
      return id;
    });

  await test.step('never more than three ran, and they began in the order of the asking', async () => {
    const runs = await Promise.all(ids.map((id) => stack.api.waitForRun(id, 'succeeded')));
    const spans = runs.map((run) => ({ from: run.startedAt ?? 0, to: run.finishedAt ?? 0 }));
    for (const { from } of spans) {
      const together = spans.filter((span) => span.from <= from && from < span.to);
      expect(together.length).toBeLessThanOrEqual(3);
    }
    const begun = runs.map((run) => run.startedAt ?? 0);
    expect(begun).toEqual([...begun].sort((left, right) => left - right));
    expect(await world.restic.countSnapshots()).toBe(5);
    expect(await world.restic.listLocks()).toEqual([]);
    await world.agent.assertQuiet();
  });

  await test.step('the page of the skipped run says why, and what to do', async () => {
    await page.goto(`${stack.server.url}/runs/${second}`);
    await expect(page.locator('main .status').filter({ hasText: 'skipped' }).first()).toBeVisible();
    await expect(page.locator('main')).toContainText(getAdvice('overlap'));
    await expectAccessible(page);
  });
});
