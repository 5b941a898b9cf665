import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  describeFiles,
  describeMariadb,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { fillFields, findField, readRunId } from '../harness/pages.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { makeFileTree } from '../harness/services/files.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let postgres: PostgresHandle;
let mariadb: MariadbHandle;
let rest: RestServerHandle;
let host: EnrolledHost;
let laboratory: EnrolledHost;
let plan: ApiPlan;
let sources: { orders: ApiSource; shop: ApiSource; tree: ApiSource };

test.beforeAll(async () => {
  const filledPostgres = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.createDatabase('orders');
    await postgres.query(
      'CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders SELECT i, md5(i::text) FROM generate_series(1, 500) i',
      'orders',
    );
  });
  const filledMariadb = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.createDatabase('shop');
    await mariadb.query(
      'CREATE TABLE people (id int PRIMARY KEY, name text); INSERT INTO people SELECT seq, seq FROM seq_1_to_300',
      'shop',
    );
  });
  [stack, rest] = await Promise.all([startStack(), startRestServer({ withPassword: false }), filledPostgres, filledMariadb]);
  [host, laboratory] = await Promise.all([stack.enrolHost('db-1'), stack.enrolHost('lab-1')]);
  const tree = join(stack.directory, 'tree');
  await makeFileTree(tree, { seed: 'scenario 40', files: 20, megabytes: 1 });
  await writeFile(join(tree, 'canary'), 'sings');
  const { api } = stack;
  const secrets = { password: 'ferns' };
  const repository = await addRepository(api, host.host, 'store', {
    kind: 'rest',
    config: { url: `${rest.url}ferns/` },
    secrets,
  });
  sources = {
    orders: await addSource(api, host.host, 'orders', describePostgres(postgres, 'orders')),
    shop: await addSource(api, host.host, 'shop', describeMariadb(mariadb, 'shop')),
    tree: await addSource(api, host.host, 'tree', describeFiles([tree], { canaries: [join(tree, 'canary')] })),
  };
  plan = await addPlan(api, { name: 'nightly', repository, sources: [sources.orders, sources.shop, sources.tree] });
  await awaitSpec(stack, host.host);
  await api.waitForRun(await runPlan(api, plan), 'succeeded');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), mariadb?.stop(), rest?.stop()]);
});

