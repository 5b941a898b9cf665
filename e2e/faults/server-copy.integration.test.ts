import assert from 'node:assert/strict';
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { ApiPlan, ApiRun } from '../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const RUNS_BEFORE = 2;
const RUNS_AFTER = 3;

let stack: Stack;
let world: LocalWorld;
let plan: ApiPlan;

before(async () => {
  stack = await startStack();
  world = await prepareLocalWorld(stack, 'db');
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const source = await addSource(stack.api, world.host, 'folder', describeFiles([folder]));
  plan = await addPlan(stack.api, { name: 'by hand', repository: world.repository, sources: [source] });
  await awaitSpec(stack, world.host);
});
after(() => stack?.stop());

const run = async () => void (await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded'));

it('a server that was killed and got only its database back, over the old file, is whole again and knows what its hosts did since', async () => {
  for (let n = 0; n < RUNS_BEFORE; n += 1) await run();
  const copy = join(stack.directory, 'copy.db');
  const told = JSON.parse(await stack.server.runCommand(['backup', '--to', copy, '--json'])) as { path: string; bytes: number };
  assert.deepEqual(told, { path: copy, bytes: (await stat(copy)).size });
  for (let n = 0; n < RUNS_AFTER; n += 1) await run();

  const database = join(stack.server.dataDir, 'holdfast.db');
  const { ino } = await stat(database);
  await stack.server.kill('SIGKILL');
  assert.ok((await stat(`${database}-wal`)).size > 0, 'the log of the killed server lies there');
  await copyFile(copy, database);
  assert.equal((await stat(database)).ino, ino);
  await stack.server.restart();
  await stack.server.awaitLog(/exchanged beside the unfinished log of another one/u);
  await stack.server.awaitLog(/not the one that ran here last/u);

  const whole = async () => {
    const runs = await stack.api.get<readonly ApiRun[]>('/runs');
    return runs.length === RUNS_BEFORE + RUNS_AFTER && runs.every(({ state }) => state === 'succeeded') ? true : undefined;
  };
  await waitFor('the host to tell again what it did', whole, { deadlineMs: 90_000, intervalMs: 200 });
  await run();
  assert.equal(await world.restic.countSnapshots(), RUNS_BEFORE + RUNS_AFTER + 1);
  // What was put back is a database one can copy again: every page of it is read for that.
  await stack.server.runCommand(['backup', '--to', copy]);
});
