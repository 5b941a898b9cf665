import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { type FaultProxy, startFaultProxy } from '../chaos/proxy/fault-proxy.ts';
import { createSeed } from '../chaos/seed.ts';
import type { ApiPlan, ApiRun, ApiSource } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, describePostgres, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { expectWholeLog, expectWholePage } from '../harness/run-proof.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of three days, one each eight hours. */
const LONG_FIRES = 9;
/** The server comes back so long after the last fire that every report is worth a word on its page. */
const AWAY_AFTER_MS = 2 * MINUTE_MS;
/** More than the head of the upgrade and a hello: what a host has to tell is on its way. */
const SPOKEN_BYTES = 2000;
const BETWEEN_LEAPS_MS = 1000;
/** A challenge and a welcome; acknowledgements follow. */
const GREETING_MESSAGES = 2;

let clock: LabClock;
let stack: Stack;
let proxy: FaultProxy;
let world: LocalWorld;
let source: ApiSource;
let postgres: PostgresHandle;

type Run = ApiRun & { readonly reportedAt?: number };
type MissedFire = { readonly fireAt: number; readonly state: 'missed' | 'late' | 'reported'; readonly host: HostId };

test.beforeAll(async () => {
  clock = await startLabClock(5);
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 1);
  });
  stack = await startStack({ env: clock.env });
  proxy = await startFaultProxy({
    target: { port: Number(new URL(stack.server.url).port) },
    seed: createSeed('server down at the fire time'),
    record: () => undefined,
  });
  world = await prepareLocalWorld(stack, 'db', 'new', { env: clock.env, serverUrl: `http://127.0.0.1:${proxy.port}` });
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  source = await addSource(stack.api, world.host, 'folder', describeFiles([folder]));
  await filled;
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await proxy?.close();
  await postgres?.stop();
  await clock?.stop();
});

/** A plan for the next three whole minutes, of this hour alone. */
async function planThreeFires(name: string): Promise<{ plan: ApiPlan; fires: readonly number[] }> {
  const first = Math.ceil((clock.now() + 5000) / MINUTE_MS) * MINUTE_MS;
  const fires = [first, first + MINUTE_MS, first + 2 * MINUTE_MS];
  const minutes = fires.map((at) => new Date(at).getUTCMinutes());
  const schedule = { cron: `${minutes.join(',')} ${new Date(first).getUTCHours()} * * *`, zone: 'UTC' };
  const plan = await addPlan(stack.api, { name, repository: world.repository, sources: [source], schedule });
  await awaitSpec(stack, world.host);
  expect(clock.now(), 'there was time to save the plan').toBeLessThan(first);
  return { plan, fires };
}

/** Runs that the host has ended and the server has not acknowledged. */
function countUntoldEnds(): number {
  // An agent that writes holds its journal for moments.
  const journal = new DatabaseSync(join(world.agent.stateDir, 'journal.db'), { readOnly: true, timeout: 5000 });
  try {
    return journal.prepare("SELECT id FROM outbox WHERE json_extract(event, '$.type') = 'run.finished'").all().length;
  } finally {
    journal.close();
  }
}

/** Each fire comes while nobody but the host is there; what it stores is seen by hand. Its run ends before time leaps to the next. */
async function passFires(fires: readonly number[], snapshotsEach = 1): Promise<void> {
  const before = await world.restic.countSnapshots();
  const endsBefore = countUntoldEnds();
  for (const [index, fireAt] of fires.entries()) {
    await clock.leapTo(fireAt - 300, [world.agent.pid()]);
    const backedUp = async () => (await world.restic.countSnapshots()) === before + (index + 1) * snapshotsEach || undefined;
    await waitFor(`backup ${index + 1} without a server`, backedUp, { deadlineMs: 20_000, intervalMs: 100 });
    const hasEnded = async () => countUntoldEnds() === endsBefore + index + 1 || undefined;
    await waitFor(`the end of run ${index + 1}`, hasEnded, { deadlineMs: 20_000 });
    await world.agent.assertQuiet();
  }
}

