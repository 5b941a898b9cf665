import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiHost, ApiPlan, ApiRun, ApiSource } from '../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { openFaketime, sweepOfTheDead } from '../harness/faketime.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const HOUR_MS = 3_600_000;
const AHEAD_MS = 2 * HOUR_MS;
const JUMP_MS = 3 * HOUR_MS;
/** A tick of the agent and then some. */
const NOTICE_MS = 40_000;
/** What was missed is caught up within a tenth of the grace. */
const GRACE_MINUTES = 10;
const CATCH_UP_MS = (GRACE_MINUTES * 60_000) / 10;

type Skewed = ApiHost & { readonly skewMs?: number; readonly skewLevel?: string };
type Happening = { readonly type: string; readonly text: string };

let stack: Stack;
let world: LocalWorld;
let clockFile: string;

/** The agent's wall clock from now on, by a library between it and the kernel. Its monotonic clock stays what it is. */
const setClock = (offsetMs: number) => writeFile(clockFile, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1000}\n`);

before(async () => {
  stack = await startStack();
  clockFile = join(stack.directory, 'clock');
  await setClock(AHEAD_MS);
  const library = openFaketime();
  world = await prepareLocalWorld(stack, 'ahead', 'new', {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
});
after(async () => {
  await stack?.stop();
  sweepOfTheDead();
});

async function makeSource(name: string): Promise<ApiSource> {
  const folder = join(stack.directory, name);
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  return await addSource(stack.api, world.host, name, describeFiles([folder]));
}

/** The minute of a day in UTC, as cron. */
const writeCron = (at: number) => `${new Date(at).getUTCMinutes()} ${new Date(at).getUTCHours()} * * *`;

const listRuns = () => stack.api.get<readonly ApiRun[]>('/runs');

async function awaitNotice(pattern: RegExp): Promise<string> {
  const look = async () => {
    const all = await stack.api.get<readonly Happening[]>(`/hosts/${world.host.id}/happenings`);
    return all.find(({ text }) => pattern.test(text))?.text;
  };
  return await waitFor(String(pattern), look, { deadlineMs: NOTICE_MS, intervalMs: 200 });
}

describe('A host whose clock is two hours ahead', { timeout: 240_000 }, () => {
  it('is known for it, takes orders all the same, and its runs have the length they had', async () => {
    const host = await stack.api.get<Skewed>(`/hosts/${world.host.id}`);
    assert.ok(Math.abs((host.skewMs ?? 0) - AHEAD_MS) < 5000, `${host.skewMs} ms`);
    assert.equal(host.skewLevel, 'alert');
    const plan = await addPlan(stack.api, { name: 'by hand', repository: world.repository, sources: [await makeSource('one')] });
    await awaitSpec(stack, world.host);
    const startedAt = performance.now();
    const run = await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    const tookMs = (run.finishedAt ?? 0) - (run.startedAt ?? 0);
    assert.ok(tookMs >= 0 && tookMs <= performance.now() - startedAt + 1000, `${tookMs} ms`);
    assert.equal(await world.restic.countSnapshots(), 1);
  });

  it('has its clock set forward over a fire and back again: the fire is one run, late, and both jumps are told', async () => {
    // In the host's time: due in almost three hours, some minutes before where the clock is set to.
    const fireAt = Math.floor((Date.now() + AHEAD_MS + JUMP_MS) / 60_000) * 60_000 - 4 * 60_000;
    const source = await makeSource('two');
    const schedule = { cron: writeCron(fireAt), zone: 'UTC' };
    // Fires count from when a plan was made, by the clock of the server.
    const plan: ApiPlan = await addPlan(stack.api, {
      name: 'daily',
      repository: world.repository,
      sources: [source],
      schedule,
      options: { graceMinutes: GRACE_MINUTES },
    });
    await awaitSpec(stack, world.host);
    await setClock(AHEAD_MS + JUMP_MS);
    const fired = async () => (await listRuns()).find((run) => run.fireAt === fireAt);
    const first = await waitFor('the fire that was jumped over', fired, {
      deadlineMs: NOTICE_MS + CATCH_UP_MS,
      intervalMs: 100,
    });
    assert.equal((await stack.api.waitForRun(first.id, 'succeeded')).trigger, 'catch_up');
    await awaitNotice(/the clock moved by 1[01]\d{3} s/u);

    await setClock(0);
    await awaitNotice(/the clock moved by -1[78]\d{3} s/u);
    // A host reports in order, and looks at its plans before it tells of the jump: with the next run here nothing can follow.
    await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    const runs = await listRuns();
    assert.deepEqual(
      runs.map((run) => run.fireAt).filter((at) => at !== undefined),
      [fireAt],
    );
    assert.equal(await world.restic.countSnapshots(), 3);
  });
});
