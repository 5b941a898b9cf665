import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { AgentProcess } from '../harness/agent-process.ts';
import type { ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import {
  createRepositoryThere,
  fillFields,
  findField,
  makePlan,
  openRepositoryForm,
  openSourceForm,
  restoreSnapshot,
  runNow,
} from '../harness/pages.ts';
import { createCanarySearch } from '../harness/part2/canaries.ts';
import { type ScratchWatch, watchScratch } from '../harness/part2/scratch-watch.ts';
import { type NetworkNamespaceHandle, startNetworkNamespace } from '../harness/services/netns.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type S3Handle, startS3 } from '../harness/services/s3.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** Some of it and not all, as a run's page says it while it goes on. */
const PERCENT = /(?<!<)\b[1-9]\d?\s%/;
const MEGABYTE = 1_000_000;
/** One row of the database, to be met nowhere on the server. */
const MARK = `otter ${randomBytes(16).toString('hex')} on the weir`;
/** restic puts its packs of 16 MiB together in files without a name, one for each line to the storage: far from a dump of 210 MB. */
const PACKS_MB = 140;
/** How often the sizes of the agent's files are looked at during a run. */
const SAMPLE_MS = 100;

let stack: Stack;
let postgres: PostgresHandle;
let s3: S3Handle;
let network: NetworkNamespaceHandle<'server'>;
let scratch: ScratchWatch;

test.beforeAll(async () => {
  network = await startNetworkNamespace(['server']);
  const { insideAddress: address } = network.links.server;
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 210);
    await postgres.query(`CREATE TABLE marked (note text); INSERT INTO marked VALUES ('${MARK}')`, 'shop');
    await postgres.createDatabase('blog');
  });
  const bucket = startS3().then(async (started) => {
    s3 = started;
    await s3.createBucket('backups');
  });
  [stack] = await Promise.all([startStack({ network: { prefix: network.prefix, address } }), filled, bucket]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await scratch?.stop();
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), s3?.stop()]);
  await network?.stop();
});

/** All bytes in and out of the server's namespace: agents, browser and API together. */
async function countServerBytes(): Promise<number> {
  const { toHostBytes, fromHostBytes } = await network.links.server.readCounters();
  return toHostBytes + fromHostBytes;
}

/** Bytes the agent's own threads have read, from files, sockets and pipes; those of ended children are not among them. */
function countAgentReads(agent: AgentProcess): number {
  const tasks = `/proc/${agent.pid()}/task`;
  const counts = readdirSync(tasks).map((task) =>
    Number(/^rchar: (\d+)$/m.exec(readFileSync(`${tasks}/${task}/io`, 'utf8'))?.[1]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Sizes of the agent's files by their names, its scratch space included; restic's cache is no part of a backup. */
async function measureFiles(agent: AgentProcess): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const root of [agent.stateDir, agent.runtimeDir]) {
    for (const path of await readdir(root, { recursive: true })) {
      if (/^cache(\/|$)/.test(path)) continue;
      const facts = await stat(join(root, path)).catch(() => undefined);
      if (facts?.isFile()) sizes.set(join(root, path), facts.size);
    }
  }
  return sizes;
}

/** Waits for the run's end and gives the most that any file grew by meanwhile. */
async function watchRun(id: RunId, agent: AgentProcess): Promise<number> {
  const before = await measureFiles(agent);
  let most = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      for (const [path, size] of await measureFiles(agent)) most = Math.max(most, size - (before.get(path) ?? 0));
      await pause(SAMPLE_MS);
    }
  })();
  await stack.api.waitForRun(id, 'succeeded').finally(() => {
    isOver = true;
  });
  await watching;
  return most;
}

