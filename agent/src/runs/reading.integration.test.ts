import assert from 'node:assert/strict';
import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { GENERATIONS, writeNoise } from '../engines/restic/fixtures/laboratory.ts';
import { carryOut, createOrder, getMade, readEnd, readLog } from '../handlers/fixtures/restore-orders.ts';
import { carryOutDrill, createDrillOrder } from './drill/fixtures/drill-orders.ts';
import { holdExclusively } from './fixtures/foreign-lock.ts';
import { writePrunedReads } from './fixtures/pruned-reads.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from './fixtures/run-rig.ts';

const FILES = 12;
const FILE_BYTES = 20_000;

type Made = SnapshotMade & { madeBy: RunId };

async function backUp(rig: RunRig): Promise<Made> {
  const events = await rig.runPlan();
  return { ...getMade(events), madeBy: findEvent(events, 'run.created').run };
}

/** Two backups, of which the second holds half of the files of the first: what a prune leaves of the packs of both is written anew. */
async function backUpTwice(rig: RunRig, source: SpecSource, seed: number): Promise<{ first: Made; second: Made }> {
  const folder = String((source.config['paths'] as readonly string[])[0]);
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (let index = 0; index < FILES; index += 1) writeNoise(join(folder, `${index}`), FILE_BYTES, seed * FILES + index + 1);
  const first = await backUp(rig);
  for (let index = 1; index < FILES; index += 2) rmSync(join(folder, `${index}`));
  return { first, second: await backUp(rig) };
}

function orderVerify(rig: RunRig, source: SpecSource, { id, engineId, createdAt, sizeBytes, role, madeBy }: Made) {
  const run = rig.workbench.createId('run');
  const { id: repository, kind, config } = rig.repository;
  const secrets = rig.seal('request', `${run}.repositories`, { password: PASSWORD });
  const snapshots = [{ id, engineId, source: source.id, run: madeBy, role, createdAt, sizeBytes }];
  const terms = { trigger: 'manual', requestedBy: 'ann', notAfter: rig.workbench.clock.now() + 60_000 } as const;
  const order: RequestBody<'verify.start'> = {
    ...{ run, snapshots, ...terms },
    repository: { id: repository, draft: { kind, config, secrets } },
  };
  rig.executor.startSnapshots({ kind: 'verify', order }, `order_${run}`);
  return rig.awaitEnd(run);
}

const listVerdicts = (events: readonly DurableEvent[]) =>
  events.flatMap((event) => (event.type === 'snapshot.verified' ? [event.ok] : []));

async function openRig(t: TestContext, restic: string): Promise<{ rig: RunRig; source: SpecSource }> {
  const rig = await openRunRig(t, { restic, speed: 600 });
  await rig.initRepository();
  return { rig, source: rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { first: 'of all' })]) };
}

/** Older ones try for minutes to read a pack that is not there. */
const NEWEST = GENERATIONS.at(-1)?.binary ?? '';

test('A repository that others prune while it is read', async (t) => {
  const pruned = writePrunedReads(t, NEWEST);
  const { rig, source } = await openRig(t, pruned.binary);
  let seed = 0;
  const armed = async () => {
    seed += 1;
    const { first, second } = await backUpTwice(rig, source, seed);
    pruned.arm(first.engineId);
    return second;
  };

  await t.test('disproves nothing to a drill, and the next one proves the backup', async () => {
    const made = await armed();
    const cut = await carryOutDrill(rig, createDrillOrder(rig, source, made));
    assert.deepEqual([readEnd(cut).state, readEnd(cut).reason], ['failed', 'repository_rewritten'], readLog(cut));
    assert.equal(findEvent(cut, 'part.finished').part.drill, undefined);
    const again = await carryOutDrill(rig, createDrillOrder(rig, source, made));
    assert.equal(findEvent(again, 'part.finished').part.drill?.isProven, true, readLog(again));
  });

  await t.test('makes a verification try again instead of calling the snapshot damaged', async () => {
    const events = await orderVerify(rig, source, await armed());
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.deepEqual(listVerdicts(events), [true]);
    assert.match(readLog(events), /^others work in the repository \(Others rewrote the repository while it was read\); trying/mu);
  });

  await t.test('tells a restore that starting it again is all it takes, and that is so', async () => {
    const made = await armed();
    const cut = await carryOut(rig, createOrder(rig, source, made, { directory: join(rig.dir, 'cut') }));
    assert.deepEqual([readEnd(cut).state, readEnd(cut).reason], ['failed', 'repository_rewritten'], readLog(cut));
    assert.match(readEnd(cut).message, /Start it again/u);
    const again = await carryOut(rig, createOrder(rig, source, made, { directory: join(rig.dir, 'again') }));
    assert.equal(readEnd(again).state, 'succeeded', readLog(again));
  });

  await t.test('excuses no pack that is gone while nobody pruned', async () => {
    const { second } = await backUpTwice(rig, source, 99);
    const data = join(rig.dir, 'repository/data');
    for (const folder of readdirSync(data))
      for (const pack of readdirSync(join(data, folder))) unlinkSync(join(data, folder, pack));
    const drill = await carryOutDrill(rig, createDrillOrder(rig, source, second));
    assert.equal(findEvent(drill, 'part.finished').part.drill?.isProven, false, readLog(drill));
    assert.deepEqual(listVerdicts(await orderVerify(rig, source, second)), [false]);
  });
});

for (const { version, binary } of GENERATIONS) {
  test(`A repository that somebody holds for himself, with restic ${version}`, async (t) => {
    const { rig, source } = await openRig(t, binary);
    const { second } = await backUpTwice(rig, source, 1);
    const holder = await holdExclusively(t, rig, binary);
    await holder.letRead();

    await t.test('is restored from at once, and the log says who holds it', async () => {
      const events = await carryOut(rig, createOrder(rig, source, second, { directory: join(rig.dir, 'restored') }));
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      const said = new RegExp(`^the repository is held by \\S+ on \\S+, process ${holder.pid}: reading needs no lock`, 'mu');
      assert.match(readLog(events), said);
    });

    await t.test('is tried out and verified without a wait', async () => {
      const drill = await carryOutDrill(rig, createDrillOrder(rig, source, second));
      assert.equal(findEvent(drill, 'part.finished').part.drill?.isProven, true, readLog(drill));
      const events = await orderVerify(rig, source, second);
      assert.deepEqual(listVerdicts(events), [true]);
      assert.doesNotMatch(readLog(events), /others work/u);
    });
  });
}
