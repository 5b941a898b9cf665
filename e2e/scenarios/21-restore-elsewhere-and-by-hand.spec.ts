import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getAdvice } from '@holdfast/shared/domain/reason.ts';
import type { ApiPlan, ApiRepository, ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeFiles, describePostgres, runPlan } from '../harness/catalog.ts';
import { readRunId, restoreSnapshot } from '../harness/pages.ts';
import { describeRest } from '../harness/part2/remote-repositories.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { hashTree, makeFileTree, type TreeEntry } from '../harness/services/files.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters under ferns';
/** The file that is picked in the tree. */
const PICKED = 'a letter – 手紙.txt';

let stack: Stack;
let postgres: PostgresHandle;
let rest: RestServerHandle;
let maker: EnrolledHost;
let other: EnrolledHost;
let tree: string;
let sources: { files: ApiSource; shop: ApiSource; elsewhere: ApiSource };
let plan: ApiPlan;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 4);
  });
  const served = startRestServer({ withTls: true }).then((started) => {
    rest = started;
  });
  [stack] = await Promise.all([startStack(), filled, served]);
  [maker, other] = await Promise.all([stack.enrolHost('db-1'), stack.enrolHost('db-2')]);
  tree = join(stack.directory, 'tree');
  await makeFileTree(tree, { seed: 'scenario 21', files: 20, megabytes: 4 });
  await writeFile(join(tree, PICKED), 'the one that is wanted\n'.repeat(4000));
  const { api } = stack;
  const repository: ApiRepository = await addRepository(api, maker.host, 'rest-eu', await describeRest(rest, 'shop', PASSWORD));
  sources = {
    files: await addSource(api, maker.host, 'tree', describeFiles([tree])),
    shop: await addSource(api, maker.host, 'shop', describePostgres(postgres, 'shop')),
    elsewhere: await addSource(api, other.host, 'standby', describePostgres(postgres, 'postgres')),
  };
  plan = await addPlan(api, { name: 'nightly', repository, sources: [sources.files, sources.shop] });
  await awaitSpec(stack, maker.host);
  await api.waitForRun(await runPlan(api, plan), 'succeeded');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), rest?.stop()]);
});

async function findSnapshot(source: ApiSource): Promise<ApiSnapshot> {
  const rows = await stack.api.get<readonly ApiSnapshot[]>(`/snapshots?source=${source.id}&role=data`);
  const [newest] = rows;
  if (newest === undefined) throw new Error(`No snapshot of ${source.name}.`);
  return newest;
}

/** What a new directory beside what is there is given of each: no file runs as its owner. Directories keep their setgid bit. */
const dropSetBits = ({ kind, mode }: TreeEntry): string =>
  kind === 'file' ? (Number.parseInt(mode, 8) & 0o1777).toString(8) : mode;

/** The tree itself below the directory that was restored to, where stored paths stand whole. */
const below = (directory: string) => join(directory, tree);