/** The host waits longer and longer between its attempts to find the server; here such a wait is over at once. */
async function hurryUntil<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  let hurriedAt = 0;
  const hurry = async (): Promise<T | undefined> => {
    const found = await probe();
    // A line that is there is being greeted or spoken on, which a leap would end.
    const isWaiting = found === undefined && proxy.connections.length === 0;
    if (!isWaiting || performance.now() < hurriedAt + BETWEEN_LEAPS_MS) return found;
    hurriedAt = performance.now();
    await clock.leapTo(clock.now() + MINUTE_MS, [stack.server.pid(), world.agent.pid()]);
    return found;
  };
  return await waitFor(what, hurry, { deadlineMs: 30_000, intervalMs: 5 });
}

const listRuns = async (plan: ApiPlan) =>
  (await stack.api.get<readonly Run[]>('/runs')).filter((run) => 'plan' in run && run.plan === plan.id);

async function awaitEnds(plan: ApiPlan, count: number): Promise<void> {
  const look = async () => {
    const runs = await listRuns(plan);
    return (runs.length === count && runs.every(({ state }) => state === 'succeeded')) || undefined;
  };
  await hurryUntil(`${count} runs that have ended`, look);
}

async function awaitReports(plan: ApiPlan, count: number): Promise<readonly Run[]> {
  await awaitEnds(plan, count);
  // A host reports in order: with a later run here, nothing more of those fires can follow.
  await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
  const runs = await listRuns(plan);
  expect(runs.map(({ trigger }) => trigger)).toEqual(['api', ...Array.from({ length: count }, () => 'schedule')]);
  return runs.slice(1).reverse();
}

/** One run for each fire, at its own time, told after the server came back, and no fire that somebody would have to care for. */
async function expectTruth(plan: ApiPlan, fires: readonly number[], backAt: number): Promise<readonly Run[]> {
  const runs = await awaitReports(plan, fires.length);
  expect(runs.map(({ fireAt }) => fireAt)).toEqual(fires);
  for (const run of runs) {
    const fireAt = run.fireAt ?? 0;
    expect(run.createdAt - fireAt).toBeGreaterThanOrEqual(0);
    expect(run.createdAt - fireAt, 'not late').toBeLessThan(3000);
    expect((run.startedAt ?? 0) - fireAt).toBeLessThan(5000);
    expect(run.finishedAt ?? 0).toBeLessThan(fireAt + MINUTE_MS);
    expect(run.reportedAt ?? 0).toBeGreaterThanOrEqual(backAt);
  }
  const missed = await stack.api.get<readonly MissedFire[]>(`/plans/${plan.id}/missed-fires`);
  expect(missed.filter(({ state }) => state !== 'reported')).toEqual([]);
  return runs;
}

test('three fires without a server are three runs with their true times, told once it is back', async ({ page }) => {
  const { plan, fires } = await planThreeFires('while it was away');
  await stack.server.kill('SIGTERM');
  await passFires(fires);
  await clock.leapTo((fires.at(-1) ?? 0) + AWAY_AFTER_MS, [world.agent.pid()]);
  const backAt = clock.now();
  await stack.server.restart();
  const runs = await expectTruth(plan, fires, backAt);
  expect(await world.restic.countSnapshots()).toBe(4);

  await signIn(page, stack.server.url, stack.admin, '/runs');
  const rows = page.getByRole('row', { name: /by schedule/ });
  await expect(rows).toHaveCount(3);
  await expectAccessible(page);
  for (const run of runs) {
    await expectWholePage(page, stack.server.url, run, await expectWholeLog(stack.api, run));
    await expect(page.locator('main')).toContainText('by schedule');
    await expect(page.locator('main')).toContainText(/ran while the server was away, reported \d+\s*(min|h)\b.* later/);
    await expect(page.locator('main')).not.toContainText('caught up late');
  }
  await takePicture(page, 'run-reported-later');
  await expectAccessible(page);
});