test('drills by clicks prove a PostgreSQL, a MariaDB and a files source; a question that does not hold is red, and nothing live is touched', async ({
  page,
}) => {
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/drills');
  const rowOf = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) }).first();
  const heading = page.getByRole('heading', { level: 1 });
  const before = [await postgres.hashDatabase('orders'), await mariadb.hashDatabase('shop')];

  await test.step('before any drill nothing is proven', async () => {
    await expect(heading).toHaveText('The recovery of 0 of 3 sources is proven.');
    await expect(rowOf('orders')).toContainText('never proven');
    await expectAccessible(page);
  });

  await test.step('what is asked is typed on a page of its own', async () => {
    await page.goto(`${url}/sources/${sources.orders.id}`);
    await page.getByRole('link', { name: 'Settings…' }).click();
    await expectAccessible(page);
    await fillFields(page, {
      'A drill every': '7',
      'A proof counts for': '30',
      'A drill after': '50',
      'Question 1': 'select count(*) from orders',
      'Value 1': '500',
    });
    await findField(page, 'Answer 1 must be').selectOption('=');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('every 7 days and after 50 clean backups')).toBeVisible();
  });

  await test.step('a plan says when drills of those sources are due that have no rhythm of their own', async () => {
    await page.goto(`${url}/plans/${plan.id}/edit`);
    await page.getByText('Restore drills').click();
    await findField(page, 'A drill of each source').selectOption({ label: 'On the first of each month at 04:00' });
    await fillFields(page, { 'Time zone of drills': 'Europe/Berlin' });
    await expect(page.getByText('A drill of each source on day 1 of every month at 04:00, Europe/Berlin.')).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'plan-drills');
    await page.getByRole('button', { name: 'Save the plan' }).click();
    await expect(page.getByText('1 of 3 sources goes by something else')).toBeVisible();
    await expectAccessible(page);
    await page.goto(`${url}/sources/${sources.shop.id}`);
    await expect(page.getByText('as the plan nightly says, next in')).toBeVisible();
    await page.goto(`${url}/sources/${sources.orders.id}`);
    await expect(page.getByText('every 7 days and after 50 clean backups')).toBeVisible();
  });

  await test.step('each kind of source is tried out by one click', async () => {
    for (const [name, seen] of [
      ['orders', /1 table with 500 rows[\s\S]*recorded at the time of the backup, the rows of 1 table as counted then/],
      ['shop', /1 table with 300 rows[\s\S]*recorded at the time of the backup/],
      ['tree', /1 canary file came back as noted[\s\S]*equal byte for byte/],
    ] as const) {
      await page.goto(`${url}/drills`);
      await rowOf(name).getByRole('button', { name: 'Drill now' }).click();
      const run = await readRunId(page);
      const detail = await stack.api.waitForRun(run, 'succeeded');
      expect(detail.evidence.every((entry) => entry.ok)).toBe(true);
      expect(detail.evidence.map((entry) => entry.seen).join('\n')).toMatch(seen);
      await expect(heading).toContainText('Recovery proven in', { timeout: 15_000 });
    }
    await page.goto(`${url}/drills`);
    await expect(heading).toHaveText('The recovery of all 3 sources is proven.');
    await expect(rowOf('orders')).toContainText(/Recovery proven .*, in /);
    await takePicture(page, 'drills');
    await page.goto(`${url}/sources/${sources.orders.id}`);
    await expect(page.getByText(/^Recovery proven .*, in /)).toBeVisible();
  });

  await test.step('the page of a backup shows what was noted as it was made', async () => {
    const [snapshot] = await stack.api.get<readonly ApiSnapshot[]>(`/snapshots?source=${sources.orders.id}`);
    await page.goto(`${url}/snapshots/${snapshot?.id}`);
    const noted = page.locator('section', { has: page.getByRole('heading', { name: 'Noted as it was made' }) });
    await expect(noted).toContainText('public.orders');
    await expect(noted).toContainText('500 rows');
    await expectAccessible(page);
    await takePicture(page, 'snapshot-notes');
  });

  await test.step('on a named server a drill has a database of its own, and drops it', async () => {
    await page.goto(`${url}/sources/${sources.shop.id}/drills`);
    await expectAccessible(page);
    await takePicture(page, 'drill-settings');
    await page.getByRole('button', { name: 'Drill there now' }).click();
    const detail = await stack.api.waitForRun(await readRunId(page), 'succeeded');
    expect(detail.evidence.map((entry) => entry.seen).join('\n')).toMatch(/1 table with 300 rows/);
    expect(await mariadb.query("SELECT count(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'holdfast%'")).toBe('0');
  });

  await test.step('another host, chosen for it, proves a backup with nothing but the order', async () => {
    await page.goto(`${url}/sources/${sources.shop.id}/drills`);
    await findField(page, 'Drills take place on').selectOption({ label: 'lab-1' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Drill now' }).click();
    const detail = await stack.api.waitForRun(await readRunId(page), 'succeeded');
    expect(detail.host).toBe(laboratory.host.id);
    const proof = await stack.api.get<{ proven: { host: string } }>(`/sources/${sources.shop.id}/proof`);
    expect(proof.proven.host).toBe(laboratory.host.id);
    // What was proven there stays on the source's own host, which is told so.
    await awaitSpec(stack, host.host);
  });

  await test.step('a question that does not hold fails the drill and takes the proof back', async () => {
    await page.goto(`${url}/sources/${sources.orders.id}/drills`);
    await findField(page, 'Value 1').fill('501');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Drill now' }).click();
    const run = await readRunId(page);
    const detail = await stack.api.waitForRun(run, 'failed');
    expect(detail.failure?.reason).toBe('drill_failed');
    await expect(page.locator('main')).toContainText('select count(*) from orders: 500, must be exactly 501', {
      timeout: 15_000,
    });
    await page.goto(`${url}/drills`);
    await expect(heading).toHaveText('The recovery of 2 of 3 sources is proven.');
    await expect(rowOf('orders')).toContainText('drill failed');
    await expectAccessible(page);
  });

  expect([await postgres.hashDatabase('orders'), await mariadb.hashDatabase('shop')]).toEqual(before);
  await host.agent.assertQuiet();
  await laboratory.agent.assertQuiet();
});
