import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanOptionsChange } from '@holdfast/shared/domain/plan.ts';
import { getAdvice, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { ApiRepository, ApiRunDetail, ApiSource } from '../harness/api.ts';
import { expect, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  createResticByHand,
  describeLocal,
  describeMariadb,
  describePostgres,
  type ResticByHand,
  runPlan,
} from '../harness/catalog.ts';
import { awaitTool } from '../harness/part2/freeze.ts';
import { GENERATIONS, type LocalWorld, prepareLocalWorld, REPOSITORY_PASSWORD } from '../harness/part2/world.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { signalQuietly } from '../harness/services/processes.ts';
import { startRestServer } from '../harness/services/rest-server.ts';
import { startServiceProcess } from '../harness/services/service-process.ts';
import { startTmpfs } from '../harness/services/tmpfs.ts';
import { runTool } from '../harness/services/tool-run.ts';
import type { ResticGeneration } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { startWebhookSink, type WebhookSink } from '../harness/services/webhook-sink.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** What pg_dump says of a server that ends its connection, depending on how much of its farewell still gets through. */
const HANG_UP = /server closed the connection unexpectedly|terminating connection due to administrator command/;
/** One table of 40 MB, a fourth of it incompressible: the dump is in the middle of it as soon as its first bytes are read. */
const BIG_TABLE = `CREATE TABLE event_log AS
  SELECT i AS id, (SELECT string_agg(md5(i || '/' || k), '') FROM generate_series(1, 16) k) || repeat('a quick brown fox ', 30) AS body
  FROM generate_series(1, 40000) i`;

/** The same in MariaDB's words. */
const BIG_MARIADB_TABLE = `CREATE TABLE event_log AS
  SELECT seq AS id, CONCAT(SHA2(seq, 512), SHA2(-seq, 512), SHA2(seq / 7, 512), SHA2(seq / 11, 512), REPEAT('a quick brown fox ', 30)) AS body
  FROM seq_1_to_40000`;
/** What mariadb-dump says of a server that ends its connection, or is gone. */
const LOST = /Lost connection|Connection was killed|gone away/;

let stack: Stack;
let postgres: PostgresHandle;
let mariadb: MariadbHandle;
let sink: WebhookSink;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.createDatabase('shop');
    await postgres.query(BIG_TABLE, 'shop');
  });
  const filledToo = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.createDatabase('shop');
    await mariadb.query(BIG_MARIADB_TABLE, 'shop');
  });
  const key = randomBytes(32);
  [stack, sink] = await Promise.all([
    startStack({ env: { HOLDFAST_OUTGOING_CIDR: '127.0.0.0/8' } }),
    startWebhookSink(key),
    filled,
    filledToo,
  ]);
  const secrets = { url: `${sink.url}/told`, signingKey: `whsec_${key.toString('base64')}` };
  await stack.api.post('/channels', { name: 'on-call', kind: 'webhook', secrets });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), mariadb?.stop(), sink?.stop()]);
});

type World = LocalWorld & { readonly generation: ResticGeneration; readonly shop: ApiSource };

/** A host with a local repository in which nothing has been stored yet. */
async function prepareWorld(generation: ResticGeneration, purpose: string): Promise<World> {
  const world = await prepareLocalWorld(stack, `${generation}-${purpose}`, generation);
  const shop = await addSource(stack.api, world.host, 'shop', describePostgres(postgres, 'shop'));
  return { ...world, generation, shop };
}

type Fault = {
  readonly name: string;
  readonly reason: Reason;
  readonly source?: ApiSource;
  readonly repository?: ApiRepository;
  /** The repository as a person with restic sees it; the world's own unless told, null where it cannot be looked into. */
  readonly restic?: ResticByHand | null;
  readonly options?: PlanOptionsChange;
  /** While the run goes on. */
  readonly disturb?: () => Promise<void>;
};

