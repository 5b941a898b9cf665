import { existsSync, readdirSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiHost, ApiPending, ApiRun, ApiSource } from '../harness/api.ts';
import { expect, finishStack, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  describeFiles,
  describeLocal,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { hashTree, makeFileTree } from '../harness/services/files.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { runTool, tryTool } from '../harness/services/tool-run.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

let stack: Stack;
let postgres: PostgresHandle;
let program: string;
let path: string;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 2);
  });
  [stack] = await Promise.all([startStack(), filled]);
  program = join(stack.directory, 'holdfast-agent');
  await runTool(process.execPath, [join(CHECKOUT, 'scripts/build-agent.ts'), `--out=${program}`], { cwd: CHECKOUT });
  path = await makePathWithoutNode(join(stack.directory, 'bin'));
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

/** A folder with every program of the system but Node's. */
async function makePathWithoutNode(folder: string): Promise<string> {
  await mkdir(folder);
  const names = readdirSync('/usr/bin').filter((name) => !/^(node|nodejs|npm|npx|corepack)$/.test(name));
  await Promise.all(names.map((name) => symlink(join('/usr/bin', name), join(folder, name))));
  return folder;
}

test('one file on a host without Node enrols by token, backs up and restores; the token works once', async () => {
  const { api } = stack;
  await test.step('it starts with nothing around it', async () => {
    expect((await tryTool('/usr/bin/env', ['-i', `PATH=${path}`, 'sh', '-c', 'command -v node'])).code).not.toBe(0);
    const version = await tryTool('/usr/bin/env', ['-i', `PATH=${path}`, program, 'version', '--json']);
    expect(version.code, version.stderr).toBe(0);
    expect(JSON.parse(version.stdout)).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  const { token } = await api.post<{ token: string }>('/enrolment-tokens', { note: 'scenario', tags: ['bare'] });
  const restic = dirname((await getRestic('new')).path);
  const options = { program, toolPath: [restic], env: { PATH: path, HOLDFAST_ENROLL_TOKEN: token } };

  const { agent, host } = await test.step('the token lets it in, unasked and tagged', async () => {
    const started = await stack.startAgent('bare', options);
    const find = async () => (await api.get<readonly (ApiHost & { tags: readonly string[] })[]>('/hosts'))[0];
    const found = await waitFor('the host', find, { deadlineMs: 15_000 });
    expect(found.tags).toEqual(['bare']);
    await api.waitForHost(found.id, 'online');
    return { agent: started, host: found };
  });

  await test.step('a second machine with the same token stays outside', async () => {
    const second = await stack.startAgent('second', options);
    const end = await second.exited();
    expect(end.code).not.toBe(0);
    expect(second.readLog()).toMatch(/token/i);
    expect(second.readLog()).not.toContain(token);
    expect(await api.get<readonly ApiHost[]>('/hosts')).toHaveLength(1);
    expect(await api.get<readonly ApiPending[]>('/hosts/pending')).toEqual([]);
  });

  await test.step('files and a database go out and come back', async () => {
    const tree = join(stack.directory, 'tree');
    await makeFileTree(tree, { seed: 'one executable', files: 6, megabytes: 1 });
    const repository = await addRepository(api, host, 'disk', describeLocal(join(stack.directory, 'repository'), 'ferns'));
    const files = await addSource(api, host, 'tree', describeFiles([tree]));
    const shop = await addSource(api, host, 'shop', describePostgres(postgres, 'shop'));
    const plan = await addPlan(api, { name: 'nightly', repository, sources: [files, shop] });
    await awaitSpec(stack, host);
    const run = await api.waitForRun(await runPlan(api, plan), 'succeeded');
    const restore = async (source: ApiSource, target: object, options?: object) => {
      const snapshot = run.snapshots.find((one) => one.source === source.id && one.role === 'data');
      const started = await api.post<ApiRun>('/restores', { snapshot: snapshot?.id, host: host.id, target, options });
      await api.waitForRun(started.id, 'succeeded');
    };
    const directory = join(stack.directory, 'restored');
    await restore(files, { kind: 'directory', path: directory }, { keepPrivileges: true });
    expect(await hashTree(join(directory, tree))).toEqual(await hashTree(tree));
    await restore(shop, { kind: 'database', source: shop.id, database: 'restored' });
    expect(await postgres.hashDatabase('restored')).toEqual(await postgres.hashDatabase('shop'));
    await agent.assertQuiet();
  });

  await test.step('restarted with the used token still in its environment it comes back as itself', async () => {
    await agent.restart();
    await agent.awaitLog(/"msg":"connected"[\s\S]*"msg":"connected"/);
    expect(await api.get<readonly ApiHost[]>('/hosts')).toHaveLength(1);
    expect(existsSync(join(agent.stateDir, 'node_modules'))).toBe(false);
  });
});
