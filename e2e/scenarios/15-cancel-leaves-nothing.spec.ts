import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { Page } from '@playwright/test';
import { confirmAct, expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, describePostgres, runPlan } from '../harness/catalog.ts';
import { runNow } from '../harness/pages.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, GENERATIONS, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { signalQuietly } from '../harness/services/processes.ts';
import { getRestic, type ResticGeneration } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const CANCEL_LIMIT_MS = 7000;
const MEBIBYTE = 1024 * 1024;
const slowFile = () => join(stack.directory, 'slow');

let stack: Stack;
let postgres: PostgresHandle;
let bigFolder: string;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 40);
  });
  [stack] = await Promise.all([startStack(), filled]);
  bigFolder = join(stack.directory, 'big');
  await mkdir(bigFolder);
  await writeFile(join(bigFolder, 'file.bin'), randomBytes(120 * MEBIBYTE));
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

/** A restic that stores a few megabytes a second for as long as the file `slow` is there, as it would over a thin line. */
async function wrapRestic(generation: ResticGeneration): Promise<string> {
  const { path: real } = await getRestic(generation);
  const before = `if [ -e ${quote(slowFile())} ]; then exec ${quote(real)} --limit-upload 6144 "$@"; fi`;
  return await wrapTool(join(stack.directory, `thin-${generation}`), { name: 'restic', real, before });
}

/** Clicks Cancel on the open page of the run, confirms, and sees it end in time with nothing left. */
async function cancelByClicks(page: Page, id: RunId, world: LocalWorld): Promise<void> {
  const clickedAt = performance.now();
  await confirmAct(page.getByRole('button', { name: 'Cancel…' }), 'Stop the run');
  const run = await stack.api.waitForRun(id, 'cancelled', CANCEL_LIMIT_MS);
  await world.agent.assertQuiet();
  expect(readdirSync(join(world.repositoryPath, 'locks'))).toEqual([]);
  expect(performance.now() - clickedAt).toBeLessThan(CANCEL_LIMIT_MS);
  expect(run.snapshots).toEqual([]);
  await expect(page.locator('main .status').filter({ hasText: 'cancelled' }).first()).toBeVisible();
}

for (const generation of GENERATIONS) {
  test(`with the ${generation} restic a cancelled run ends in seven seconds and leaves nothing behind`, async ({ page }) => {
    const toolPath = [await wrapRestic(generation)];
    const world = await prepareLocalWorld(stack, `db-${generation}`, generation, { toolPath });
    const { api } = stack;
    const { host, repository } = world;
    await api.send('PATCH', `/hosts/${host.id}`, { concurrency: 1 });
    const big = await addSource(api, host, 'big', describeFiles([bigFolder]));
    const shop = await addSource(api, host, 'shop', describePostgres(postgres, 'shop'));
    const files = await addPlan(api, { name: `files ${generation}`, repository, sources: [big] });
    const dump = await addPlan(api, { name: `dump ${generation}`, repository, sources: [shop] });
    await awaitSpec(stack, host);
    await signIn(page, stack.server.url, stack.admin, `/plans/${files.id}`);

    await test.step('files: in the middle of a big one; and what only waits is gone at once', async () => {
      await writeFile(slowFile(), '');
      const id = await runNow(page);
      const store = async () => world.agent.listTools().find(({ commandLine }) => / backup /.test(commandLine));
      await waitFor('restic to read', store, { deadlineMs: 15_000 });
      const queued = await runPlan(api, dump);
      await api.waitForRun(queued, 'queued');
      await expect(page.locator('main .status').filter({ hasText: 'running' }).first()).toBeVisible();
      await page.getByRole('button', { name: 'Cancel…' }).click();
      await expect(page.getByRole('dialog').filter({ visible: true })).toContainText('Stop this run?');
      await expectAccessible(page);
      if (generation === 'new') await takePicture(page, 'run-cancel');
      await page.keyboard.press('Escape');

      await api.post(`/runs/${queued}/cancel`);
      const waited = await api.waitForRun(queued, 'cancelled', 2000);
      expect(waited.startedAt).toBeUndefined();
      expect((await api.waitForRun(id, 'running')).state).toBe('running');
      await cancelByClicks(page, id, world);
      await rm(slowFile());
    });

    await test.step('a dump that hangs in mid-stream', async () => {
      const id = await runPlan(api, dump);
      await freezeDump(world);
      await page.goto(`${stack.server.url}/runs/${id}`);
      await cancelByClicks(page, id, world);
      expect(await world.restic.countSnapshots()).toBe(0);
      expect((await api.send('POST', `/runs/${id}/cancel`)).status).toBe(409);
    });

    await test.step('the next backup of both succeeds without anybody unlocking anything', async () => {
      await api.waitForRun(await runPlan(api, dump), 'succeeded');
      await api.waitForRun(await runPlan(api, files), 'succeeded');
      expect(await world.restic.countSnapshots()).toBe(3);
      await world.restic.run('check');
    });
  });
}

/** Stops pg_dump dead in the middle of its tables: it takes no notice of a polite signal. */
async function freezeDump(world: LocalWorld): Promise<void> {
  const findTool = (pattern: RegExp) => async () =>
    world.agent.listTools().find(({ commandLine }) => pattern.test(commandLine))?.pid;
  const store = await waitFor('restic to read', findTool(/restic\b.* backup\b.*role:data/), {
    deadlineMs: 15_000,
    intervalMs: 5,
  });
  signalQuietly(store, 'SIGSTOP');
  const findCopy = async () =>
    (await postgres.query("SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY shop.%' AND datname = 'shop'")) || undefined;
  await waitFor('pg_dump to copy its tables', findCopy, { deadlineMs: 15_000 });
  signalQuietly(await waitFor('pg_dump', findTool(/\/pg_dump /), { deadlineMs: 1000 }), 'SIGSTOP');
  signalQuietly(store, 'SIGCONT');
}
