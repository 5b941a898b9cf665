import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { readReadBytes } from '../bench/process-usage.ts';
import type { ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describeMariadb, runPlan } from '../harness/catalog.ts';
import { readRunId, restoreSnapshot, runNow } from '../harness/pages.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MEGABYTE = 1_000_000;
/** A dump so big that it shows in what the agent reads, should it pass through it: a run itself costs half a megabyte. */
const DUMP_MB = 30;
const READ_LIMIT_MB = 5;

let stack: Stack;
let mariadb: MariadbHandle;

test.beforeAll(async () => {
  const filled = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.fillDatabase('shop', DUMP_MB);
  });
  [stack] = await Promise.all([startStack(), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await mariadb?.stop();
});

test('a MariaDB database comes back under another name with trigger, procedure, event and four-byte text', async ({ page }) => {
  const { agent, host } = await stack.enrolHost('db-2');
  const repository = await addRepository(stack.api, host, 'disk', describeLocal(join(stack.directory, 'repository'), 'ferns'));
  const source = await addSource(stack.api, host, 'shop', describeMariadb(mariadb, 'shop'));
  const plan = await addPlan(stack.api, { name: 'nightly', repository, sources: [source] });
  await signIn(page, stack.server.url, stack.admin, `/plans/${plan.id}`);

  await test.step('backed up by a click', async () => {
    const before = readReadBytes(agent.pid());
    const run = await runNow(page);
    const detail = await stack.api.waitForRun(run, 'succeeded');
    expect(detail.bytes).toBeGreaterThan(DUMP_MB * 0.8 * MEGABYTE);
    // Its threads alone: what it waited for is not counted.
    expect(readReadBytes(agent.pid()) - before, 'no byte of the dump in the agent itself').toBeLessThan(READ_LIMIT_MB * MEGABYTE);
    expect(detail.snapshots.map((snapshot) => snapshot.state)).toEqual(['good']);
    expect(detail.evidence.every((entry) => entry.ok)).toBe(true);
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
  });

  await test.step('restored by clicks, equal in every definition and every row', async () => {
    await page.goto(`${stack.server.url}/snapshots`);
    await page.getByRole('row', { name: /shop/ }).first().getByRole('link', { name: /shop/ }).click();
    await takePicture(page, 'snapshot');
    const run = await restoreSnapshot(page, { place: /shop/, target: 'shop restored ✓' });
    await stack.api.waitForRun(run, 'succeeded');
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
    const original = await mariadb.hashDatabase('shop');
    expect(original).toMatchObject({
      triggers: expect.stringContaining('count_changes'),
      events: expect.stringContaining('nightly'),
    });
    expect(await mariadb.hashDatabase('shop restored ✓')).toEqual(original);
    await agent.assertQuiet();
  });

  await test.step('a target that holds something is refused and left as it is', async () => {
    await mariadb.createDatabase('taken');
    await mariadb.query('CREATE TABLE precious (id int); INSERT INTO precious VALUES (42)', 'taken');
    await page.goto(`${stack.server.url}/snapshots`);
    await page.getByRole('row', { name: /shop/ }).first().getByRole('link', { name: /shop/ }).click();
    const run = await restoreSnapshot(page, { place: /shop/, target: 'taken' });
    const detail = await stack.api.waitForRun(run, 'failed');
    expect(detail.failure?.reason).toBe('target_not_empty');
    await expect(page.getByText('Choose a new name or directory, or empty the target first.').first()).toBeVisible();
    expect(await mariadb.query('SELECT * FROM precious', 'taken')).toBe('42');
  });

  await test.step('an older backup is found on the line of time and takes the place of a damaged database', async () => {
    const original = await mariadb.hashDatabase('shop');
    await mariadb.query('CREATE TABLE damage (id int); CREATE VIEW wrong AS SELECT id FROM damage', 'shop');
    const damaged = await mariadb.hashDatabase('shop');
    await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    await page.goto(`${stack.server.url}/sources/${source.id}/restore`);
    await expect(page.getByText('This is the newest good one, made')).toBeVisible();
    await page.locator('svg.moments a').first().click();
    await expect(page.getByText('This is not the newest good one')).toBeVisible();
    await page.locator('input[name=target]').fill('shop');
    await page.getByRole('radio', { name: /^Drop and recreate/ }).check();
    await expect(page.getByText(/shop exists\. Everything in it is overwritten/)).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'restore-older');
    await page.getByLabel('Name of the database').fill('shop');
    await page.locator('input[name=understood]').check();
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const detail = await stack.api.waitForRun(await readRunId(page), 'succeeded');
    expect(await mariadb.hashDatabase('shop')).toEqual(original);
    const safety = detail.evidence.find(({ check }) => check === 'safety_backup');
    const run = /run_[A-Za-z0-9_-]+/.exec(safety?.seen ?? '')?.[0] as RunId;
    const { snapshots } = await stack.api.waitForRun(run, 'succeeded');
    const undone = await stack.api.post<ApiRun>('/restores', {
      snapshot: snapshots[0]?.id,
      host: host.id,
      target: { kind: 'database', source: source.id, database: 'shop', mode: 'clean' },
      understood: true,
      databaseName: 'shop',
    });
    await stack.api.waitForRun(undone.id, 'succeeded');
    expect(await mariadb.hashDatabase('shop')).toEqual(damaged);
    await agent.assertQuiet();
  });
});
