import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { ApiHost, ApiPlan, ApiRun, ApiSnapshot } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const ONLINE_MS = 70_000;

let stack: Stack;

test.beforeAll(async () => {
  stack = await startStack();
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
});

type Happening = { readonly type: string; readonly level: string; readonly text: string };

const copyPath = () => join(stack.directory, 'yesterday');
const listRuns = () => stack.api.get<readonly ApiRun[]>('/runs?limit=200');
const listGood = () => stack.api.get<readonly ApiSnapshot[]>('/snapshots?state=good&limit=200');
const listHappenings = (host: ApiHost) => stack.api.get<readonly Happening[]>(`/hosts/${host.id}/happenings?limit=200`);

/**
 * What happened, as far as the ledger tells it: not when the server heard of it, and not the instant of an order, which only the
 * server that gave it knew.
 */
async function readLedger(host: ApiHost) {
  const runs = (await listRuns()).map(({ id, state, trigger, startedAt, finishedAt, bytes, logLines }) => ({
    ...{ id, state, trigger, startedAt, finishedAt, bytes, logLines },
  }));
  const snapshots = (await listGood()).map(({ id, engineId, run, state, sizeBytes }) => ({
    id,
    engineId,
    run,
    state,
    sizeBytes,
  }));
  const notices = (await listHappenings(host)).filter(({ type }) => type === 'notice' || type === 'reconciled');
  return { runs, snapshots, notices: notices.map(({ text }) => text).sort() };
}

async function takeCopy(): Promise<void> {
  await rm(copyPath(), { recursive: true, force: true });
  await stack.server.kill('SIGTERM');
  await cp(stack.server.dataDir, copyPath(), { recursive: true });
  await stack.server.restart();
}

/** The whole directory, marks included, as an operator puts a backup of it back. */
async function putCopyBack(): Promise<void> {
  await stack.server.kill('SIGKILL');
  await rm(stack.server.dataDir, { recursive: true });
  await cp(copyPath(), stack.server.dataDir, { recursive: true });
  await stack.server.restart();
}

const awaitRuns = (what: string, isMet: (runs: readonly ApiRun[]) => boolean) =>
  waitFor(what, async () => (isMet(await listRuns()) ? true : undefined), { deadlineMs: ONLINE_MS });

async function expectWholeLog(id: RunId, logLines: number): Promise<void> {
  const { lines } = await stack.api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=2000`);
  expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: logLines }, (_, index) => index + 1));
}

test('a server put back from an older copy learns again what happened since, exactly once, and runs nothing old', async ({
  page,
}) => {
  const { api } = stack;
  const world: LocalWorld = await prepareLocalWorld(stack, 'db');
  const { host, repository, restic } = world;
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const source = await addSource(api, host, 'folder', describeFiles([folder]));
  const plan = await addPlan(api, { name: 'by hand', repository, sources: [source] });
  await awaitSpec(stack, host);
  const backUp = async (content: string): Promise<RunId> => {
    await writeFile(join(folder, 'file'), content);
    const id = await runPlan(api, plan);
    await api.waitForRun(id, 'succeeded');
    return id;
  };
  const before = await backUp('before the copy');

  // The copy holds one more run that is ordered and not yet delivered: to the older server it is still to be done.
  await world.agent.kill('SIGTERM');
  const pending = await runPlan(api, plan);
  await takeCopy();
  const specThen = (await api.get<ApiHost & { specVersion: number }>(`/hosts/${host.id}`)).specVersion;
  await world.agent.restart();
  await api.waitForHost(host.id, 'online', ONLINE_MS);
  await api.waitForRun(pending, 'succeeded');
  const after = await backUp('after the copy');
  await api.post(`/hosts/${host.id}/rotate-token`);
  await addPlan(api, { name: 'forgotten with the copy', repository, sources: [source] });
  await awaitSpec(stack, host);
  // The new token is used, so that only a token the older server never heard of is the host's first.
  await world.agent.kill('SIGTERM');
  await world.agent.restart();
  await api.waitForHost(host.id, 'online', ONLINE_MS);
  const last = await backUp('with the new token');
  const truth = await readLedger(host);
  expect(truth.runs.map(({ id }) => id).sort()).toEqual([before, pending, after, last].sort());
  expect(await restic.countSnapshots()).toBe(4);

  await putCopyBack();
  expect((await listRuns()).map(({ id }) => id).sort(), 'the older server knows less').toEqual([before, pending].sort());

  await test.step('the ledger is what happened, and the host is online by its former token', async () => {
    await awaitRuns('the runs to be told again', (runs) => runs.length === 4 && runs.every(({ state }) => state === 'succeeded'));
    await api.waitForHost(host.id, 'online', ONLINE_MS);
    expect(await readLedger(host)).toEqual(truth);
    for (const { id, logLines } of truth.runs) await expectWholeLog(id, logLines);
    const types = (await listHappenings(host)).map(({ type }) => type);
    expect(types).toContain('host.server_behind');
  });

  await test.step('nothing old ran again', async () => {
    expect(await restic.countSnapshots()).toBe(4);
    await world.agent.assertQuiet();
  });

  await test.step('settings go on above what the host has, and the plan of the lost day is gone from it', async () => {
    await awaitSpec(stack, host);
    const { specVersion } = await api.get<ApiHost & { specVersion: number }>(`/hosts/${host.id}`);
    expect(specVersion).toBeGreaterThan(specThen + 1);
    expect((await api.get<readonly ApiPlan[]>('/plans')).map(({ name }) => name)).toEqual(['by hand']);
  });

  await test.step('life goes on: the next run is one run', async () => {
    await backUp('after the restore');
    expect(await restic.countSnapshots()).toBe(5);
    expect(await listRuns()).toHaveLength(5);
  });

  await test.step('the host’s page says what happened', async () => {
    await signIn(page, stack.server.url, stack.admin, `/hosts/${host.id}`);
    await expect(page.locator('main')).toContainText('its data is older than the host’s reports');
    await page.goto('about:blank');
  });

  await test.step('put back a second time, with the database alone, it learns everything again', async () => {
    const now = await readLedger(host);
    await stack.server.kill('SIGKILL');
    for (const suffix of ['', '-wal', '-shm']) await rm(join(stack.server.dataDir, `holdfast.db${suffix}`), { force: true });
    await cp(join(copyPath(), 'holdfast.db'), join(stack.server.dataDir, 'holdfast.db'));
    await stack.server.restart();
    expect(stack.server.readLog()).toContain('this database is not the one that ran here last');
    await awaitRuns('all runs to be told again', (runs) => runs.length === 5 && runs.every(({ state }) => state === 'succeeded'));
    await api.waitForHost(host.id, 'online', ONLINE_MS);
    await waitFor('the whole ledger', async () => ((await listGood()).length === 5 ? true : undefined), { deadlineMs: 5000 });
    expect(await readLedger(host)).toEqual(now);
    expect(await restic.countSnapshots()).toBe(5);
  });
});