test('200 MB go from PostgreSQL to S3 and back, and not through the server', async ({ page, watch }) => {
  // On a machine that has much else to do, that takes its time.
  test.setTimeout(240_000);
  const { agent, host } = await stack.enrolHost('db-1');
  await agent.assertQuiet();
  scratch = await watchScratch(agent);
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/sources');
  const connection = { Host: postgres.host, Port: String(postgres.port), Database: 'shop', User: postgres.superuser };

  await test.step('a wrong password shows PostgreSQL’s own words and saves nothing, the right one saves', async () => {
    watch.expectStatus(422);
    await openSourceForm(page, url, host.id, 'PostgreSQL database');
    await fillFields(page, { Name: 'shop', ...connection, Password: 'not this one' });
    await page.getByRole('button', { name: 'Test and save' }).click();
    await expect(page.locator('#test-result')).toContainText('password authentication failed for user "postgres"', {
      timeout: 15_000,
    });
    await expect(page.locator('#source-form > [role=alert]')).toBeFocused();
    await expect(page.getByRole('checkbox', { name: 'Save anyway' })).not.toBeChecked();
    await expect(findField(page, 'Password')).toHaveValue('not this one');
    expect(await stack.api.get('/sources')).toEqual([]);
    await expectAccessible(page);
    await takePicture(page, 'source-refused');
    await fillFields(page, { Password: postgres.password });
    await page.getByRole('button', { name: 'Test the connection' }).click();
    await expect(page.locator('#test-result')).toContainText(/version 1\d/, { timeout: 15_000 });
    await takePicture(page, 'source-test');
    await page.getByRole('button', { name: 'Test and save' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('shop');
  });

  await test.step('the databases of a typed connection are found, and each that is chosen becomes a source', async () => {
    await openSourceForm(page, url, host.id, 'PostgreSQL database');
    const { Database: _, ...server } = connection;
    await fillFields(page, { ...server, Password: postgres.password });
    await page.getByRole('button', { name: 'Find databases' }).click();
    const found = page.locator('#found-databases');
    await expect(found).toContainText('2 databases of 3 are no source yet.', { timeout: 15_000 });
    await expectAccessible(page);
    await takePicture(page, 'source-find');
    for (const [act, ticked] of [
      ['Select none', 0],
      ['Select all', 2],
    ] as const) {
      await found.getByRole('button', { name: act }).click();
      await expect(found.locator('input[name=database]:checked')).toHaveCount(ticked, { timeout: 15_000 });
    }
    await found.getByRole('button', { name: 'Add the selected ones' }).click();
    await expect(page.getByText('2 sources were added.')).toBeVisible({ timeout: 15_000 });
    await page.getByRole('link', { name: 'blog', exact: true }).click();
    await page.getByRole('link', { name: 'Discover databases' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('All 3 databases are sources already.');
    expect(new URL(page.url()).pathname).toBe('/sources/discover');
    await expectAccessible(page);
    await postgres.createDatabase('later');
    await page.reload();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 database of 4 is no source yet.');
    await expect(page.getByRole('checkbox', { name: /later/ })).toBeChecked();
  });

  await test.step('saved again without its password being typed, a source still connects', async () => {
    await page.goto(`${url}/sources`);
    await page.getByRole('link', { name: 'shop', exact: true }).click();
    await page.getByRole('link', { name: 'Edit' }).click();
    await expect(findField(page, 'Password')).toHaveValue('');
    await page.getByRole('button', { name: 'Test the connection' }).click();
    await expect(page.locator('#test-result')).toContainText(/version 1\d/, { timeout: 15_000 });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('shop');
    await page.getByRole('button', { name: 'Test the connection' }).click();
    await expect(page.locator('#test-result')).toContainText(/version 1\d/, { timeout: 15_000 });
  });

  await test.step('the bucket holds no repository until it is created by a click', async () => {
    await openRepositoryForm(page, url, 'S3 bucket');
    await fillFields(page, {
      ...{ Name: 's3-eu', Endpoint: s3.endpoint, Bucket: 'backups', Prefix: 'restic', Region: s3.region },
      ...{ 'Access key id': s3.accessKey, 'Secret access key': s3.secretKey, 'Repository password': 'otters under ferns' },
      'CA certificate': await readFile(s3.caFile, 'utf8'),
    });
    expect(await s3.listObjects('backups')).toEqual([]);
    await createRepositoryThere(page, 'db-1');
    expect(await s3.listObjects('backups')).toContain('restic/config');
    await expectAccessible(page);
  });

  await makePlan(page, url, { name: 'nightly shop', sources: ['shop'], repository: 's3-eu' });
  await expectAccessible(page);
  const before = { server: await countServerBytes(), agent: countAgentReads(agent) };

  await test.step('Run now: stages, progress and log move by themselves, the evidence is shown', async () => {
    const run = await runNow(page);
    const watched = watchRun(run, agent);
    await expect(page.locator('main .status').filter({ hasText: 'running' }).first()).toBeVisible();
    await expect(page.locator('.progress-text')).toContainText(PERCENT, { timeout: 20_000 });
    await expect(page.locator('ol.stages')).toContainText('Dump');
    await takePicture(page, 'run-live');
    const mostWritten = await watched;
    await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible({ timeout: 2000 });
    await expect(page.getByRole('heading', { name: 'Evidence' })).toBeVisible();
    await expect(page.getByRole('log')).toContainText(/snapshot/i);
    await expectAccessible(page);
    await takePicture(page, 'run-succeeded');
    expect(mostWritten).toBeLessThan(MEGABYTE);
    const packs = scratch.takePeak();
    expect(packs).toBeGreaterThan(MEGABYTE);
    expect(packs).toBeLessThan(PACKS_MB * MEGABYTE);
    const detail = await stack.api.waitForRun(run, 'succeeded');
    expect(detail.bytes).toBeGreaterThan(200 * MEGABYTE);
  });

  await test.step('restored by clicks into another database, equal in every part', async () => {
    await page.goto(`${url}/snapshots`);
    await page.getByRole('row', { name: /shop/ }).first().getByRole('link', { name: /shop/ }).click();
    await expectAccessible(page);
    const run = await restoreSnapshot(page, { place: /shop/, target: 'shop_restored' });
    const watched = watchRun(run, agent);
    await expect(page.locator('.progress-text')).toContainText(PERCENT, { timeout: 20_000 });
    expect(await watched).toBeLessThan(MEGABYTE);
    expect(scratch.takePeak(), 'a restore goes by way of no file').toBeLessThan(MEGABYTE);
    const [original, restored] = await Promise.all([postgres.hashDatabase('shop'), postgres.hashDatabase('shop_restored')]);
    expect(restored).toEqual(original);
  });

  await test.step('the server saw next to nothing of it, and the agent passed none of it on by itself', async () => {
    expect((await countServerBytes()) - before.server).toBeLessThan(2 * MEGABYTE);
    expect(countAgentReads(agent) - before.agent).toBeLessThan(20 * MEGABYTE);
    await agent.assertQuiet();
    expect(await s3.listUploads('backups')).toEqual([]);
  });

  await test.step('a row that went both ways is in the restored database, and nowhere in the server’s files, database and logs', async () => {
    expect(await postgres.query('SELECT note FROM marked', 'shop_restored')).toBe(MARK);
    const search = createCanarySearch({ 'the marked row': MARK });
    expect(search.findInFolder(stack.server.dataDir)).toEqual([]);
    for (const [program, text] of Object.entries(await stack.readLogs())) expect(search.findIn(text), program).toEqual([]);
    // In the database they lie compressed, where no search of its file would find the row.
    for (const { id } of await stack.api.get<readonly ApiRun[]>('/runs')) {
      const { status, text } = await stack.api.send('GET', `/runs/${id}/log?limit=2000&format=txt`);
      expect([status, text === '']).toEqual([200, false]);
      expect(search.findIn(text), id).toEqual([]);
    }
  });
});
