import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiRepository } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeFiles, describePostgres, runPlan } from '../harness/catalog.ts';
import { describeRest } from '../harness/part2/remote-repositories.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { hashTree, makeFileTree } from '../harness/services/files.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { runTool } from '../harness/services/tool-run.ts';
import { getPostgresFolder, getRestic } from '../harness/services/tools.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters under ferns';

let stack: Stack;
let host: EnrolledHost;
let postgres: PostgresHandle;
let spare: PostgresHandle;
let rest: RestServerHandle;
let tree: string;
let plan: ApiPlan;
let repository: ApiRepository;

test.beforeAll(async () => {
  [stack, postgres, spare, rest] = await Promise.all([
    startStack(),
    startPostgres(),
    startPostgres(),
    startRestServer({ withTls: true }),
  ]);
  await postgres.fillDatabase('shop', 2);
  host = await stack.enrolHost('db-1');
  tree = join(stack.directory, 'tree');
  await makeFileTree(tree, { seed: 'scenario 30', files: 12, megabytes: 1 });
  const { api } = stack;
  repository = await addRepository(api, host.host, 'rest-eu', await describeRest(rest, 'all', PASSWORD));
  const files = await addSource(api, host.host, 'tree', describeFiles([tree]));
  const shop = await addSource(api, host.host, 'shop', describePostgres(postgres, 'shop'));
  plan = await addPlan(api, { name: 'nightly', repository, sources: [files, shop] });
  await awaitSpec(stack, host.host);
  await api.waitForRun(await runPlan(api, plan), 'succeeded');
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), spare?.stop(), rest?.stop()]);
});

test('the recovery sheet says how to open the repository and no password; one from a paper is proven by opening it', async ({
  page,
}) => {
  const { server, admin } = stack;
  await signIn(page, server.url, admin, '/repositories');
  await page.getByRole('link', { name: 'Recovery sheet' }).click();
  await expect(page.locator('main')).toContainText(
    'Nobody has proven lately that the password of one repository is kept elsewhere.',
  );
  await expect(page.locator('pre').first()).toContainText(':REST_PASSWORD@');
  await expect(page.locator('main')).toContainText('never proven');
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Prove the password…' }).click();
  await page.getByLabel('Password from your own copy').fill(PASSWORD);
  await page.getByRole('button', { name: 'Prove it' }).click();
  await expect(page.locator('main')).toContainText(/proven .* by ada, from db-1/);
  expect(await page.content()).not.toContain(PASSWORD);
  await page.goto(`${server.url}/repositories/recovery-sheet`);
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  expect(await page.content()).not.toContain(PASSWORD);
  expect(server.readLog()).not.toContain(PASSWORD);
  const { passwordProof } = await stack.api.get<{ passwordProof?: { by: string } }>(`/repositories/${repository.id}`);
  expect(passwordProof?.by).toBe('ada');
});

test('server, host and database server are gone: the recovery kit alone opens the repository, and everything comes back', async () => {
  const kit = await stack.server.runCommand(['recovery-kit']);
  expect(kit).toContain('set -o pipefail; restic dump ID /database.dump | pg_restore');
  const original = { tree: await hashTree(tree), shop: await postgres.hashDatabase('shop') };
  await stack.server.kill('SIGKILL');
  await host.agent.kill('SIGKILL');
  await postgres.stop();
  for (const path of [stack.server.dataDir, host.agent.stateDir, tree]) await rm(path, { recursive: true });

  const { path: resticPath } = await getRestic('new');
  const home = join(stack.directory, 'a new machine');
  await mkdir(home);
  // The lines of the kit as they stand there, up to the first command of restic; only where the files go is another place here.
  const [, rest = ''] = kit.split('Open it, on any machine with restic 0.14 or newer:\n');
  const opening = (rest.split('\nrestic snapshots\n')[0] ?? '').replaceAll(
    '/root/holdfast-recovery',
    join(stack.directory, 'kit'),
  );
  const script = join(home, 'restic-by-the-kit');
  await writeFile(script, `#!/bin/sh\n${opening}\nrestic "$@"\n`, { mode: 0o700 });
  await symlink(resticPath, join(home, 'restic'));
  const env = { HOME: home, PATH: `${home}:${process.env['PATH'] ?? ''}` };
  const restic = script;
  const list = async (role: string) => {
    const { stdout } = await runTool(restic, ['snapshots', '--json', '--tag', `role:${role}`], { env });
    return JSON.parse(stdout) as readonly { readonly id: string; readonly paths: readonly string[] }[];
  };
  const made = await list('data');
  expect(made).toHaveLength(2);
  const files = made.find(({ paths }) => paths[0] === tree);
  const dump = made.find(({ paths }) => paths[0] !== tree);
  const [roles] = await list('globals');

  const restored = join(home, 'restored');
  await runTool(restic, ['restore', files?.id ?? '', '--target', restored, '--verify'], { env });
  expect(await hashTree(join(restored, tree))).toEqual(original.tree);

  const fetch = async (snapshot: string | undefined, name: string) => {
    const target = join(home, name);
    await runTool('/bin/sh', ['-c', '"$0" dump "$1" "$2" > "$3"', restic, snapshot ?? '', name, target], { env });
    return target;
  };
  const globals = await fetch(roles?.id, 'globals.sql');
  // Of roles that the new server has as well, its own password is to stay.
  const isNew = (line: string) => !/^(CREATE|ALTER) ROLE /.test(line) || !line.includes(`ROLE ${spare.superuser}`);
  await writeFile(globals, (await readFile(globals, 'utf8')).split('\n').filter(isNew).join('\n'));
  const server = { PGHOST: spare.host, PGPORT: String(spare.port), PGUSER: spare.superuser, PGPASSWORD: spare.password };
  const tool = (name: string) => join(getPostgresFolder(), name);
  await runTool(tool('psql'), ['--quiet', '--set=ON_ERROR_STOP=1', '--dbname=postgres', `--file=${globals}`], {
    env: { ...env, ...server },
  });
  await spare.createDatabase('shop');
  await runTool(tool('pg_restore'), ['--dbname=shop', '--exit-on-error', await fetch(dump?.id, 'database.dump')], {
    env: { ...env, ...server },
  });
  expect(await spare.hashDatabase('shop')).toEqual(original.shop);
});
