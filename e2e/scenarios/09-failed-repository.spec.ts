import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { getAdvice } from '@holdfast/shared/domain/reason.ts';
import type { Page } from '@playwright/test';
import type { ProxyConnection } from '../chaos/proxy/connection.ts';
import { type FaultProxy, startFaultProxy } from '../chaos/proxy/fault-proxy.ts';
import { createSeed } from '../chaos/seed.ts';
import type { AgentProcess } from '../harness/agent-process.ts';
import type { ApiHost, ApiPlan, ApiRunDetail } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  createResticByHand,
  type Described,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { restoreSnapshot } from '../harness/pages.ts';
import { awaitTool } from '../harness/part2/freeze.ts';
import { describeRest, describeS3 } from '../harness/part2/remote-repositories.ts';
import { awaitSpec, REPOSITORY_PASSWORD } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { findProcesses, signalQuietly } from '../harness/services/processes.ts';
import { startRestServer } from '../harness/services/rest-server.ts';
import { type S3Handle, startS3 } from '../harness/services/s3.ts';
import { killS3Front, reviveS3Front } from '../harness/services/s3-front.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MEBIBYTE = 1024 * 1024;
const BUCKET = 'backups';
/** What the agent allows a repository that does not answer. */
const PATIENCE_MS = 5 * 60_000;
/** How often it looks whether anything moves. */
const WATCH_MS = 1000;
const LONGEST_LOOK_MS = 5 * 60_000;
/** From the end of that patience until no dump is left. */
const GONE_MS = 5000;
const DUMP = /\/pg_dump /;
/** Slow enough that a part is on its way for a while. */
const SLOW_LINE = { throttle: { bytesPerSecond: 4 * MEBIBYTE, direction: 'up' } } as const;

/**
 * Rows of 16 KiB in a dump. The first third says the same again and again; the rest cannot be compressed by much, so that restic, which takes
 * some hundred megabytes ahead of the line, has to wait for it.
 */
const fillTable = (rows: number): string => `CREATE EXTENSION pgcrypto;
  CREATE TABLE event_log (id integer, body text COMPRESSION lz4);
  INSERT INTO event_log SELECT i, CASE WHEN i < ${Math.round(rows / 3)} THEN repeat(md5(i::text), 512) ELSE
    (SELECT string_agg(translate(encode(gen_random_bytes(1020), 'base64'), E'\\n', ''), k::text) FROM generate_series(i, i + 11) k) END
  FROM generate_series(1, ${rows}) i;
  DROP EXTENSION pgcrypto`;
const ROW_BYTES = 16 * 1024;
const BIG_ROWS = 31_500;
const SMALL_ROWS = 4000;

let clock: LabClock;
let stack: Stack;
let postgres: PostgresHandle;
let s3: S3Handle;
let agent: AgentProcess;
let host: ApiHost;
let resticPath: string;

test.beforeAll(async () => {
  clock = await startLabClock();
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    for (const [name, rows] of [
      ['big', BIG_ROWS],
      ['small', SMALL_ROWS],
    ] as const) {
      await postgres.createDatabase(name);
      await postgres.query(fillTable(rows), name);
    }
  });
  const bucket = startS3().then(async (started) => {
    s3 = started;
    await s3.createBucket(BUCKET);
  });
  const hosted = startStack({ env: clock.env }).then(async (started) => {
    stack = started;
    resticPath = (await getRestic('new')).path;
    ({ agent, host } = await stack.enrolHost('db', { env: clock.env, toolPath: [dirname(resticPath)] }));
  });
  await Promise.all([filled, bucket, hosted]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), s3?.stop()]);
  await clock?.stop();
});

const openLine = (port: number): Promise<FaultProxy> =>
  startFaultProxy({ target: { port }, seed: createSeed('failed repository'), record: () => undefined });

async function preparePlan(database: string, name: string, described: Described): Promise<ApiPlan> {
  const repository = await addRepository(stack.api, host, name, described);
  const source = await addSource(stack.api, host, `${database} to ${name}`, describePostgres(postgres, database));
  const plan = await addPlan(stack.api, { name: `${database} to ${name}`, repository, sources: [source] });
  await awaitSpec(stack, host);
  return plan;
}

