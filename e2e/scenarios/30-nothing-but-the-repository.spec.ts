import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan } from '../harness/api.ts';
import { expect, finishStack, test } from '../harness/browser.ts';
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
  const repository = await addRepository(api, host.host, 'rest-eu', await describeRest(rest, 'all', PASSWORD));
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

test('server, host and database server are gone: the address of the repository and its password give everything back', async () => {
  const original = { tree: await hashTree(tree), shop: await postgres.hashDatabase('shop') };
  await stack.server.kill('SIGKILL');
  await host.agent.kill('SIGKILL');
  await postgres.stop();
  for (const path of [stack.server.dataDir, host.agent.stateDir, tree]) await rm(path, { recursive: true });

  const { path: restic } = await getRestic('new');
  const home = join(stack.directory, 'a new machine');
  await mkdir(home);
  const passwordFile = join(home, 'restic-password');
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  const env = {
    HOME: home,
    RESTIC_REPOSITORY: rest.buildRepository('all'),
    RESTIC_PASSWORD_FILE: passwordFile,
    ...(rest.caFile === undefined ? {} : { RESTIC_CACERT: rest.caFile }),
  };
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
