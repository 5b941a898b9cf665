import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiRun, ApiSource } from '../harness/api.ts';
import { expect, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addSource, describeMariadb, describePostgres } from '../harness/catalog.ts';
import { readRunId } from '../harness/pages.ts';
import { awaitSpec, type LocalWorld, makeFolder, prepareLocalWorld } from '../harness/part2/world.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { runTool } from '../harness/services/tool-run.ts';
import { getTool } from '../harness/services/tools.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let world: LocalWorld;
let postgres: PostgresHandle;
let mariadb: MariadbHandle;
let shop: ApiSource;
let dumps: string;

/** Somebody dumped with the databases' own tools, long before there was a plan. */
async function dumpByHand(): Promise<void> {
  const script = join(dumps, 'shop.sql.gz');
  const line = 'set -e; "$1" --format=plain shop > "$2.plain"; gzip -c "$2.plain" > "$2"; rm "$2.plain"';
  const pgDump = join(postgres.programFolder, 'pg_dump');
  await runTool('/bin/sh', ['-c', line, 'sh', pgDump, script], { env: postgres.connectionEnv });
  const whole = await readFile(script);
  await writeFile(join(dumps, 'half of shop.sql.gz'), whole.subarray(0, whole.length / 2));
  const args = [...mariadb.connectionArgs, '--single-transaction', '--routines', '--events', '--hex-blob'];
  const blog = await runTool(getTool('mariadb-dump'), [...args, 'blog'], { env: mariadb.connectionEnv });
  await writeFile(join(dumps, 'blog.sql'), blog.stdout);
  await writeFile(join(dumps, '<b>notes</b>'.replaceAll('/', '-')), 'buy milk');
}

test.beforeAll(async () => {
  [postgres, mariadb, stack] = await Promise.all([startPostgres(), startMariadb(), startStack()]);
  dumps = await makeFolder(stack, 'old dumps');
  const filled = Promise.all([postgres.fillDatabase('shop', 1), mariadb.fillDatabase('blog', 1)]).then(dumpByHand);
  world = await prepareLocalWorld(stack, 'db-1', 'new', { env: { HOLDFAST_DUMP_DIRS: dumps } });
  shop = await addSource(stack.api, world.host, 'shop', describePostgres(postgres, 'shop'));
  await Promise.all([awaitSpec(stack, world.host), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), mariadb?.stop()]);
});

test('an old script is found on its host and takes the place of a damaged database, whose content is backed up before; a half one is refused', async ({
  page,
}) => {
  const { api, server } = stack;
  const good = await postgres.hashDatabase('shop');
  await postgres.query('CREATE TABLE damage (id int); INSERT INTO damage VALUES (666)', 'shop');
  const damaged = await postgres.hashDatabase('shop');
  await signIn(page, server.url, stack.admin, '/restore');

  const directory = `${server.url}/restore/dumps?host=${world.host.id}&path=${encodeURIComponent(dumps)}`;
  const fillForm = async (name: string) => {
    await page.getByRole('link', { name: `Restore ${name}…` }).click();
    await page.getByRole('textbox', { name: 'Database', exact: true }).fill('shop');
    await page.getByRole('radio', { name: /^Drop and recreate/ }).check();
    await expect(page.getByText(/shop exists\. Everything in it is overwritten: \d+\stables?, /)).toBeVisible();
    await page.getByLabel('Name of the database').fill('shop');
    await page.locator('input[name=understood]').check();
  };

  await test.step('its directory says what each file is', async () => {
    await page.getByRole('link', { name: 'From a dump file on a host…' }).click();
    await page.getByRole('link', { name: dumps }).click();
    await expect(page.getByRole('row', { name: /notes/ })).toContainText('does not begin as a dump');
    await expect(page.getByRole('row', { name: /^shop\.sql\.gz/ })).toContainText('PostgreSQL');
    await takePicture(page, 'dump-files');
  });

  await test.step('half a script changes nothing', async () => {
    await fillForm('half of shop.sql.gz');
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const refused = await api.waitForRun(await readRunId(page), 'failed');
    expect(refused.failure?.reason).toBe('dump_damaged');
    expect(await postgres.hashDatabase('shop')).toEqual(damaged);
    await expect(page.locator('main')).toContainText('Nothing was changed.');
  });

  await test.step('the whole one takes its place', async () => {
    await page.goto(directory);
    await fillForm('shop.sql.gz');
    await takePicture(page, 'dump-form');
    await page.getByRole('button', { name: 'Start the restore' }).click();
    const run = await api.waitForRun(await readRunId(page), 'succeeded');
    expect(await postgres.hashDatabase('shop')).toEqual(good);
    expect(run).not.toHaveProperty('snapshot');
    await expect(page.locator('main')).toContainText(`${join(dumps, 'shop.sql.gz')} on db-1`);
    const safety = /run_\w+/.exec(run.evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '')?.[0];
    const { snapshots } = await api.waitForRun(safety as ApiRun['id'], 'succeeded');
    expect(snapshots).toContainEqual(expect.objectContaining({ state: 'good', repository: world.repository.id }));
    await page.goto(`${server.url}/restore`);
    await expect(page.locator('main')).toContainText(`Restore from file ${join(dumps, 'shop.sql.gz')} into database shop`);
  });
});

test('an old script of MariaDB comes back through the API; what the host does not offer is not read', async () => {
  const { api } = stack;
  const { host } = world;
  const good = await mariadb.hashDatabase('blog');
  const blog = await addSource(api, host, 'blog', describeMariadb(mariadb, 'blog'));
  const target = { kind: 'database', source: blog.id, database: 'blog again' };
  const order = (path: string) => ({ host: host.id, file: { path }, target });
  const run = await api.post<ApiRun>('/restores', order(join(dumps, 'blog.sql')));
  await api.waitForRun(run.id, 'succeeded');
  expect(await mariadb.hashDatabase('blog again')).toEqual(good);

  const elsewhere = await api.send('POST', '/restores', order('/etc/passwd'));
  expect([elsewhere.status, elsewhere.text]).toEqual([409, expect.stringContaining('does not offer /etc')]);
  const wrong = { ...order(join(dumps, 'blog.sql')), target: { ...target, source: shop.id } };
  const misfit = await api.send('POST', '/restores', wrong);
  expect([misfit.status, misfit.text]).toEqual([400, expect.stringContaining('not of the same engine as the file')]);
});