test('a server that is killed twice while it is told of three fires has each once in the end', async ({ page }) => {
  const { plan, fires } = await planThreeFires('killed as it heard');
  const before = await world.restic.countSnapshots();
  await stack.server.kill('SIGTERM');
  await passFires(fires);
  await clock.leapTo((fires.at(-1) ?? 0) + AWAY_AFTER_MS, [world.agent.pid()]);
  const backAt = clock.now();

  await test.step('killed when half of the report has come', async () => {
    proxy.set({ throttle: { bytesPerSecond: 4000, direction: 'up' } });
    await stack.server.restart();
    const isTelling = async () => proxy.connections.some((line) => line.forwardedBytes('up') > SPOKEN_BYTES) || undefined;
    await hurryUntil('the report to be on its way', isTelling);
    await stack.server.kill('SIGKILL');
    proxy.clear();
  });

  await test.step('killed when it knows everything, and the host does not know that it does', async () => {
    proxy.set({ refuse: { chance: 1 } });
    await stack.server.restart();
    expect((await listRuns(plan)).length, 'it was killed in the middle').toBeLessThan(3);
    proxy.set({ messages: { direction: 'down', after: GREETING_MESSAGES, drop: { chance: 1 } } });
    await awaitEnds(plan, 3);
    await stack.server.kill('SIGKILL');
    proxy.clear();
  });

  await stack.server.restart();
  const runs = await expectTruth(plan, fires, backAt);
  expect(await world.restic.countSnapshots()).toBe(before + 4);
  await signIn(page, stack.server.url, stack.admin, '/runs');
  for (const run of runs) await expectWholePage(page, stack.server.url, run, await expectWholeLog(stack.api, run));
});

test('three days without a server cost nothing: each dump is made on time, and told once with its true times and its whole log', async ({
  page,
}) => {
  test.setTimeout(240_000);
  const shop = await addSource(stack.api, world.host, 'shop', describePostgres(postgres, 'shop'));
  const first = Math.ceil((clock.now() + 5000) / MINUTE_MS) * MINUTE_MS;
  const fires = Array.from({ length: LONG_FIRES }, (_, index) => first + index * 8 * HOUR_MS);
  const at = new Date(first);
  const hours = fires.slice(0, 3).map((fire) => new Date(fire).getUTCHours());
  const schedule = { cron: `${at.getUTCMinutes()} ${hours.toSorted((one, other) => one - other).join(',')} * * *`, zone: 'UTC' };
  const plan = await addPlan(stack.api, { name: 'three days', repository: world.repository, sources: [shop], schedule });
  await awaitSpec(stack, world.host);
  expect(clock.now(), 'there was time to save the plan').toBeLessThan(first);
  for (const other of await stack.api.get<readonly ApiPlan[]>('/plans'))
    if (other.id !== plan.id) await stack.api.send('PATCH', `/plans/${other.id}`, { enabled: false });
  await awaitSpec(stack, world.host);
  await stack.server.kill('SIGTERM');
  // The database, and its roles beside it.
  await passFires(fires, 2);
  await clock.leapTo((fires.at(-1) ?? 0) + AWAY_AFTER_MS, [world.agent.pid()]);
  expect(clock.now() - first).toBeGreaterThan(2.5 * 24 * HOUR_MS);
  const backAt = clock.now();
  await stack.server.restart();
  const runs = await expectTruth(plan, fires, backAt);
  for (const run of runs) await expectWholeLog(stack.api, run);
  await signIn(page, stack.server.url, stack.admin, '/runs');
  const [oldest] = runs;
  if (oldest === undefined) throw new Error('there is no run');
  await expectWholePage(page, stack.server.url, oldest, await expectWholeLog(stack.api, oldest));
  await expect(page.locator('main')).toContainText(/ran while the server was away, reported 2\sdays later/);
});
