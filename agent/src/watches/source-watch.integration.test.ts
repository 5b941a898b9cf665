import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { judgeFailuresInARow } from '@holdfast/shared/domain/source-health.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import { SOURCE_LOOK_FRAMES, type SourceLook } from '@holdfast/shared/protocol/source-looks.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { startPostgres } from '../handlers/fixtures/database-servers.ts';
import { openRunRig, type RunRig } from '../runs/fixtures/run-rig.ts';
import { createSourceWatch } from './source-watch.ts';

/** A watch whose clock the test turns on, and what it told. */
function openWatch(rig: RunRig) {
  let passedMs = 0;
  const told: SourceLook[] = [];
  const state = { isConnected: true, busy: new Set<SourceId>() };
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const watch = createSourceWatch({
    workbench: { ...rig.workbench, clock },
    spec: () => rig.spec,
    listBusySources: () => state.busy,
    report(looks) {
      if (!state.isConnected) return false;
      told.push(...SOURCE_LOOK_FRAMES['sources.seen'].parse({ looks }).looks);
      return true;
    },
    random: () => 0.5,
  });
  const turnOn = async (ms: number) => {
    passedMs += ms;
    await watch.tick();
  };
  const take = () => told.splice(0).map(({ failures, text }) => ({ state: judgeFailuresInARow(failures), failures, text }));
  return { watch, state, turnOn, take };
}

async function addDatabase(t: TestContext) {
  const server = await startPostgres();
  t.after(() => server.remove());
  const rig = await openRunRig(t, { restic: GENERATIONS[1]?.binary });
  const id = createId('source', { clock: systemClock, randomBytes: systemRandomBytes });
  const { port, user, password } = server;
  rig.spec.sources.push({
    ...{ id, name: 'app', kind: 'postgres', version: 1 },
    config: { host: '127.0.0.1', port, user, database: 'postgres' },
    secrets: rig.seal('source', id, { password }),
  });
  rig.plan();
  return { rig, server, id, password };
}

test('A database that is stopped is degraded at once, offline at the third look in a row, and online when it is back', async (t) => {
  const { rig, server, password } = await addDatabase(t);
  const { turnOn, take } = openWatch(rig);
  await turnOn(0);
  await turnOn(SOURCE_HEALTH.firstMs);
  assert.deepEqual(take(), [{ state: 'online', failures: 0, text: undefined }]);
  await turnOn(SOURCE_HEALTH.firstMs);
  assert.deepEqual(take(), [], 'not before its time');
  await turnOn(SOURCE_HEALTH.everyMs);
  assert.deepEqual(take(), [], 'what stays as it is is told rarely');

  await server.kill();
  await turnOn(SOURCE_HEALTH.everyMs);
  const [first, ...others] = take();
  assert.deepEqual([first?.state, first?.failures, others.length], ['degraded', 1, 0]);
  assert.match(first?.text ?? '', /Connection refused/);
  assert.ok(!first?.text?.includes(password));
  await turnOn(1.2 * SOURCE_HEALTH.againMs);
  assert.deepEqual(
    take().map(({ state, failures }) => [state, failures]),
    [['degraded', 2]],
  );
  await turnOn(1.2 * SOURCE_HEALTH.againMs);
  assert.deepEqual(
    take().map(({ state }) => state),
    ['offline'],
  );
  await turnOn(1.2 * SOURCE_HEALTH.againMs);
  assert.deepEqual(take(), [], 'an outage is not told again at each look');

  await server.start();
  await turnOn(1.2 * SOURCE_HEALTH.againMs);
  assert.deepEqual(take(), [{ state: 'online', failures: 0, text: undefined }]);
  await turnOn(SOURCE_HEALTH.tellMs);
  assert.deepEqual(
    take().map(({ state }) => state),
    ['online'],
    'now and then it is told all the same',
  );
});

test('What happens while the server is away is one word for each source afterwards', async (t) => {
  const rig = await openRunRig(t);
  const folder = join(rig.dir, 'srv');
  rig.addFiles('web', [folder]);
  rig.plan();
  const { state, turnOn, take } = openWatch(rig);
  state.isConnected = false;
  await turnOn(0);
  for (let look = 0; look < 20; look += 1) {
    if (look % 2 === 0) mkdirSync(folder);
    else rmdirSync(folder);
    await turnOn(SOURCE_HEALTH.everyMs * 1.2);
  }
  state.isConnected = true;
  await turnOn(0);
  const [only, ...others] = take();
  assert.deepEqual([only?.state, others.length], ['degraded', 0]);
  assert.match(only?.text ?? '', /srv is not there/);
});

test('A source is left alone while a run has it, when its plan is off, and where its secrets are not', async (t) => {
  const rig = await openRunRig(t);
  const { id } = rig.addFiles('web', [rig.dir]);
  const plan = rig.plan();
  const { state, turnOn, take, watch } = openWatch(rig);
  state.busy.add(id);
  await turnOn(0);
  await turnOn(SOURCE_HEALTH.firstMs);
  assert.deepEqual(take(), []);
  state.busy.clear();
  rig.spec.plans = [{ ...plan, enabled: false }];
  await turnOn(SOURCE_HEALTH.everyMs);
  assert.deepEqual(take(), []);
  rig.spec.plans = [plan];
  rig.spec.sources.push({
    ...{ id: `${id}2` as SourceId, name: 'app', kind: 'postgres', version: 1 },
    config: {},
    secretsApart: true,
  });
  plan.sourceIds.push(`${id}2` as SourceId);
  await turnOn(0);
  await turnOn(SOURCE_HEALTH.firstMs);
  assert.deepEqual(
    take().map(({ state: told }) => told),
    ['online'],
    'of the database without its password nothing is said',
  );
  watch.stop();
  await turnOn(SOURCE_HEALTH.tellMs);
  assert.deepEqual(take(), []);
});

test('A look that gets no answer counts as one failure after the other, until it ends', async (t) => {
  const rig = await openRunRig(t);
  rig.addFiles('web', [rig.dir]);
  rig.plan();
  const alarms: (() => void)[] = [];
  const told: number[] = [];
  const workbench: RunRig['workbench'] = {
    ...rig.workbench,
    setTimer(_ms, callback) {
      alarms.push(callback);
      return () => undefined;
    },
  };
  let passedMs = 0;
  const watch = createSourceWatch({
    workbench: { ...workbench, clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs } },
    spec: () => rig.spec,
    listBusySources: () => new Set(),
    report(looks) {
      told.push(...looks.map(({ failures }) => failures));
      return true;
    },
    random: () => 0.5,
  });
  await watch.tick();
  passedMs += SOURCE_HEALTH.firstMs;
  const ended = watch.tick();
  for (let at = 0; at < 4; at += 1) alarms[at]?.();
  assert.deepEqual(told, [1, 2, 3]);
  await ended;
  assert.deepEqual(told, [1, 2, 3, 0]);
});