const readWrittenBytes = (pid: number): number =>
  Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);

/** Waits until the dump has written so much. */
async function awaitDumped(bytes: number): Promise<number> {
  const dump = await awaitTool(agent, DUMP);
  const hasWritten = async () => readWrittenBytes(dump) >= bytes || undefined;
  await waitFor(`${bytes} bytes of dump`, hasWritten, { deadlineMs: 60_000, intervalMs: 5 });
  return dump;
}

/** Waits until nobody takes anything of the dump any more, and the agent has had time to see that. */
async function awaitStuck(dump: number): Promise<void> {
  let seen = -1;
  const isStuck = async () => {
    const bytes = readWrittenBytes(dump);
    const isSame = bytes === seen;
    seen = bytes;
    return isSame || undefined;
  };
  await waitFor('the dump to be stuck', isStuck, { deadlineMs: 60_000, intervalMs: 2 * WATCH_MS });
}

/** Resets a connection in the middle of what it sends. */
async function resetPart(line: FaultProxy, after: number): Promise<number> {
  const find = async (): Promise<ProxyConnection | undefined> =>
    line.connections.find(
      ({ id, heldBytes, forwardedBytes }) => id > after && forwardedBytes('up') > MEBIBYTE && heldBytes('up') > 0,
    );
  const part = await waitFor('a part to be on its way', find, { deadlineMs: 30_000, intervalMs: 1 });
  part.cut('reset');
  return part.id;
}

const hashRows = (database: string) =>
  postgres.query("SELECT count(*), md5(string_agg(md5(body), '' ORDER BY id)) FROM event_log", database);

/** Restores the run's snapshot by clicks, and compares. */
async function expectRestorable(page: Page, run: ApiRunDetail, database: string): Promise<void> {
  const snapshot = run.snapshots.find(({ role }) => role === 'data');
  await page.goto(`${stack.server.url}/snapshots/${snapshot?.id}`);
  const target = `${database}_restored`;
  await stack.api.waitForRun(await restoreSnapshot(page, { place: new RegExp(database), target }), 'succeeded');
  expect(await hashRows(target)).toBe(await hashRows(database));
}

