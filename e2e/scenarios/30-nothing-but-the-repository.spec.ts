import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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
import { waitFor } from '../harness/services/wait-for.ts';
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

/** What a person keeps elsewhere. */
const kept = () => join(stack.directory, 'kept');
const keyFile = () => join(kept(), 'recovery-key.txt');
const openWithAge = async (file: string) => (await runTool('age', ['-d', '-i', keyFile(), file])).stdout;

/** A machine with restic and the lines of this text, as they stand there up to its first command; only where their files go is another place. */
async function makeMachine(home: string, text: string): Promise<{ restic: string; env: Record<string, string> }> {
  const { path: resticPath } = await getRestic('new');
  await mkdir(home);
  const [, rest = ''] = text.split('Open it, on any machine with restic 0.14 or newer:\n');
  const opening = (rest.split('\nrestic snapshots\n')[0] ?? '').replaceAll(
    '/root/holdfast-recovery',
    `${home.replaceAll(' ', '-')}-kit`,
  );
  const script = join(home, 'restic-by-the-kit');
  await writeFile(script, `#!/bin/sh\n${opening}\nrestic "$@"\n`, { mode: 0o700 });
  await symlink(resticPath, join(home, 'restic'));
  return { restic: script, env: { HOME: home, PATH: `${home}:${process.env['PATH'] ?? ''}` } };
}

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

test('a recovery key is set on its page, what opens the repository is sealed to it, and a code typed back proves it', async ({
  page,
}) => {
  const { server, admin, api } = stack;
  await mkdir(kept());
  await runTool('age-keygen', ['-o', keyFile()]);
  const recipient = (await runTool('age-keygen', ['-y', keyFile()])).stdout.trim();
  await signIn(page, server.url, admin, '/repositories/recovery-sheet');
  await page.getByRole('link', { name: 'Recovery key', exact: true }).click();
  await expect(page.locator('main')).toContainText('There is no recovery key.');
  await page.getByLabel('Recipient').fill(recipient);
  await page.getByRole('button', { name: 'Set recovery key' }).click();
  await expect(page.locator('main')).toContainText('Nobody has shown yet that they have the recovery key.');
  await page.getByRole('button', { name: 'Prove that you have it…' }).click();
  const sealed = join(kept(), 'code.age');
  await writeFile(sealed, `${(await page.locator('#code pre > span').allTextContents()).join('\n')}\n`);
  await expectAccessible(page);
  await page.getByRole('textbox', { name: 'Code' }).fill(await openWithAge(sealed));
  await page.getByRole('button', { name: 'Prove it' }).click();
  await expect(page.locator('main')).toContainText('The recovery key opens the only repository.');
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  const { sealedCopy } = await api.get<{ sealedCopy?: { keyProof?: { by: string } } }>(`/repositories/${repository.id}`);
  expect(sealedCopy?.keyProof?.by).toBe('ada');
  // What the last test goes by: a copy of the database, and the file that lies on the host.
  await server.runCommand(['backup', '--to', join(kept(), 'copy.db')]);
  const onHost = join(host.agent.stateDir, 'recovery', `${repository.id}.age`);
  await waitFor('the sealed copy on the host', async () => (existsSync(onHost) ? true : undefined));
  await copyFile(onHost, join(kept(), 'from-the-host.age'));
  const { stdout } = await host.agent.runCommand(['recovery-kit', '--repository', repository.name]);
  expect(stdout).toBe(await readFile(onHost, 'utf8'));
});

test('server, host and database server are gone: the recovery kit alone opens the repository, and everything comes back', async () => {
  const kit = await stack.server.runCommand(['recovery-kit']);
  expect(kit).toContain('set -o pipefail; restic dump ID /database.dump | pg_restore');
  const original = { tree: await hashTree(tree), shop: await postgres.hashDatabase('shop') };
  await stack.server.kill('SIGKILL');
  await host.agent.kill('SIGKILL');
  await postgres.stop();
  for (const path of [stack.server.dataDir, host.agent.stateDir, tree]) await rm(path, { recursive: true });

  const home = join(stack.directory, 'a new machine');
  const { restic, env } = await makeMachine(home, kit);
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

test('server, host and master key are gone: a copy of the database, or of one file of the host, and the recovery key open the repository', async () => {
  expect(existsSync(stack.server.dataDir)).toBe(false);
  const to = join(kept(), 'kit');
  const copy = join(kept(), 'copy.db');
  const file = (await stack.server.runCommand(['recovery-kit', '--sealed', '--database', copy, '--to', to])).trim();
  const fromDatabase = await openWithAge(file);
  expect(await openWithAge(join(kept(), 'from-the-host.age'))).toBe(fromDatabase);
  const { restic, env } = await makeMachine(join(stack.directory, 'another machine'), fromDatabase);
  const { stdout } = await runTool(restic, ['snapshots', '--json', '--tag', 'role:data'], { env });
  expect(JSON.parse(stdout)).toHaveLength(2);
});
