import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  describeFiles,
  describeLocal,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { readRunId, restoreSnapshot } from '../harness/pages.ts';
import { describeRest } from '../harness/part2/remote-repositories.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters under ferns';

let stack: Stack;
let lost: EnrolledHost;
let other: EnrolledHost;
let production: PostgresHandle;
let spare: PostgresHandle;
let rest: RestServerHandle;
let letters: string;
let sources: { shop: ApiSource; letters: ApiSource; notes: ApiSource };

test.beforeAll(async () => {
  [stack, production, spare, rest] = await Promise.all([
    startStack(),
    startPostgres(),
    startPostgres(),
    startRestServer({ withTls: true }),
  ]);
  await production.fillDatabase('shop', 2);
  [lost, other] = await Promise.all([stack.enrolHost('db-1'), stack.enrolHost('db-2')]);
  const { api } = stack;
  letters = join(stack.directory, 'letters');
  await mkdir(letters);
  await writeFile(join(letters, 'first.txt'), 'Dear reader');
  const remote = await addRepository(api, lost.host, 'rest-eu', await describeRest(rest, 'shop', PASSWORD));
  const disk = await addRepository(api, lost.host, 'disk of db-1', describeLocal(join(stack.directory, 'disk'), PASSWORD));
  sources = {
    shop: await addSource(api, lost.host, 'shop', describePostgres(production, 'shop')),
    letters: await addSource(api, lost.host, 'letters', describeFiles([letters])),
    notes: await addSource(api, lost.host, 'notes', describeFiles([letters])),
  };
  await addSource(api, other.host, 'standby', describePostgres(spare, 'postgres'));
  const away = await addPlan(api, { name: 'away', repository: remote, sources: [sources.shop, sources.letters] });
  const here = await addPlan(api, { name: 'here', repository: disk, sources: [sources.notes] });
  await awaitSpec(stack, lost.host);
  const runs = [await runPlan(api, away), await runPlan(api, here)];
  for (const run of runs) await api.waitForRun(run, 'succeeded');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([production?.stop(), spare?.stop(), rest?.stop()]);
});

async function getNewest(source: ApiSource): Promise<ApiSnapshot> {
  const [newest] = await stack.api.get<readonly ApiSnapshot[]>(`/snapshots?source=${source.id}&role=data`);
  if (newest === undefined) throw new Error(`There is no snapshot of ${source.name}.`);
  return newest;
}

test('a host is lost: another one restores what lies elsewhere to its own server; what lay on the lost disk is said to be out of reach', async ({
  page,
}) => {
  const { api, server } = stack;
  const original = await production.hashDatabase('shop');
  const [shop, tree, notes] = [await getNewest(sources.shop), await getNewest(sources.letters), await getNewest(sources.notes)];
  await lost.agent.kill('SIGKILL');
  await production.stop();
  await rm(letters, { recursive: true });
  await api.waitForHost(lost.host.id, 'offline', 60_000);
  await signIn(page, server.url, stack.admin, `/snapshots/${shop.id}`);

  await test.step('the database, by clicks, through the other host into another server', async () => {
    await page.goto(`${server.url}/snapshots/${shop.id}/restore`);
    await page.locator('input[name=target]').fill('shop');
    await page.getByText('More options').click();
    await page.getByLabel('Roles').selectOption('needed');
    await expect(page.getByText(/roles? would be made/)).toBeVisible({ timeout: 30_000 });
    await page.locator('input[name=understood]').check();
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const run = await readRunId(page);
    expect((await api.waitForRun(run, 'succeeded')).host).toBe(other.host.id);
    expect(await spare.hashDatabase('shop')).toEqual(original);
  });

  await test.step('the files, onto the other host', async () => {
    await page.goto(`${server.url}/snapshots/${tree.id}`);
    const target = join(stack.directory, 'restored');
    await api.waitForRun(await restoreSnapshot(page, { place: /^db-2/, target }), 'succeeded');
    expect(await readFile(join(target, letters, 'first.txt'), 'utf8')).toBe('Dear reader');
  });

  await test.step('what lies on the disk of the lost host says so, and its restore elsewhere is refused', async () => {
    for (const path of [`/snapshots/${notes.id}`, `/snapshots/${notes.id}/restore`]) {
      await page.goto(`${server.url}${path}`);
      await expect(page.locator('main')).toContainText('Out of reach for now: it lies on the disk of db-1, which is offline.');
      await expectAccessible(page);
    }
    await expect(page.getByRole('button', { name: 'Start the restore' })).toHaveCount(0);
    const target = { kind: 'directory', path: join(stack.directory, 'never') };
    const before = (await api.get<readonly ApiRun[]>('/runs?kind=restore&limit=50')).length;
    const refused = await api.send('POST', '/restores', { snapshot: notes.id, host: other.host.id, target });
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('lies on the disk of the host that made it');
    expect((await api.get<readonly ApiRun[]>('/runs?kind=restore&limit=50')).length).toBe(before);
  });
  await other.agent.assertQuiet();
});
