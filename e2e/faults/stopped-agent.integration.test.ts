import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { ApiRun } from '../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
/** The reading of the answer and a busy machine. */
const SLACK_MS = 5000;

type Happening = { readonly at: number; readonly type: string };

let stack: Stack;
let world: LocalWorld;

before(async () => {
  stack = await startStack();
  world = await prepareLocalWorld(stack, 'stopped');
});
after(async () => {
  await world?.agent.kill('SIGCONT');
  await stack?.stop();
});

const listRuns = () => stack.api.get<readonly ApiRun[]>('/runs?limit=200');

async function countLines(type: string): Promise<number> {
  const all = await stack.api.get<readonly Happening[]>(`/hosts/${world.host.id}/happenings`);
  return all.filter((one) => one.type === type).length;
}

describe('An agent that is stopped and not dead', { timeout: 300_000 }, () => {
  it('is found out although its socket stands, and goes on as if it had slept: each fire once, nothing sent twice', async () => {
    const folder = join(stack.directory, 'folder');
    await mkdir(folder);
    await writeFile(join(folder, 'file'), 'content');
    const source = await addSource(stack.api, world.host, 'folder', describeFiles([folder]));
    const minutely = { cron: '* * * * *', zone: 'UTC' };
    const plan = await addPlan(stack.api, {
      name: 'each minute',
      repository: world.repository,
      sources: [source],
      schedule: minutely,
    });
    await awaitSpec(stack, world.host);
    const first = await waitFor('the first fire', async () => (await listRuns())[0], {
      deadlineMs: MINUTE_MS + 20_000,
      intervalMs: 100,
    });
    await stack.api.waitForRun(first.id, 'succeeded');

    await world.agent.kill('SIGSTOP');
    const stoppedAt = performance.now();
    const cut = async () => ((await countLines('host.disconnected')) === 1 ? true : undefined);
    await waitFor('the server to give the line up', cut, { deadlineMs: MINUTE_MS, intervalMs: 200 });
    // Two pings without an answer, whenever the last frame was.
    const noticedMs = performance.now() - stoppedAt;
    assert.ok(noticedMs <= WIRE.silenceMs + WIRE.watchIntervalMs + SLACK_MS, `${noticedMs} ms`);
    const missed = (first.fireAt ?? 0) + 2 * MINUTE_MS;
    const passed = async () => (Date.now() > missed - MINUTE_MS + 2000 ? true : undefined);
    await waitFor('a fire that comes while it is stopped', passed, { deadlineMs: 2 * MINUTE_MS, intervalMs: 200 });
    assert.equal((await listRuns()).length, 1, 'nothing ran meanwhile');
    assert.equal(world.agent.isRunning(), true);

    await world.agent.kill('SIGCONT');
    const caughtUp = async () => (await listRuns()).find((run) => (run.fireAt ?? 0) > (first.fireAt ?? 0));
    const second = await waitFor('the fire it slept through', caughtUp, { deadlineMs: 30_000, intervalMs: 100 });
    await stack.api.waitForRun(second.id, 'succeeded');
    await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    assert.equal(await countLines('host.connected'), 2);
    const runs = await listRuns();
    const fires = runs.flatMap((run) => run.fireAt ?? []);
    assert.equal(new Set(fires).size, fires.length, 'no fire twice');
    assert.equal(await world.restic.countSnapshots(), runs.filter((run) => run.state === 'succeeded').length);
  });
});
