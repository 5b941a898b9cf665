import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, describePostgres, runPlan } from '../harness/catalog.ts';
import { readRunId, restoreSnapshot } from '../harness/pages.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld, REPOSITORY_PASSWORD } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { runTool } from '../harness/services/tool-run.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const LAPTOP = 'laptop-of-<b>ada</b>';
const LETTER = 'what no run ever saw\n'.repeat(500);

let stack: Stack;
let world: LocalWorld;
let postgres: PostgresHandle;
let files: ApiSource;
let shop: ApiSource;
let byHand: string;

/** Somebody backs up into the repository by hand, and knows nothing of runs. */
async function backUpByHand(): Promise<void> {
  byHand = join(stack.directory, 'by hand');
  await mkdir(byHand);
  await writeFile(join(byHand, 'letter.txt'), LETTER);
  const { resticPath, repositoryPath } = world;
  const env = {
    ...postgres.connectionEnv,
    HOME: stack.directory,
    RESTIC_REPOSITORY: repositoryPath,
    RESTIC_PASSWORD: REPOSITORY_PASSWORD,
  };
  const common = ['backup', '--quiet', '--no-cache', '--host', LAPTOP];
  await runTool(resticPath, [...common, '--tag', 'kept', byHand], { env });
  await runTool(resticPath, [...common, '--tag', 'litter', byHand], { env });
  const line =
    'set -e; "$1" -Fc shop > "$3/shop.dump"; "$2" backup --quiet --no-cache --stdin --stdin-filename shop.dump < "$3/shop.dump"';
  const args = ['-c', line, 'sh', join(postgres.programFolder, 'pg_dump'), resticPath, stack.directory];
  await runTool('/bin/sh', args, { env });
}

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 1);
  });
  [stack] = await Promise.all([startStack(), filled]);
  world = await prepareLocalWorld(stack, 'db-1');
  const { api } = stack;
  const letters = join(stack.directory, 'letters');
  await mkdir(letters);
  await writeFile(join(letters, 'a'), 'dear reader');
  files = await addSource(api, world.host, 'letters', describeFiles([letters]));
  shop = await addSource(api, world.host, 'shop', describePostgres(postgres, 'shop'));
  const plan = await addPlan(api, { name: 'nightly', repository: world.repository, sources: [files] });
  await awaitSpec(stack, world.host);
  await Promise.all([runPlan(api, plan).then((run) => api.waitForRun(run, 'succeeded')), backUpByHand()]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

const listContents = (state: string) =>
  stack.api.get<readonly { engineId: string; state: string; hostname: string; tags: readonly string[] }[]>(
    `/repositories/${world.repository.id}/contents?host=${world.host.id}&state=${state}`,
  );

test('snapshots that no run made are found in their repository, looked into, adopted, restored and deleted', async ({ page }) => {
  const { api, server } = stack;
  const contents = `${server.url}/repositories/${world.repository.id}/contents`;
  await signIn(page, server.url, stack.admin, `/repositories/${world.repository.id}`);

  await test.step('the repository tells what it really holds', async () => {
    await page.getByRole('link', { name: 'What it really holds' }).click();
    await page.getByRole('button', { name: 'Look into it' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('holds 4 snapshots: 1 known, 3 orphans.');
    await expect(page.locator('main')).toContainText(LAPTOP);
    await expectAccessible(page);
    await takePicture(page, 'repository-contents');
  });

  await test.step('an orphan is looked into, adopted and restored', async () => {
    await page.getByRole('row', { name: /kept/ }).getByRole('link').first().click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('No run made snapshot');
    await expectAccessible(page);
    await takePicture(page, 'orphan');
    await page.getByRole('link', { name: 'Browse files' }).click();
    for (const name of byHand.split('/').slice(1)) await page.locator('#stored-files').getByRole('link', { name }).click();
    await expect(page.locator('main')).toContainText('letter.txt');
    await page.getByRole('link', { name: 'Open snapshot' }).click();
    await page.getByLabel('As a snapshot of').selectOption({ label: 'db-1 / letters (Files and directories)' });
    await page.getByRole('button', { name: 'Adopt', exact: true }).click();
    await expect(page.locator('main')).toContainText('No run made this snapshot');
    await takePicture(page, 'adopted');
    const target = join(stack.directory, 'restored');
    const run = await restoreSnapshot(page, { place: /^db-1/, target });
    await api.waitForRun(run, 'succeeded');
    expect(await readFile(join(target, byHand, 'letter.txt'), 'utf8')).toBe(LETTER);
  });

  await test.step('a dump made by hand comes back as a database, and both are read whole', async () => {
    const [dump] = (await listContents('orphan')).filter(({ hostname }) => hostname !== LAPTOP);
    const path = `/repositories/${world.repository.id}/contents/${dump?.engineId}/adopt`;
    const adopted = await api.post<ApiSnapshot>(path, { host: world.host.id, source: shop.id });
    await page.goto(`${server.url}/snapshots/${adopted.id}`);
    const run = await restoreSnapshot(page, { place: /^db-1.*shop/, target: 'shop again' });
    await api.waitForRun(run, 'succeeded');
    expect(await postgres.hashDatabase('shop again')).toEqual(await postgres.hashDatabase('shop'));
    const { runs } = await api.post<{ runs: readonly ApiRun[] }>('/snapshots/verify', { snapshots: [adopted.id] });
    for (const { id } of runs) await api.waitForRun(id, 'succeeded');
    const { state, verification } = await api.get<ApiSnapshot & { verification?: { ok: boolean } }>(`/snapshots/${adopted.id}`);
    expect([state, verification?.ok]).toEqual(['quarantined', true]);
  });

  await test.step('the last one is deleted, once its words are typed; an adopted one as every other', async () => {
    await page.goto(`${contents}?host=${world.host.id}&state=orphan`);
    await page.getByRole('checkbox', { name: /^Choose [0-9a-f]{8}/ }).check();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByLabel('Type delete 1 to confirm').fill('delete 1');
    await takePicture(page, 'orphan-deletion');
    await page.getByRole('button', { name: 'Delete 1 snapshot' }).click();
    await api.waitForRun(await readRunId(page), 'succeeded');
    expect(await listContents('orphan')).toEqual([]);
    const known = await api.get<readonly ApiSnapshot[]>(`/snapshots?source=${shop.id}`);
    const body = { snapshots: known.map(({ id }) => id), confirm: 'delete 1' };
    const { runs } = await api.post<{ runs: readonly ApiRun[] }>('/snapshots/delete', body);
    for (const { id } of runs) await api.waitForRun(id, 'succeeded');
    expect(await world.restic.countSnapshots()).toBe(2);
    expect((await api.get<ApiSnapshot>(`/snapshots/${known[0]?.id}`)).state).toBe('removed');
  });
});
