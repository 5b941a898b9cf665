import { existsSync } from 'node:fs';
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quickenKeys } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import { getAdvice, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { ApiHost, ApiRepository, ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { expect, finishStack, test } from '../harness/browser.ts';
import {
  addPlan,
  addSource,
  type Described,
  describeFiles,
  describeLocal,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import {
  describeRest,
  describeS3,
  describeSftp,
  type RemoteStorages,
  startRemoteStorages,
} from '../harness/part2/remote-repositories.ts';
import { awaitSpec, GENERATIONS } from '../harness/part2/world.ts';
import { hashTree, makeFileTree } from '../harness/services/files.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { quickenObjects } from '../harness/services/quick-objects.ts';
import { getRestic, type ResticGeneration } from '../harness/services/tools.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters "under" ferns \\ ü';

let stack: Stack;
let postgres: PostgresHandle;
let storages: RemoteStorages;
let tree: string;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 2);
  });
  const served = startRemoteStorages().then((started) => {
    storages = started;
  });
  [stack] = await Promise.all([startStack(), filled, served]);
  tree = join(stack.directory, 'tree');
  await makeFileTree(tree, { seed: 'every kind', files: 8, megabytes: 1 });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), storages?.stop()]);
});

const KINDS = ['local', 'rest', 's3', 'sftp'] as const;
type Kind = (typeof KINDS)[number];
type TestResult = {
  readonly state: 'ready' | 'missing' | 'failed';
  readonly reason?: string;
  readonly message: string;
};

async function describe(kind: Kind, name: string): Promise<Described> {
  if (kind === 'rest') return await describeRest(storages.rest, name, PASSWORD);
  if (kind === 's3') return await describeS3(storages.s3, 'backups', name, PASSWORD);
  if (kind === 'sftp') return await describeSftp(storages.sftp, name, PASSWORD);
  return describeLocal(join(stack.directory, `repository ${name}`), PASSWORD);
}

/** Where a repository that lies in files has them. */
function findDirectory(kind: Exclude<Kind, 's3'>, name: string): string {
  if (kind === 'rest') return join(storages.rest.dataDirectory, name);
  if (kind === 'sftp') return join(storages.sftp.path, name);
  return join(stack.directory, `repository ${name}`);
}

/** Whether anything lies where the repository would be. */
async function isThere(kind: Kind, name: string): Promise<boolean> {
  if (kind === 's3') return (await storages.s3.listObjects('backups')).some((key) => key.startsWith(`${name}/`));
  return existsSync(kind === 'rest' ? join(findDirectory(kind, name), 'config') : findDirectory(kind, name));
}

/** For the dozens of times that it is opened once it has been made and found with the key that restic gave it. */
async function quicken(kind: Kind, name: string): Promise<void> {
  if (kind === 's3') await quickenObjects(storages.s3, 'backups', name, PASSWORD);
  else quickenKeys(findDirectory(kind, name), PASSWORD);
}

/** The secret with which the storage itself is reached, besides the repository's own password. */
const STORAGE_SECRETS: Readonly<Partial<Record<Kind, string>>> = { rest: 'restPassword', s3: 'secretAccessKey' };

async function proveRepository(kind: Kind, generation: ResticGeneration, { host }: EnrolledHost) {
  const { api } = stack;
  const name = `${kind}-${generation}`;
  const sources = [
    await addSource(api, host, `tree ${name}`, describeFiles([tree])),
    await addSource(api, host, `shop ${name}`, describePostgres(postgres, 'shop')),
  ];
  const described = await describe(kind, name);
  const repository = await api.post<ApiRepository>('/repositories', { name, ...described });
  const ask = (changed: Described = described) =>
    api.post<TestResult>('/repositories/test', { host: host.id, ...changed, base: repository.id });
  const plan = await addPlan(api, { name, repository, sources });
  await awaitSpec(stack, host);

  await test.step(`${name}: missing, and neither a test nor a run makes it`, async () => {
    expect((await api.post<TestResult>(`/repositories/${repository.id}/test`, { host: host.id })).state).toBe('missing');
    const run = await api.waitForRun(await runPlan(api, plan), 'failed');
    expect(run.failure?.reason).toBe('repository_missing');
    expect(await isThere(kind, name)).toBe(false);
  });

  await test.step(`${name}: made once, found, backed up to, restored from`, async () => {
    await api.post(`/repositories/${repository.id}/init`, { host: host.id });
    const again = await api.send('POST', `/repositories/${repository.id}/init`, { host: host.id });
    expect(again.status, again.text).toBe(409);
    expect((await ask()).state).toBe('ready');
    await quicken(kind, name);
    const run = await api.waitForRun(await runPlan(api, plan), 'succeeded');
    await restoreBoth(run.snapshots, sources, host, name);
  });

  await test.step(`${name}: wrong secrets are named for what they are`, async () => {
    const expectReason = async (secrets: Described['secrets'], reason: Reason) => {
      const answer = await ask({ ...described, secrets: { ...described.secrets, ...secrets } });
      expect(answer.state, name).toBe('failed');
      expect(answer.reason, answer.message).toBe(reason);
      expect(answer.message).toContain(getAdvice(reason));
    };
    await expectReason({ password: 'not this one' }, 'repository_password');
    const secret = STORAGE_SECRETS[kind];
    if (secret !== undefined) await expectReason({ [secret]: 'not-this-one' }, 'repository_credentials');
  });
}

