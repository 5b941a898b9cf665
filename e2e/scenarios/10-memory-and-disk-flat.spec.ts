import { join } from 'node:path';
import { readMemory, resetPeak } from '../bench/process-usage.ts';
import type { AgentProcess } from '../harness/agent-process.ts';
import type { ApiSnapshot } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describePostgres } from '../harness/catalog.ts';
import { restoreSnapshot, runNow } from '../harness/pages.ts';
import { type ScratchWatch, watchScratch } from '../harness/part2/scratch-watch.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { startTmpfs, type TmpfsHandle } from '../harness/services/tmpfs.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const MEGABYTE = 1_000_000;
const SMALL_MB = 10;
/** Many times what the agent may grow by; the same with 2 GB is a benchmark (`agent-rss-delta`). */
const BIG_MB = 150;
const GROWTH_LIMIT_MB = 40;
/** restic puts its packs of 16 MiB together in the scratch space of the agent: a few at once, however big the database is. */
const PACKS_MB = 100;

let stack: Stack;
let postgres: PostgresHandle;
/** What the agent itself may put down: next to nothing. */
let tiny: TmpfsHandle;
let scratch: ScratchWatch;
let host: EnrolledHost;

test.beforeAll(async () => {
  tiny = await startTmpfs(MEGABYTE);
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('small', SMALL_MB);
    await postgres.fillDatabase('big', BIG_MB);
  });
  [stack] = await Promise.all([startStack(), filled]);
  host = await stack.enrolHost('db-1', { env: { TMPDIR: tiny.path } });
  await host.agent.assertQuiet();
  scratch = await watchScratch(host.agent);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await scratch?.stop();
  await finishStack(stack, info);
  await postgres?.stop();
  await tiny?.stop();
});

/** The most memory the agent held while `act` went on, in bytes, by the kernel's own count. */
async function measurePeak(agent: AgentProcess, act: () => Promise<unknown>): Promise<number> {
  resetPeak(agent.pid());
  await act();
  return readMemory(agent.pid()).peakBytes;
}

test('a database of any size goes and comes back through the memory and the scratch space of a small one', async ({ page }) => {
  test.setTimeout(240_000);
  const { url } = stack.server;
  const { api } = stack;
  const path = join(stack.directory, 'repository');
  const repository = await addRepository(api, host.host, 'disk', describeLocal(path, 'otters under ferns'));
  await signIn(page, url, stack.admin, '/plans');
  const goThereAndBack = async (database: string): Promise<void> => {
    const source = await addSource(api, host.host, database, describePostgres(postgres, database));
    const plan = await addPlan(api, { name: `nightly ${database}`, repository, sources: [source] });
    await awaitSpec(stack, host.host);
    await page.goto(`${url}/plans/${plan.id}`);
    await api.waitForRun(await runNow(page), 'succeeded');
    const packs = scratch.takePeak();
    expect(packs, 'this is where they are').toBeGreaterThan(0);
    expect(packs / MEGABYTE).toBeLessThan(PACKS_MB);
    const [snapshot] = (await api.get<readonly ApiSnapshot[]>(`/snapshots?source=${source.id}&role=data`)) ?? [];
    await page.goto(`${url}/snapshots/${snapshot?.id}`);
    await api.waitForRun(
      await restoreSnapshot(page, { place: new RegExp(database), target: `${database}_restored` }),
      'succeeded',
    );
    expect(scratch.takePeak(), 'a restore goes by way of no file').toBeLessThan(MEGABYTE);
    expect(await postgres.hashDatabase(`${database}_restored`)).toEqual(await postgres.hashDatabase(database));
  };
  // What is loaded at a first run is not what a size costs.
  const small = await measurePeak(host.agent, () => goThereAndBack('small'));
  const big = await measurePeak(host.agent, () => goThereAndBack('big'));
  expect((big - small) / MEGABYTE).toBeLessThan(GROWTH_LIMIT_MB);
  await host.agent.assertQuiet();
});