/** Runs a plan into a fault: failed, with a reason and its advice, and nothing left anywhere. */
async function expectFailure(world: World, fault: Fault): Promise<ApiRunDetail> {
  const { api } = stack;
  const { source = world.shop, repository = world.repository, restic = world.restic } = fault;
  return await test.step(fault.name, async () => {
    const before = await restic?.countSnapshots();
    const { name, options = {} } = fault;
    const plan = await addPlan(api, { name: `${name} ${world.generation}`, repository, sources: [source], options });
    const id = await runPlan(api, plan);
    await fault.disturb?.();
    const run = await api.waitForRun(id, 'failed', 30_000);
    expect(run.failure?.reason, run.failure?.message).toBe(fault.reason);
    expect(run.failure?.message).toContain(getAdvice(fault.reason));
    expect(run.parts.map((part) => part.state)).toEqual(['failed']);
    expect(run.snapshots.filter((snapshot) => snapshot.state === 'good' || snapshot.state === 'partial')).toEqual([]);
    await world.agent.assertQuiet();
    if (restic !== null) {
      expect(await restic.countSnapshots()).toBe(before);
      expect(await restic.listLocks()).toEqual([]);
    }
    return run;
  });
}

/** Stops the run's restic, acts, and lets it go on. */
async function holdingStore(world: World, act: () => Promise<unknown>): Promise<void> {
  const store = await awaitTool(world.agent, /restic\b.* backup\b/);
  signalQuietly(store, 'SIGSTOP');
  try {
    await act();
  } finally {
    signalQuietly(store, 'SIGCONT');
  }
}

/** Stops the run's restic while pg_dump is in the middle of its largest table, acts, and lets restic go on. */
async function disturbDump(world: World, act: (facts: { backend: string; dump: number }) => Promise<unknown>): Promise<void> {
  const dump = await awaitTool(world.agent, /\/pg_dump /);
  await holdingStore(world, async () => {
    const findBackend = async (): Promise<string | undefined> =>
      (await postgres.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND state = 'active' AND query LIKE 'COPY %' AND wait_event = 'ClientWrite'",
      )) || undefined;
    const backend = await waitFor('pg_dump to be stuck in its copy', findBackend, { deadlineMs: 15_000 });
    await act({ backend, dump });
  });
}

/** The same of mariadb-dump, whose server waits until it can write more. */
async function disturbMariadbDump(world: World, act: (facts: { connection: string; dump: number }) => Promise<unknown>) {
  const dump = await awaitTool(world.agent, /\/mariadb-dump /);
  await holdingStore(world, async () => {
    const findConnection = async (): Promise<string | undefined> =>
      (await mariadb.query(
        "SELECT id FROM information_schema.processlist WHERE db = 'shop' AND state = 'Writing to net' AND info LIKE '%event_log%'",
      )) || undefined;
    const connection = await waitFor('mariadb-dump to be stuck in its table', findConnection, { deadlineMs: 15_000 });
    await act({ connection, dump });
  });
}