async function restoreBoth(snapshots: readonly ApiSnapshot[], sources: readonly ApiSource[], host: ApiHost, name: string) {
  const { api } = stack;
  const restore = async (kind: string, target: (source: ApiSource) => object) => {
    const source = sources.find((one) => one.kind === kind);
    const snapshot = snapshots.find((one) => one.source === source?.id && one.role === 'data');
    if (source === undefined || snapshot === undefined) throw new Error(`No snapshot of ${kind}.`);
    const options = kind === 'files' ? { keepPrivileges: true } : undefined;
    const run = await api.post<ApiRun>('/restores', { snapshot: snapshot.id, host: host.id, target: target(source), options });
    await api.waitForRun(run.id, 'succeeded');
  };
  const directory = join(stack.directory, `restored ${name}`);
  await restore('files', () => ({ kind: 'directory', path: directory }));
  expect(await hashTree(join(directory, tree))).toEqual(await hashTree(tree));
  await restore('postgres', (source) => ({ kind: 'database', source: source.id, database: name }));
  expect(await postgres.hashDatabase(name)).toEqual(await postgres.hashDatabase('shop'));
}

for (const generation of GENERATIONS) {
  test(`with the ${generation} restic each kind is made only when asked, and backs up and restores`, async () => {
    const { path } = await getRestic(generation);
    const enrolled = await stack.enrolHost(`db-${generation}`, { toolPath: [dirname(path)] });
    // Side by side, as far as the host lets them.
    await Promise.all(KINDS.map((kind) => proveRepository(kind, generation, enrolled)));
    await enrolled.agent.assertQuiet();
    if (generation === 'new') await proveSwap(enrolled);
  });
}

/** Somebody puts another repository, with the same password, at the same address. */
async function proveSwap({ host, agent }: EnrolledHost): Promise<void> {
  await test.step('another repository at the same address stops every run, and nothing is stored in it', async () => {
    const { api } = stack;
    const folder = join(stack.directory, 'small');
    await mkdir(folder);
    await writeFile(join(folder, 'file'), 'content');
    const source = await addSource(api, host, 'small', describeFiles([folder]));
    const make = async (name: string) => {
      const described = describeLocal(join(stack.directory, name), PASSWORD);
      const repository = await api.post<ApiRepository>('/repositories', { name, ...described });
      await api.post(`/repositories/${repository.id}/init`, { host: host.id });
      return repository;
    };
    const mine = await make('mine');
    await make('theirs');
    const plan = await addPlan(api, { name: 'swap', repository: mine, sources: [source] });
    await awaitSpec(stack, host);
    await api.waitForRun(await runPlan(api, plan), 'succeeded');
    await rename(join(stack.directory, 'mine'), join(stack.directory, 'taken away'));
    await cp(join(stack.directory, 'theirs'), join(stack.directory, 'mine'), { recursive: true });
    const run = await api.waitForRun(await runPlan(api, plan), 'failed');
    expect(run.failure?.code).toBe('integrity');
    expect(run.failure?.message).toMatch(/another repository/);
    expect(existsSync(join(stack.directory, 'mine', 'snapshots'))).toBe(true);
    await agent.assertQuiet();
  });
}
