import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiRepository, ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describePostgres, runPlan } from '../harness/catalog.ts';
import { readRunId } from '../harness/pages.ts';
import { type DatabaseDigest, type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let postgres: PostgresHandle;
let host: EnrolledHost;
let repository: ApiRepository;
let source: ApiSource;
let snapshot: ApiSnapshot;
/** What stands in the database that is to be overwritten. */
let standing: DatabaseDigest;
/** Full ids of the packs that hold the dump. */
let packs: string[];

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 4);
  });
  [stack] = await Promise.all([startStack(), filled]);
  host = await stack.enrolHost('db-1');
  const { api } = stack;
  const place = join(stack.directory, 'repository');
  repository = await addRepository(api, host.host, 'disk', describeLocal(place, 'ferns'));
  source = await addSource(api, host.host, 'shop', describePostgres(postgres, 'shop'));
  const plan = await addPlan(api, { name: 'nightly', repository, sources: [source] });
  const run = await api.waitForRun(await runPlan(api, plan), 'succeeded');
  const made = run.snapshots.find(({ role }) => role === 'data');
  if (made === undefined) throw new Error('The backup made no snapshot.');
  snapshot = made;
  await postgres.query('CREATE TABLE since_then (id int); INSERT INTO since_then VALUES (1)', 'shop');
  standing = await postgres.hashDatabase('shop');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

/** Flips one byte in each pack that holds data; those of trees are small. Gives the packs' ids. */
async function damagePacks(): Promise<string[]> {
  const data = join(stack.directory, 'repository/data');
  const damaged: string[] = [];
  for (const folder of await readdir(data)) {
    for (const name of await readdir(join(data, folder))) {
      const path = join(data, folder, name);
      if ((await stat(path)).size < 100_000) continue;
      const bytes = await readFile(path);
      bytes[1000] = (bytes[1000] ?? 0) ^ 0xff;
      await chmod(path, 0o600);
      await writeFile(path, bytes);
      damaged.push(name);
    }
  }
  return damaged;
}

test('a flipped byte is missed by a look at the structure, found when the data is read, and shown', async ({ page }) => {
  await signIn(page, stack.server.url, stack.admin, `/repositories/${repository.id}`);
  const check = async (scope: string) => {
    await page.goto(`${stack.server.url}/repositories/${repository.id}`);
    await page.locator('select[name=scope]').selectOption(scope);
    await page.getByRole('button', { name: 'Check now' }).click();
    return readRunId(page);
  };

  await test.step('while all is well, everything can be read, and the repository is measured', async () => {
    await stack.api.waitForRun(await check('everything'), 'succeeded');
    await page.goto(`${stack.server.url}/repositories/${repository.id}`);
    await expect(page.locator('#upkeep')).toContainText('in storage');
    await expect(page.locator('#upkeep')).toContainText('All of its data was read');
    await expectAccessible(page);
  });

  await test.step('after the damage, the structure alone still looks whole', async () => {
    packs = await damagePacks();
    expect(packs.length).toBeGreaterThan(0);
    await stack.api.waitForRun(await check('structure'), 'succeeded');
  });

  await test.step('reading everything finds it and names each pack', async () => {
    const run = await stack.api.waitForRun(await check('everything'), 'failed');
    expect(run.failure?.reason).toBe('repository_damaged');
    for (const pack of packs.slice(0, 5)) expect(run.failure?.message).toContain(pack);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Failed');
    await page.goto(`${stack.server.url}/repositories/${repository.id}`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('The last check of disk found damage');
    const isAlarmed = async () => {
      const alerts = await stack.api.get<readonly { condition: string; severity: string }[]>('/alerts?state=active');
      return alerts.some((alert) => alert.condition === 'repository.damaged' && alert.severity === 'critical') || undefined;
    };
    await waitFor('the alert', isAlarmed, { deadlineMs: 30_000 });
    await expectAccessible(page);
    await takePicture(page, 'damaged-repository');
  });
});

test('a reading of the snapshot itself finds it too, and is an alert of its own', async () => {
  const { runs } = await stack.api.post<{ runs: readonly ApiRun[] }>('/snapshots/verify', { snapshots: [snapshot.id] });
  const [reading] = runs;
  if (reading === undefined) throw new Error('No run reads the snapshot.');
  await stack.api.waitForRun(reading.id, 'failed');
  const read = await stack.api.get<ApiSnapshot & { verification?: { ok: boolean } }>(`/snapshots/${snapshot.id}`);
  expect(read.verification?.ok).toBe(false);
  const findAlert = async () => {
    const alerts = await stack.api.get<readonly { condition: string; severity: string }[]>('/alerts?state=active');
    return alerts.find(({ condition }) => condition === 'snapshot.unreadable');
  };
  const alert = await waitFor('the alert', findAlert, { deadlineMs: 30_000 });
  expect(alert.severity).toBe('critical');
});

test('a restore of what was damaged fails before it touches the target', async () => {
  const run = await stack.api.post<ApiRun>('/restores', {
    snapshot: snapshot.id,
    host: host.host.id,
    target: { kind: 'database', source: source.id, database: 'shop', mode: 'replace' },
    options: { safetyBackup: false },
    understood: true,
    databaseName: 'shop',
  });
  const ended = await stack.api.waitForRun(run.id, 'failed');
  expect(ended.failure?.code).toBe('integrity');
  expect(await postgres.hashDatabase('shop')).toEqual(standing);
  const names = await postgres.query("SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
  expect(names).toBe('postgres,shop');
});