test('files and databases come back on the host itself, on another one, and by hand; what holds something is left alone', async ({
  page,
}) => {
  const original = await hashTree(tree);
  const filesSnapshot = await findSnapshot(sources.files);
  const shopSnapshot = await findSnapshot(sources.shop);
  const { url } = stack.server;
  await signIn(page, url, stack.admin, `/snapshots/${filesSnapshot.id}`);

  await test.step('a tree, by clicks, on its own host: equal in bytes, modes, links and times', async () => {
    await expectAccessible(page);
    const target = join(stack.directory, 'restored here');
    const run = await restoreSnapshot(page, { place: /^db-1/, target, keepPrivileges: true });
    const detail = await stack.api.waitForRun(run, 'succeeded');
    expect(detail.evidence.every((entry) => entry.ok)).toBe(true);
    expect(await hashTree(below(target))).toEqual(original);
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
  });

  await test.step('on another approved host, which never saw that source, and gets no program with the rights of another', async () => {
    const target = join(stack.directory, 'restored there');
    await page.goto(`${url}/snapshots/${filesSnapshot.id}/restore`);
    await expectAccessible(page);
    await takePicture(page, 'restore');
    await page.goto(`${url}/snapshots/${filesSnapshot.id}`);
    const run = await restoreSnapshot(page, { place: /^db-2/, target });
    const detail = await stack.api.waitForRun(run, 'succeeded');
    expect(detail.host).toBe(other.host.id);
    const bare = Object.entries(original).map(([path, entry]) => [path, { ...entry, mode: dropSetBits(entry) }]);
    expect(await hashTree(below(target))).toEqual(Object.fromEntries(bare));
    expect(detail.parts[0]?.warnings).toEqual([expect.stringMatching(/2 files came without setuid and setgid bits/)]);
  });

  await test.step('a database, by clicks, to another name through another host', async () => {
    await page.goto(`${url}/snapshots/${shopSnapshot.id}`);
    const run = await restoreSnapshot(page, { place: /^db-2.*standby/, target: 'shop on db-2' });
    const detail = await stack.api.waitForRun(run, 'succeeded');
    expect(detail.host).toBe(other.host.id);
    expect(await postgres.hashDatabase('shop on db-2')).toEqual(await postgres.hashDatabase('shop'));
  });

  await test.step('a directory that holds something is refused and left as it is', async () => {
    const target = join(stack.directory, 'taken');
    await mkdir(target);
    await writeFile(join(target, 'precious'), 'do not touch');
    await page.goto(`${url}/snapshots/${filesSnapshot.id}`);
    const run = await restoreSnapshot(page, { place: /^db-1/, target });
    const detail = await stack.api.waitForRun(run, 'failed');
    expect(detail.failure?.reason).toBe('target_not_empty');
    await expect(page.locator('main')).toContainText(getAdvice('target_not_empty'));
    expect(await readdir(target)).toEqual(['precious']);
    expect(await readFile(join(target, 'precious'), 'utf8')).toBe('do not touch');
  });

  await test.step('so is a database that holds something', async () => {
    await postgres.createDatabase('taken');
    await postgres.query('CREATE TABLE precious (id int); INSERT INTO precious VALUES (42)', 'taken');
    const run = await stack.api.post<ApiRun>('/restores', {
      snapshot: shopSnapshot.id,
      host: maker.host.id,
      target: { kind: 'database', source: sources.shop.id, database: 'taken' },
    });
    expect((await stack.api.waitForRun(run.id, 'failed')).failure?.reason).toBe('target_not_empty');
    expect(await postgres.query('SELECT * FROM precious', 'taken')).toBe('42');
  });

  await test.step('places that make no sense are refused before a run begins', async () => {
    const before = (await stack.api.get<readonly ApiRun[]>('/runs?kind=restore')).length;
    const tries: readonly object[] = [
      { kind: 'directory', path: 'relative/path' },
      { kind: 'directory', path: '/with\nbreak' },
      { kind: 'directory', path: '/' },
      { kind: 'database', source: sources.shop.id, database: 'x' },
    ];
    for (const target of tries) {
      const body = { snapshot: filesSnapshot.id, host: maker.host.id, target };
      const answer = await stack.api.send('POST', '/restores', body);
      expect(answer.status, `${JSON.stringify(target)}: ${answer.text}`).toBe(400);
    }
    expect(await stack.api.get<readonly ApiRun[]>('/runs?kind=restore')).toHaveLength(before);
  });

  await maker.agent.assertQuiet();
  await other.agent.assertQuiet();
});

test('one file is picked in the lazy tree and comes back byte for byte; in place only under the typed name of the host', async ({
  page,
  watch,
}) => {
  // Under a wrong name nothing starts.
  watch.expectStatus(422);
  const snapshot = await findSnapshot(sources.files);
  const { url } = stack.server;
  const original = await hashTree(tree);
  await signIn(page, url, stack.admin, `/snapshots/${snapshot.id}`);
  const tick = (label: string) => page.getByLabel(`Choose ${label}`, { exact: true });

  await test.step('the tree opens branch by branch, without leaving the page', async () => {
    await page.getByRole('link', { name: 'Browse files' }).click();
    await expect(tick(PICKED)).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'snapshot-files');
    await page.goto(`${url}/snapshots/${snapshot.id}/files?path=/`);
    const address = page.url();
    const steps = tree.split('/').slice(1);
    for (const step of steps) await page.locator('.tree').getByRole('link', { name: step, exact: true }).click();
    await expect(tick(PICKED)).toBeVisible();
    expect(page.url()).toBe(address);
  });

  await test.step('one file into a new directory', async () => {
    await tick(PICKED).check();
    await page.getByRole('button', { name: 'Restore what is ticked…' }).click();
    await expect(page.getByRole('button', { name: 'Start the restore' })).toHaveCount(0);
    const target = join(stack.directory, 'one file');
    await page.locator('input[name=target]').fill(target);
    await page.getByRole('button', { name: 'Preview it' }).click();
    await expect(page.locator('main')).toContainText('1 file');
    await expectAccessible(page);
    await takePicture(page, 'restore-files');
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const run = await readRunId(page);
    await stack.api.waitForRun(run, 'succeeded');
    expect(await readFile(join(below(target), PICKED))).toEqual(await readFile(join(tree, PICKED)));
    expect(await readdir(below(target))).toEqual([PICKED]);
  });

  await test.step('in place: counted beforehand, refused under a wrong name, replaced under the right one', async () => {
    await writeFile(join(tree, PICKED), 'overwritten by mistake');
    await page.goto(`${url}/snapshots/${snapshot.id}/files`);
    await tick(PICKED).check();
    await page.getByRole('button', { name: 'Restore what is ticked…' }).click();
    await page.getByRole('radio', { name: /^In place/ }).check();
    await page.getByRole('button', { name: 'Preview it' }).click();
    await expect(page.locator('main')).toContainText(/1 of 1 will be replaced on db-1/);
    await expect(page.getByLabel('Back up what stands there first')).toBeChecked();
    await expectAccessible(page);
    await takePicture(page, 'restore-in-place');
    const typed = page.getByLabel('Type db-1 to replace files on it');
    await typed.fill('db-2');
    await page.getByRole('button', { name: /^Replace 1\sfile on db-1$/ }).click();
    await expect(page.locator('main')).toContainText('type the name of the host');
    expect(await readFile(join(tree, PICKED), 'utf8')).toBe('overwritten by mistake');
    await typed.fill('db-1');
    await page.getByRole('button', { name: /^Replace 1\sfile on db-1$/ }).click();
    const run = await readRunId(page);
    await stack.api.waitForRun(run, 'succeeded');
    expect(await hashTree(tree)).toEqual(original);
    await page.reload();
    const link = page
      .locator('dt', { hasText: 'safety backup' })
      .locator('xpath=following-sibling::dd')
      .getByRole('link')
      .first();
    const [safety] = /run_\w+/.exec((await link.getAttribute('href')) ?? '') ?? [];
    const { snapshots } = await stack.api.waitForRun(safety as ApiRun['id'], 'succeeded');
    expect(snapshots.map(({ source }) => source)).toEqual([sources.files.id]);
  });

  await test.step('what changed between two snapshots is told, and a host that is away is said to be', async () => {
    await writeFile(join(tree, 'written later'), 'new');
    await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    const newer = await findSnapshot(sources.files);
    await page.goto(`${url}/snapshots/${newer.id}/diff`);
    await expect(page.locator('main')).toContainText(/1 added, 0 removed, 0 changed since/);
    await expect(page.locator('#changes')).toContainText('written later');
    await expectAccessible(page);
    await takePicture(page, 'snapshot-diff');
    await page.goto(`${url}/snapshots/${newer.id}/files?q=written`);
    await expect(page.locator('.tree')).toContainText('written later');
  });
  await maker.agent.assertQuiet();
});

