import { join } from 'node:path';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { ApiRun, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describePostgres, runPlan } from '../harness/catalog.ts';
import { readRunId, restoreSnapshot } from '../harness/pages.ts';
import { type DatabaseDigest, type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

/** The name of a role; what is granted to it is in the backup. */
const KEEPER = '"shop ""keeper"" 注文"';

let stack: Stack;
let postgres: PostgresHandle;
/** The database as it was backed up. */
let good: DatabaseDigest;
let snapshot: string;
let source: ApiSource;
let host: EnrolledHost;

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 4);
  });
  [stack] = await Promise.all([startStack(), filled]);
  await postgres.query(
    `CREATE ROLE ${KEEPER} LOGIN PASSWORD 'long grass'; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${KEEPER}`,
    'shop',
  );
  good = await postgres.hashDatabase('shop');
  host = await stack.enrolHost('db-1');
  const repository = await addRepository(
    stack.api,
    host.host,
    'disk',
    describeLocal(join(stack.directory, 'repository'), 'ferns'),
  );
  source = await addSource(stack.api, host.host, 'shop', describePostgres(postgres, 'shop'));
  const plan = await addPlan(stack.api, { name: 'nightly', repository, sources: [source] });
  const { snapshots } = await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
  snapshot = snapshots.find(({ role }) => role === 'data')?.id ?? '';
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

/** An application that stays connected until it is thrown out; `ended` is what it was told then. */
async function openSession(): Promise<{ ended: Promise<string> }> {
  const ended = postgres.query('SELECT pg_sleep(600)', 'shop').catch((error: unknown) => String(error));
  const count =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
  await expect.poll(() => postgres.query(count)).toBe('1');
  return { ended };
}

const findEvidence = (run: { evidence: readonly Evidence[] }, check: Evidence['check']) =>
  run.evidence.find((entry) => entry.check === check);

test('a damaged database comes back by drop and recreate: sessions end, a safety backup exists, the data equals the source', async ({
  page,
}) => {
  await postgres.query('CREATE TABLE damage (id int); INSERT INTO damage VALUES (666)', 'shop');
  const damaged = await postgres.hashDatabase('shop');
  const session = await openSession();
  await signIn(page, stack.server.url, stack.admin, `/snapshots/${snapshot}/restore`);
  await page.locator('input[name=target]').fill('shop');

  await test.step('the page says what would be overwritten and who is connected', async () => {
    await page.getByRole('radio', { name: /^Drop and recreate/ }).check();
    await expect(page.getByText(/shop exists\. Everything in it is overwritten: \d+\stables?, /)).toBeVisible();
    await expect(page.getByText(/1\sother session in it now: the restore is refused/)).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'restore-database');
  });

  await test.step('without ending the session it is refused, with the number', async () => {
    await page.getByLabel('Name of the database').fill('shop');
    await page.locator('input[name=understood]').check();
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const refused = await stack.api.waitForRun(await readRunId(page), 'failed');
    expect(refused.failure?.reason).toBe('sessions_open');
    expect(refused.failure?.message).toContain('1 other session is open in shop');
    expect(await postgres.hashDatabase('shop')).toEqual(damaged);
  });

  await test.step('with the tick the session ends and the old content is backed up and replaced', async () => {
    await page.goto(`${stack.server.url}/snapshots/${snapshot}/restore`);
    await page.locator('input[name=target]').fill('shop');
    await page.getByRole('radio', { name: /^Drop and recreate/ }).check();
    await page.getByLabel('End sessions in the database').check();
    await expect(page.getByText(/1\sother session in it now will be ended\./)).toBeVisible();
    await page.getByLabel('Name of the database').fill('shop');
    await page.locator('input[name=understood]').check();
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const run = await stack.api.waitForRun(await readRunId(page), 'succeeded');
    expect(await session.ended).toMatch(/terminating connection|closed the connection/);
    expect(await postgres.hashDatabase('shop')).toEqual(good);
    expect(findEvidence(run, 'target_verified')?.ok).toBe(true);
    const safety = /run_\w+/.exec(findEvidence(run, 'safety_backup')?.seen ?? '')?.[0] ?? '';
    await expect(page.getByText(safety).first()).toBeVisible();
    expect(await postgres.query("SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast%'")).toBe('0');

    const backup = await stack.api.waitForRun(safety as ApiRun['id'], 'succeeded');
    const kept = backup.snapshots.find(({ role }) => role === 'data')?.id;
    const safetyLink = page.locator('dt', { hasText: 'safety backup' }).locator('xpath=following-sibling::dd').getByRole('link');
    await expect(safetyLink).toHaveAttribute('href', `/runs/${safety}`);
    await page.goto(`${stack.server.url}/snapshots/${kept}`);
    const back = await restoreSnapshot(page, { place: /shop/, target: 'as it was' });
    await stack.api.waitForRun(back, 'succeeded');
    expect(await postgres.hashDatabase('as it was')).toEqual(damaged);
  });
});

