import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { openSqliteStore } from '../../server/src/store/sqlite/open.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { awaitSpec, makeFolder, prepareLocalWorld } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
/** Long enough for the server to start, for the host to hear of it and for a run to be ordered. */
const DRAIN_MS = 20_000;

let stack: Stack;
before(async () => {
  stack = await startStack();
});
after(() => stack.stop());

it('A drain ends by itself while the server is gone, and what waited is backed up', { timeout: 120_000 }, async () => {
  const { api, server } = stack;
  const { agent, host, repository, restic } = await prepareLocalWorld(stack, 'db-1');
  const folder = await makeFolder(stack, 'letters');
  await writeFile(join(folder, 'a'), 'dear reader');
  const source = await addSource(api, host, 'letters', describeFiles([folder]));
  const plan = await addPlan(api, { name: 'nightly', repository, sources: [source] });
  await awaitSpec(stack, host);

  // A person chooses whole minutes; the store takes any end.
  await server.stop();
  const path = join(server.dataDir, 'holdfast.db');
  const store = await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock: systemClock });
  const since = systemClock.now();
  await store.hosts.setHostDrain(DEFAULT_TENANT, host.id, { since, until: since + DRAIN_MS, by: 'ada' });
  await store.close();
  await server.restart();
  await api.waitForHost(host.id, 'online', DRAIN_MS);
  await awaitSpec(stack, host);
  const run = await runPlan(api, plan);
  const waits = async () => /waits: this host is drained/.test(await api.readLog(run)) || undefined;
  await waitFor('the run to say that it waits', waits, { deadlineMs: 5_000 });
  await server.kill('SIGKILL');

  await agent.awaitLog(/the drain has ended by itself/, DRAIN_MS);
  const isDone = async () => (await restic.countSnapshots()) === 1 || undefined;
  await waitFor('the backup', isDone, { deadlineMs: 20_000 });
  await server.restart();
  const told = await api.waitForRun(run, 'succeeded', 90_000);
  assert.ok((told.startedAt ?? 0) >= since + DRAIN_MS, 'it began after the drain, by the host’s own clock');
  await agent.assertQuiet();
});
