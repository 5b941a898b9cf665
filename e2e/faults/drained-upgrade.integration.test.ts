import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { ApiHost, ApiPlan, ApiRun } from '../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const PLANS = 50;
/** An agent that is drained and idle has nothing to wait for; the rest is what closing takes on a busy machine. */
const STOP_MS = 5_000;

interface Status {
  drain: { active: number; waiting: number } | null;
  openRuns: readonly unknown[];
}

let stack: Stack;
before(async () => {
  stack = await startStack();
});
after(() => stack.stop());

/** restic waits, in a backup, until the file is there: that many runs are under way when the host is drained. */
async function wrapRestic(gate: string): Promise<string> {
  const { path } = await getRestic('new');
  const wait = `while [ ! -e ${quote(gate)} ]; do sleep 0.05; done`;
  return wrapTool(join(stack.directory, 'slow'), {
    name: 'restic',
    real: path,
    before: `case "$*" in *" backup "*) ${wait};; esac`,
  });
}

async function addPlans({ host, repository }: LocalWorld): Promise<ApiPlan[]> {
  const plans: ApiPlan[] = [];
  for (let n = 0; n < PLANS; n += 1) {
    const folder = join(stack.directory, `folder-${n}`);
    await mkdir(folder);
    await writeFile(join(folder, 'file'), `content of ${n}`);
    const source = await addSource(stack.api, host, `source ${n}`, describeFiles([folder]));
    plans.push(await addPlan(stack.api, { name: `plan ${n}`, repository, sources: [source] }));
  }
  return plans;
}

const listActive = async () => {
  const runs = await stack.api.get<readonly ApiRun[]>('/runs?active=true&limit=200');
  return { running: runs.filter(({ state }) => state !== 'queued'), queued: runs.filter(({ state }) => state === 'queued') };
};

async function readStatus({ agent }: LocalWorld): Promise<Status> {
  const { stdout, stderr, code } = await agent.runCommand(['status', '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Status;
}

/** Sends the host its runs and drains it when so many are under way as it runs at once. */
async function drainInTheMiddle(world: LocalWorld, plans: readonly ApiPlan[]): Promise<RunId[]> {
  const ids: RunId[] = [];
  for (const plan of plans) ids.push(await runPlan(stack.api, plan));
  await waitFor('runs to be under way', async () => (await listActive()).running.length === RUNS.perHost || undefined, {
    deadlineMs: 30_000,
  });
  const drained = await stack.api.post<ApiHost & { drain?: { until: number } }>(`/hosts/${world.host.id}/drain`, { minutes: 30 });
  assert.ok(drained.drain);
  await awaitSpec(stack, world.host);
  return ids;
}

it(`an upgrade in the middle of ${PLANS} runs fails none and repeats none: drain, wait, restart, resume`, {
  timeout: 400_000,
}, async () => {
  const gate = join(stack.directory, 'go');
  const world = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath: [await wrapRestic(gate)] });
  const { agent, host, restic } = world;
  const plans = await addPlans(world);
  const [first] = plans;
  assert.ok(first);
  await awaitSpec(stack, host);
  const ids = await drainInTheMiddle(world, plans);

  const under = await listActive();
  assert.deepEqual([under.running.length, under.queued.length], [RUNS.perHost, PLANS - RUNS.perHost]);
  assert.deepEqual((await readStatus(world)).drain?.active, RUNS.perHost);
  const waited = agent.runCommand(['drained', '--json']);
  await writeFile(gate, '');
  const { code, stdout, stderr } = await waited;
  assert.equal(code, 0, stderr);
  const told = JSON.parse(stdout) as { active: number; waiting: number };
  assert.deepEqual([told.active, told.waiting], [0, PLANS - RUNS.perHost]);

  // What is ordered meanwhile waits with the others, and its log says for what.
  const late = await runPlan(stack.api, first);
  ids.push(late);
  const says = async () => /waits: this host is drained until .* UTC/.test(await stack.api.readLog(late)) || undefined;
  await waitFor('the run that came late to say what it waits for', says, { deadlineMs: 10_000 });

  const stoppedAt = performance.now();
  await agent.kill('SIGTERM');
  assert.ok(performance.now() - stoppedAt < STOP_MS, 'a drained, idle agent stops at once');
  assert.deepEqual(await agent.exited(), { code: 0, signal: null });
  await agent.restart();
  await stack.api.waitForHost(host.id, 'online', 30_000);
  const after = await readStatus(world);
  assert.deepEqual([after.drain?.active, after.drain?.waiting], [0, PLANS - RUNS.perHost + 1], 'still drained after its restart');
  assert.equal((await listActive()).running.length, 0);
  assert.match((await agent.runCommand(['doctor'])).stdout, /note {2}drain: takes no new runs until/);

  await stack.api.post(`/hosts/${host.id}/resume`);
  const ended = await Promise.all(ids.map((id) => stack.api.waitForRun(id, 'succeeded', 300_000)));
  assert.equal(ended.length, PLANS + 1);
  for (const run of ended) assert.equal(run.snapshots.length, 1, `run ${run.id} ran exactly once`);
  assert.equal(await restic.countSnapshots(), PLANS + 1);
  assert.match(await stack.api.readLog(late), /waits: this host is drained.*the wait is over: the run begins/s);
  assert.equal((await readStatus(world)).drain, null);
  await agent.assertQuiet();
});