test('with the server away holdfast-agent lists and restores by hand, files and databases', async () => {
  const original = await hashTree(tree);
  const isHeard = async () => {
    const { stdout } = await maker.agent.runCommand(['status', '--json']);
    const { agent } = JSON.parse(stdout) as { agent: { running: boolean; connectedAt: number | null } };
    expect(agent.running).toBe(true);
    return agent.connectedAt !== null;
  };
  await expect.poll(isHeard, { timeout: 30_000 }).toBe(true);
  await stack.server.kill('SIGKILL');
  await expect.poll(isHeard, { timeout: 30_000 }).toBe(false);
  const run = async (...args: readonly string[]) => await maker.agent.runCommand(['restore', ...args]);

  const listed = await run('--list', '--json');
  expect(listed.code, listed.stderr).toBe(0);
  const rows = JSON.parse(listed.stdout) as readonly { source: string; snapshot: string; vouched: string }[];
  expect(new Set(rows.map((row) => row.source))).toEqual(new Set(['shop', 'tree']));
  expect(rows.every((row) => row.vouched === 'yes')).toBe(true);

  const target = join(stack.directory, 'by hand');
  const files = await run('--source', 'tree', '--to', target);
  expect(files.code, files.stderr).toBe(0);
  expect(await hashTree(below(target))).toEqual(original);

  const again = await run('--source', 'tree', '--to', target);
  expect(again.code).not.toBe(0);
  expect(again.stderr).toContain(getAdvice('target_not_empty'));

  const database = await run('--source', 'shop', '--to-database', 'shop by hand');
  expect(database.code, database.stderr).toBe(0);
  expect(await postgres.hashDatabase('shop by hand')).toEqual(await postgres.hashDatabase('shop'));

  for (const args of [['--source', 'nothing', '--to', '/nowhere'], ['--source', 'shop'], []]) {
    const refused = await run(...args);
    expect(refused.code, args.join(' ')).not.toBe(0);
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  }
  expect(existsSync('/nowhere')).toBe(false);

  const letter = join(tree, PICKED);
  await writeFile(letter, 'spoiled');
  const back = await run('--source', 'tree', '--in-place', '--path', letter, '--confirm', 'db-1');
  expect(back.code, back.stderr).toBe(0);
  expect(await hashTree(tree)).toEqual(original);
  for (const outcome of [listed, files, again, database, back]) expect(outcome.stdout + outcome.stderr).not.toContain(PASSWORD);
  expect(maker.agent.isRunning()).toBe(true);

  // The server hears of what stood there, and keeps it as any safety backup.
  await stack.server.restart();
  const listMadeByHand = () => stack.api.get<readonly ApiRun[]>('/runs?trigger=local');
  await expect.poll(async () => (await listMadeByHand()).map(({ state }) => state), { timeout: 90_000 }).toEqual(['succeeded']);
  const [safety] = await listMadeByHand();
  expect((await stack.api.waitForRun(safety?.id as ApiRun['id'], 'succeeded')).snapshots).toMatchObject([{ state: 'good' }]);
  await maker.agent.assertQuiet();
});