test('a bucket that dies half-way fails the dump and leaves nothing, and one that resets two parts costs nothing', async ({
  page,
}) => {
  // Half a gigabyte twice and back: on a machine that has much else to do, that takes its time.
  test.setTimeout(420_000);
  const line = await openLine(s3.port);
  const described = await describeS3(
    { ...s3, endpoint: `https://127.0.0.1:${line.port}` },
    BUCKET,
    'restic',
    REPOSITORY_PASSWORD,
  );
  const plan = await preparePlan('big', 's3-eu', described);
  const restic = createResticByHand(resticPath, stack.directory, {
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
    AWS_DEFAULT_REGION: s3.region,
    RESTIC_REPOSITORY: `s3:${s3.endpoint}/${BUCKET}/restic`,
    RESTIC_PASSWORD: REPOSITORY_PASSWORD,
    RESTIC_CACERT: s3.caFile,
  });
  await signIn(page, stack.server.url, stack.admin, '/runs');

  await test.step('S3 dies at half: the run fails for that reason, its dump is gone, and nothing is left once it is back', async () => {
    const id = await runPlan(stack.api, plan);
    const dump = await awaitDumped((BIG_ROWS * ROW_BYTES) / 2);
    await killS3Front(s3);
    await awaitStuck(dump);
    // Only what restic has complained about by itself, which takes it some seconds, can be told from a mere standstill.
    const hasComplained = async () => /returned error, retrying/.test(await stack.api.readLog(id)) || undefined;
    await waitFor('restic to complain', hasComplained, { deadlineMs: 60_000 });
    expect((await stack.api.waitForRun(id, 'running')).state, 'it may come back').toBe('running');
    await clock.leapTo(clock.now() + PATIENCE_MS, [stack.server.pid(), agent.pid()]);
    const isGone = async () => !agent.listTools().some(({ commandLine }) => DUMP.test(commandLine)) || undefined;
    await waitFor('pg_dump to be gone', isGone, { deadlineMs: GONE_MS });
    const run = await stack.api.waitForRun(id, 'failed');
    expect(run.failure?.reason, run.failure?.message).toBe('repository_unreachable');
    expect(run.failure?.message).toContain(getAdvice('repository_unreachable'));
    expect(run.snapshots).toEqual([]);
    await agent.assertQuiet();
    await page.goto(`${stack.server.url}/runs/${id}`);
    await expect(page.locator('main .status').filter({ hasText: 'failed' }).first()).toBeVisible();
    await expect(page.locator('main')).toContainText(getAdvice('repository_unreachable'));

    await reviveS3Front(s3);
    expect(await s3.listUploads(BUCKET)).toEqual([]);
    expect(await restic.countSnapshots()).toBe(0);
    // The agent looks for what restic could not take away ever more rarely, but not more rarely than this.
    const isUnlocked = async () => {
      if ((await restic.listLocks()).length === 0) return true;
      // A leap in the middle of a look would be the end of its patience.
      if (agent.listTools().length === 0) await clock.leapTo(clock.now() + LONGEST_LOOK_MS, [stack.server.pid(), agent.pid()]);
      return undefined;
    };
    await waitFor('the lock to be gone', isUnlocked, { deadlineMs: 120_000, intervalMs: 4000 });
    await restic.run('check');
  });

  await test.step('the next run has two parts reset: it succeeds all the same, and is restored by clicks, equal', async () => {
    line.set(SLOW_LINE);
    const id = await runPlan(stack.api, plan);
    await resetPart(line, await resetPart(line, line.accepted));
    line.clear();
    const run = await stack.api.waitForRun(id, 'succeeded');
    expect(run.bytes).toBeGreaterThan(BIG_ROWS * ROW_BYTES);
    expect(await restic.countSnapshots()).toBe(2);
    expect(await s3.listUploads(BUCKET)).toEqual([]);
    await expectRestorable(page, run, 'big');
  });
  await line.close();
});

test('a rest-server that is killed in mid-dump and comes back costs nothing', async ({ page }) => {
  const first = await startRestServer({ withPassword: false });
  const line = await openLine(first.port);
  let second = first;
  try {
    const url = `http://127.0.0.1:${line.port}/`;
    const described = await describeRest({ ...first, url }, 'shop', REPOSITORY_PASSWORD);
    const plan = await preparePlan('small', 'rest', { ...described, config: { ...described.config, allowHttp: true } });
    line.set(SLOW_LINE);
    const id = await runPlan(stack.api, plan);
    await resetPart(line, line.accepted);
    const servers = findProcesses({ directory: first.dataDirectory }).filter(({ commandLine }) =>
      commandLine.includes('rest-server'),
    );
    expect(servers).not.toEqual([]);
    for (const { pid } of servers) signalQuietly(pid, 'SIGKILL');
    const lines = line.accepted;
    await waitFor('restic to try again', async () => line.accepted > lines + 1 || undefined, { deadlineMs: 20_000 });
    second = await startRestServer({ withPassword: false, dataDirectory: first.dataDirectory });
    line.retarget(second);
    line.clear();
    const run = await stack.api.waitForRun(id, 'succeeded');
    expect(await stack.api.readLog(id)).toMatch(/returned error, retrying/);
    await signIn(page, stack.server.url, stack.admin, '/snapshots');
    await expectRestorable(page, run, 'small');
    const restic = createResticByHand(resticPath, stack.directory, {
      RESTIC_REPOSITORY: second.buildRepository('shop'),
      RESTIC_PASSWORD: REPOSITORY_PASSWORD,
    });
    expect(await restic.listLocks()).toEqual([]);
    await restic.run('check');
    await agent.assertQuiet();
  } finally {
    await line.close();
    await second.stop();
    await first.stop();
  }
});