test('without the tick and the typed name the server refuses, from the page and from the API', async ({ page, watch }) => {
  watch.expectStatus(422);
  const before = await postgres.hashDatabase('shop');
  await signIn(page, stack.server.url, stack.admin, `/snapshots/${snapshot}/restore`);
  await page.locator('input[name=target]').fill('shop');
  await page.getByRole('radio', { name: /^Clean/ }).check();
  await page.locator('form.stack').evaluate((form) => form.setAttribute('novalidate', ''));
  await page.getByRole('button', { name: 'Start the restore' }).click();
  await expect(page.getByText('Confirm what will happen.').first()).toBeVisible();
  const target = { kind: 'database', source: source.id, database: 'shop', mode: 'clean' };
  const answer = await stack.api.send('POST', '/restores', { snapshot, host: host.host.id, target });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain('understand');
  const nameless = await stack.api.send('POST', '/restores', { snapshot, host: host.host.id, target, understood: true });
  expect([nameless.status, nameless.text]).toEqual([400, expect.stringContaining('type the name of the database, shop')]);
  expect(await postgres.hashDatabase('shop')).toEqual(before);
});

test('a restore whose agent is killed in the middle leaves the old database whole and nothing beside it', async () => {
  await postgres.query('CREATE TABLE precious (id int); INSERT INTO precious VALUES (42)', 'shop');
  const before = await postgres.hashDatabase('shop');
  const target = { kind: 'database', source: source.id, database: 'shop', mode: 'replace' };
  // Slow enough to be met in the middle.
  const options = { downloadKiBps: 32, safetyBackup: false };
  const consent = { understood: true, databaseName: 'shop' };
  const run = await stack.api.post<ApiRun>('/restores', { snapshot, host: host.host.id, target, options, ...consent });
  const beside = "SELECT count(*) FROM pg_database WHERE datname LIKE 'holdfast_new_%'";
  await expect.poll(() => postgres.query(beside), { timeout: 30_000 }).toBe('1');
  await host.agent.kill('SIGKILL');
  await host.agent.restart();
  const end = await stack.api.waitForRun(run.id, 'failed');
  expect(end.failure?.reason).toBe('interrupted');
  expect(await postgres.query(beside)).toBe('0');
  expect(await postgres.hashDatabase('shop')).toEqual(before);
});

test('a lost server: the roles that the backup names are made first, and the dump comes back through two connections', async ({
  page,
}) => {
  for (const database of (await postgres.query("SELECT datname FROM pg_database WHERE datname IN ('shop', 'as it was')")).split(
    '\n',
  ))
    await postgres.query(`DROP DATABASE "${database}" WITH (FORCE)`);
  await postgres.query(`DROP ROLE ${KEEPER}`);
  await signIn(page, stack.server.url, stack.admin, `/snapshots/${snapshot}/restore`);
  await page.locator('input[name=target]').fill('shop');
  await page.getByText('More options').click();
  await page.getByLabel('Roles').selectOption('needed');
  await expect(page.getByText('1 role would be made: “shop "keeper" 注文”.')).toBeVisible({ timeout: 30_000 });
  await page.getByLabel('Connections').fill('2');
  const looked = page.waitForResponse((answer) => answer.request().method() === 'POST');
  // The click leaves the field, and so has the target looked at anew; what is agreed to is the same then, and so is the tick.
  await page.locator('input[name=understood]').check();
  await looked;
  await expect(page.locator('#restore-confirm.htmx-swapping, #restore-confirm.htmx-settling')).toHaveCount(0);
  await expect(page.locator('input[name=understood]')).toBeChecked();
  await expectAccessible(page);
  await takePicture(page, 'restore-roles');
  await page.getByRole('button', { name: 'Start the restore' }).click();
  const run = await stack.api.waitForRun(await readRunId(page), 'succeeded');
  expect(findEvidence(run, 'fully_read')?.ok).toBe(true);
  expect(await postgres.hashDatabase('shop')).toEqual(good);
  expect(await postgres.query("SELECT rolcanlogin FROM pg_roles WHERE rolname LIKE 'shop %'")).toBe('t');
  await expect(page.getByText(/made the roles shop "keeper" 注文/).first()).toBeVisible();
});