for (const generation of GENERATIONS) {
  test(`with the ${generation} restic a dump that dies is no snapshot, and leaves no trace`, async ({ page }) => {
    const world = await prepareWorld(generation, 'dumps');

    const run = await expectFailure(world, {
      name: 'the database ends the connection in the middle of the dump',
      reason: 'dump_failed',
      disturb: () => disturbDump(world, ({ backend }) => postgres.query(`SELECT pg_terminate_backend(${backend})`)),
    });
    expect(await stack.api.readLog(run.id)).toMatch(HANG_UP);

    await test.step('the page tells the tool’s own words and what to do', async () => {
      await signIn(page, stack.server.url, stack.admin, `/runs/${run.id}`);
      await expect(page.locator('main .status').filter({ hasText: 'failed' }).first()).toBeVisible();
      await expect(page.getByRole('heading', { name: 'What went wrong' })).toBeVisible();
      await expect(page.locator('main')).toContainText(getAdvice('dump_failed'));
      await expect(page.getByRole('log')).toContainText(HANG_UP);
      await takePicture(page, 'run-failed');
    });

    await test.step('whoever is on call is told: what failed, and in which words', async () => {
      const title = `The backup of ${world.host.name} / shop failed`;
      const listTitles = () => sink.messages.map(({ type, data }) => [type, data['title']]);
      await expect.poll(listTitles, { timeout: 20_000 }).toContainEqual(['alert.raised', title]);
      const told = sink.messages.find(({ data }) => data['title'] === title);
      expect(told).toMatchObject({ isSigned: true, data: { condition: 'backup.failed', severity: 'critical' } });
      expect(String(told?.data['log'])).toMatch(HANG_UP);
    });

    await expectFailure(world, {
      name: 'pg_dump is killed in the middle',
      reason: 'dump_failed',
      disturb: () => disturbDump(world, async ({ dump }) => signalQuietly(dump, 'SIGKILL')),
    });

    await test.step('after that the same backup succeeds at once', async () => {
      const plan = await addPlan(stack.api, { name: `good ${generation}`, repository: world.repository, sources: [world.shop] });
      await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
      expect(await world.restic.countSnapshots()).toBe(2);
    });
  });

  test(`with the ${generation} restic every other fault has its state and its advice`, async () => {
    const { api } = stack;
    const world = await prepareWorld(generation, 'faults');
    const { host, repositoryPath } = world;
    const wrongPassword = describePostgres({ ...postgres, password: 'wrong' }, 'shop');
    await expectFailure(world, {
      name: 'wrong database password',
      reason: 'database_authentication',
      source: await addSource(api, host, 'wrong password', wrongPassword),
    });
    await expectFailure(world, {
      name: 'database gone',
      reason: 'database_missing',
      source: await addSource(api, host, 'gone', describePostgres(postgres, 'gone')),
    });
    const wrong = describeLocal(repositoryPath, 'not the password');
    await expectFailure(world, {
      name: 'wrong repository password',
      reason: 'repository_password',
      repository: await addRepository(api, host, `wrong ${generation}`, wrong, { isMissing: true }),
    });
    const nowhere = join(stack.directory, `nowhere-${generation}`);
    await expectFailure(world, {
      name: 'repository missing',
      reason: 'repository_missing',
      repository: await addRepository(api, host, `missing ${generation}`, describeLocal(nowhere, REPOSITORY_PASSWORD), {
        isMissing: true,
      }),
      restic: null,
    });
    expect(existsSync(nowhere), 'a repository is never made silently').toBe(false);
    await provokeLock(world);
    await provokeFullDisk(world);
    await provokeUnreachable(world);
  });
}

test('a MariaDB dump that dies, or cannot begin, is no snapshot either, and leaves no trace', async () => {
  const { api } = stack;
  const world = await prepareWorld('new', 'mariadb');
  const shop = await addSource(api, world.host, 'mariadb shop', describeMariadb(mariadb, 'shop'));
  const cut = await expectFailure(world, {
    name: 'MariaDB ends the connection in the middle of the dump',
    reason: 'dump_failed',
    source: shop,
    disturb: () => disturbMariadbDump(world, ({ connection }) => mariadb.query(`KILL ${connection}`)),
  });
  expect(await api.readLog(cut.id)).toMatch(LOST);
  await expectFailure(world, {
    name: 'mariadb-dump is killed in the middle',
    reason: 'dump_failed',
    source: shop,
    disturb: () => disturbMariadbDump(world, async ({ dump }) => signalQuietly(dump, 'SIGKILL')),
  });
  const crashed = await expectFailure(world, {
    name: 'MariaDB is killed in the middle of the dump',
    reason: 'dump_failed',
    source: shop,
    disturb: () => disturbMariadbDump(world, () => mariadb.crash()),
  });
  expect(await api.readLog(crashed.id)).toMatch(LOST);
  await expectFailure(world, { name: 'MariaDB is down', reason: 'database_unreachable', source: shop });
  await mariadb.startAgain();
  const wrongPassword = describeMariadb({ ...mariadb, password: 'wrong' }, 'shop');
  await expectFailure(world, {
    name: 'wrong MariaDB password',
    reason: 'database_authentication',
    source: await addSource(api, world.host, 'mariadb wrong password', wrongPassword),
  });
  await expectFailure(world, {
    name: 'MariaDB database gone',
    reason: 'database_missing',
    source: await addSource(api, world.host, 'mariadb gone', describeMariadb(mariadb, 'gone')),
  });
  await test.step('after that the same backup succeeds at once', async () => {
    const plan = await addPlan(api, { name: 'good mariadb', repository: world.repository, sources: [shop] });
    await api.waitForRun(await runPlan(api, plan), 'succeeded');
    expect(await world.restic.countSnapshots()).toBe(1);
  });
});

