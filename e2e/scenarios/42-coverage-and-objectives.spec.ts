import type { ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addSource, describePostgres, runPlan } from '../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const HOSTILE = 'crm"; <b>';

type ApiFinding = { readonly id: string; readonly name: string; readonly kind: string; readonly isNew: boolean };

let stack: Stack;
let world: LocalWorld;
let postgres: PostgresHandle;
let shop: ApiSource;
let nightly: Awaited<ReturnType<typeof addPlan>>;

test.beforeAll(async () => {
  [stack, postgres] = await Promise.all([startStack(), startPostgres()]);
  for (const name of ['shop', 'scratch', 'billing', HOSTILE]) await postgres.createDatabase(name);
  world = await prepareLocalWorld(stack, 'db-1');
  const { api } = stack;
  shop = await addSource(api, world.host, 'shop', describePostgres(postgres, 'shop'));
  nightly = await addPlan(api, { name: 'nightly', repository: world.repository, sources: [shop] });
  await awaitSpec(stack, world.host);
  await api.waitForRun(await runPlan(api, nightly), 'succeeded');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

const listFound = async () =>
  (await stack.api.get<readonly ApiFinding[]>('/coverage?ignored=false')).filter(({ kind }) => kind === 'postgres');

test('what a host finds that no source covers is listed, protected with one click or left alone; objectives say what is late and why', async ({
  page,
}) => {
  test.setTimeout(180_000);
  const { server } = stack;
  await test.step('the host is asked, and tells of the databases beside the one that is backed up', async () => {
    await signIn(page, server.url, stack.admin, '/coverage');
    await expect(page.getByText('Nothing is known yet.')).toBeVisible();
    await page.getByRole('button', { name: 'Look now' }).click();
    await waitFor('the databases to be found', async () => ((await listFound()).length === 3 ? true : undefined), {
      deadlineMs: 60_000,
    });
    await expect(page.getByRole('row').filter({ hasText: HOSTILE })).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'coverage');
    expect((await listFound()).map(({ name }) => name).sort()).toEqual([HOSTILE, 'billing', 'scratch'].sort());
  });

  await test.step('one is left alone for a reason, which stays', async () => {
    const row = page.getByRole('row').filter({ hasText: 'scratch' });
    await row.getByRole('button', { name: 'Leave alone…' }).click();
    const dialog = page.getByRole('dialog').filter({ hasText: 'scratch' });
    await dialog.getByLabel('Why').fill('made anew each night');
    await dialog.getByRole('button', { name: 'Leave it alone' }).click();
    await expect(page.getByText('scratch is left alone.')).toBeVisible();
    await page.goto(`${server.url}/coverage?show=ignored`);
    await expect(page.getByText('made anew each night')).toBeVisible();
  });

  await test.step('one is in the plan of the database beside it with one click, and the next backup has it', async () => {
    await page.goto(`${server.url}/coverage`);
    await page.getByRole('row').filter({ hasText: 'billing' }).getByRole('button', { name: 'Add to nightly' }).click();
    await expect(page.getByText('billing is a source now, in the plan nightly: its next backup has it.')).toBeVisible();
    await awaitSpec(stack, world.host);
    await stack.api.waitForRun(await runPlan(stack.api, nightly), 'succeeded');
    await page.goto(`${server.url}/sources`);
    await expect(page.getByRole('row').filter({ hasText: 'billing' })).toContainText('protected');
  });

  await test.step('the other becomes a source, and the form of its plan is filled in', async () => {
    await page.goto(`${server.url}/coverage`);
    await page.getByRole('row').filter({ hasText: HOSTILE }).getByRole('button', { name: 'Protect…' }).click();
    await expect(page).toHaveURL(/\/plans\/new\?sources=src_/u);
    await expect(page.getByRole('checkbox', { name: HOSTILE })).toBeChecked();
    expect(await listFound()).toEqual([]);
  });

  await test.step('an objective puts into words why a source is not protected, and the board has it in its column', async () => {
    await page.goto(`${server.url}/objectives`);
    await expectAccessible(page);
    await page.getByLabel('The newest clean backup may be').first().fill('48');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(/2 of 2.sources with a backup objective meet it\./u);
    await page.goto(`${server.url}/sources/${shop.id}`);
    await expect(page.getByText(/2.days, of the whole fleet/u)).toBeVisible();
    await page.goto(`${server.url}/board`);
    await expect(page.getByText('db-1 / shop')).toBeVisible();
    await expect(page.getByText(/it is in no plan/u)).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'board');
  });

  await test.step('rules of alerts and the report of the month are there', async () => {
    await page.goto(`${server.url}/settings/alert-rules`);
    await expectAccessible(page);
    await page.goto(`${server.url}/reports`);
    await expect(page.getByRole('heading', { name: 'What ran' })).toBeVisible();
    await expect(page.getByText(/in UTC, so far/u)).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'report');
  });
});
