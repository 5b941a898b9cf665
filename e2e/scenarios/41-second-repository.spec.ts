import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiRepository, ApiRun, ApiSnapshot } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeFiles, describeLocal, runPlan } from '../harness/catalog.ts';
import { readRunId } from '../harness/pages.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let host: EnrolledHost;
let second: ApiRepository;
let plan: ApiPlan;
let copy: ApiSnapshot;
let letters: string;

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  stack = await startStack();
  host = await stack.enrolHost('files-1');
  const { api } = stack;
  letters = join(stack.directory, 'letters');
  await mkdir(letters);
  await writeFile(join(letters, 'first.txt'), 'Dear reader');
  const first = await addRepository(api, host.host, 'disk', describeLocal(join(stack.directory, 'disk'), 'ferns'));
  second = await addRepository(api, host.host, 'vault', describeLocal(join(stack.directory, 'vault'), 'moss'));
  const source = await addSource(api, host.host, 'letters', describeFiles([letters]));
  plan = await addPlan(api, { name: 'nightly', repository: first, sources: [source] });
});
test.afterAll(async ({ browserName: _ }, info) => finishStack(stack, info));

const listSnapshots = (of: ApiRepository) => stack.api.get<readonly ApiSnapshot[]>(`/snapshots?repository=${of.id}`);

test('a plan copies each clean backup to a second repository, from which it restores when the first is gone', async ({
  page,
}) => {
  const { api, server } = stack;
  await signIn(page, server.url, stack.admin, `/plans/${plan.id}/edit`);
  await test.step('the second repository is one more answer in the form of the plan', async () => {
    await page.getByText('A second copy').click();
    await page.getByLabel('and copy each clean backup to').selectOption({ label: 'vault · Local directory' });
    await page.getByRole('button', { name: 'Save the plan' }).click();
    await expect(page.getByText('Second repository')).toBeVisible();
  });

  await test.step('the host copies by itself after the backup, in a run of its own', async () => {
    const backup = await api.waitForRun(await runPlan(api, plan), 'succeeded');
    const found = async () => {
      const runs = await api.get<readonly (ApiRun & { follows?: string })[]>(`/runs?kind=copy&plan=${plan.id}`);
      return runs.find(({ follows }) => follows === backup.id);
    };
    const { id } = await waitFor('the copy', found, { deadlineMs: 30_000 });
    await api.waitForRun(id, 'succeeded');
    const [made] = await listSnapshots(second);
    if (made === undefined) throw new Error('There is no copy.');
    copy = made;
    await page.goto(`${server.url}/snapshots/${copy.id}`);
    await expect(page.getByRole('heading', { name: 'Lies in' })).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'second-repository');
  });

  await test.step('with the first repository gone, the copy gives everything back', async () => {
    await rename(join(stack.directory, 'disk'), join(stack.directory, 'disk-away'));
    const path = join(stack.directory, 'restored');
    const target = { kind: 'directory', path };
    const run = await api.post<ApiRun>('/restores', { snapshot: copy.id, host: host.host.id, target });
    await api.waitForRun(run.id, 'succeeded');
    expect(await readFile(join(path, letters, 'first.txt'), 'utf8')).toBe('Dear reader');
    await rename(join(stack.directory, 'disk-away'), join(stack.directory, 'disk'));
  });
});

test('a snapshot is read whole on demand, and chosen ones are deleted after their number was typed', async ({ page }) => {
  const { api, server } = stack;
  await signIn(page, server.url, stack.admin, `/snapshots/${copy.id}`);
  await page.getByRole('button', { name: 'Read whole' }).click();
  await api.waitForRun(await readRunId(page), 'succeeded');
  await page.goto(`${server.url}/snapshots/${copy.id}`);
  await expect(page.getByText('read back whole')).toBeVisible();

  await page.goto(`${server.url}/snapshots?repository=${second.id}`);
  await page.getByRole('checkbox').first().check();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('for good');
  await expectAccessible(page);
  await page.getByLabel('Type delete 1 to confirm').fill('delete 1');
  await page.getByRole('button', { name: /^Delete 1/u }).click();
  await api.waitForRun(await readRunId(page), 'succeeded');
  await page.goto(`${server.url}/snapshots/${copy.id}`);
  await expect(page.getByText(/deleted by/u)).toBeVisible();
  expect(await listSnapshots(second)).toEqual([]);
});