/** Somebody's restic, stopped dead while it holds the repository for itself alone. */
async function provokeLock(world: World): Promise<void> {
  const locks = join(world.repositoryPath, 'locks');
  const env = {
    HOME: stack.directory,
    RESTIC_CACHE_DIR: join(stack.directory, 'other-cache'),
    RESTIC_REPOSITORY: world.repositoryPath,
    RESTIC_PASSWORD: REPOSITORY_PASSWORD,
  };
  const other = startServiceProcess({ command: world.resticPath, args: ['check', '--read-data'], env });
  try {
    const holds = async () => readdirSync(locks).some((name) => /^[0-9a-f]{64}$/.test(name)) || undefined;
    await waitFor('the lock', holds, { deadlineMs: 15_000, intervalMs: 2 });
    signalQuietly(other.pid, 'SIGSTOP');
    expect(await world.restic.listLocks()).toHaveLength(1);
    // One that may take longer waits aside for the other.
    const options = { timeoutMinutes: 1 };
    await expectFailure(world, { name: 'repository locked', reason: 'repository_locked', restic: null, options });
    const patient = await addPlan(stack.api, {
      name: `patient ${world.generation}`,
      repository: world.repository,
      sources: [world.shop],
    });
    const waiting = await runPlan(stack.api, patient);
    const isAside = async () => /waits until others let go of the repository/.test(await stack.api.readLog(waiting)) || undefined;
    await waitFor('a run that waits', isAside, { deadlineMs: 30_000, intervalMs: 200 });
    await stack.api.post(`/runs/${waiting}/cancel`);
    await stack.api.waitForRun(waiting, 'cancelled', 15_000);
    expect(await world.restic.listLocks(), 'the lock of another is left alone').toHaveLength(1);
    signalQuietly(other.pid, 'SIGCONT');
    await other.exited;
    expect(await world.restic.listLocks()).toEqual([]);
  } finally {
    signalQuietly(other.pid, 'SIGCONT');
    await other.stop('SIGKILL');
  }
}

async function provokeFullDisk(world: World): Promise<void> {
  const { generation, host, resticPath } = world;
  const disk = await startTmpfs(4 * 1024 * 1024);
  try {
    const path = join(disk.path, 'repository');
    const repository = await addRepository(stack.api, host, `small ${generation}`, describeLocal(path, REPOSITORY_PASSWORD));
    const env = { RESTIC_REPOSITORY: path, RESTIC_PASSWORD: REPOSITORY_PASSWORD };
    const restic = createResticByHand(resticPath, stack.directory, env);
    await expectFailure(world, { name: 'disk full', reason: 'repository_full', repository, restic });
    await test.step('with room made, the next run succeeds', async () => {
      await runTool('mount', ['-o', 'remount,size=200m', disk.path]);
      const plan = await addPlan(stack.api, { name: `room ${generation}`, repository, sources: [world.shop] });
      await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    });
  } finally {
    await disk.stop();
  }
}

async function provokeUnreachable(world: World): Promise<void> {
  const { generation, host } = world;
  const server = await startRestServer();
  try {
    const repository = await addRepository(stack.api, host, `away ${generation}`, {
      kind: 'rest',
      config: { url: `${server.url}shop`, username: server.user ?? '', allowHttp: true },
      secrets: { password: REPOSITORY_PASSWORD, restPassword: server.password ?? '' },
    });
    await server.stop();
    await expectFailure(world, {
      name: 'repository unreachable',
      reason: 'repository_unreachable',
      repository,
      restic: null,
    });
  } finally {
    await server.stop();
  }
}
