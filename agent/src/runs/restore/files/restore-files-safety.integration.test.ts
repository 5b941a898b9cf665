import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { carryOut, createOrder, getMade, giveOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { awaitHang, writeFatedRestic } from '../../fixtures/fated-restic.ts';
import { findEvent, openRunRig, type RunRig } from '../../fixtures/run-rig.ts';
import { nameStaging } from './restore-staging.ts';

const LATIN = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9])]);

/** The safety backup that a restore names in its evidence. */
function findSafety(events: readonly DurableEvent[]): RunId | undefined {
  const seen = findEvent(events, 'run.finished').evidence.find(({ check }) => check === 'safety_backup')?.seen ?? '';
  return /run_[a-z0-9]+/.exec(seen)?.[0] as RunId | undefined;
}

async function listSafetyTags(rig: RunRig): Promise<readonly string[][]> {
  const stored = await rig.listSnapshots();
  return stored.filter(({ tags }) => tags.includes('plan:safety')).map(({ tags }) => [...tags]);
}

for (const { version, binary } of GENERATIONS) {
  test(`What files in place would overwrite, with restic ${version}`, async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const root = join(rig.dir, 'srv');
    const latin = Buffer.concat([Buffer.from(`${root}/docs/`), LATIN]);
    const write = (words: string) => {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(join(root, 'docs'), { recursive: true });
      for (const name of ['one', 'two']) writeFileSync(join(root, 'docs', name), `${words} ${name}`);
      writeFileSync(latin, `${words} latin`);
      writeFileSync(join(root, 'beside'), `${words} beside`);
    };
    const read = () => [join(root, 'docs/one'), join(root, 'docs/two'), latin].map((path) => readFileSync(path, 'utf8'));
    write('stored');
    const source = rig.addFiles('letters', [root]);
    source.config['excludes'] = ['two'];
    const made = getMade(await rig.runPlan());
    const restore = (paths: readonly string[], snapshot = made, options?: RestoreOptions) =>
      carryOut(rig, {
        ...createOrder(rig, source, snapshot, { directory: '/unused' }),
        target: { kind: 'in_place', paths: [...paths] },
        ...(options ? { options } : {}),
      });
    const docs = join(root, 'docs');

    await t.test('is backed up first as a run of its own, whole, and comes back from there', async () => {
      write('live');
      const events = await restore([docs]);
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      assert.deepEqual(read(), ['stored one', 'live two', 'stored latin']);
      const safety = findSafety(events) ?? assert.fail('no evidence names it');
      const told = rig.listEvents(safety);
      assert.equal(readEnd(told).state, 'succeeded', readLog(told));
      const { kind, plan, sources, requestedBy } = findEvent(told, 'run.created');
      assert.deepEqual([kind, plan, sources, requestedBy], ['backup', undefined, [source.id], 'ann']);
      const [tags, ...others] = await listSafetyTags(rig);
      assert.deepEqual(others, []);
      assert.ok(tags?.includes(`run:${safety}`) && tags.includes(`source:${source.id}`), `${tags}`);
      const stages = events.flatMap((event) => (event.type === 'run.stage' && !event.ended ? [event.stage] : []));
      assert.deepEqual(stages, ['preflight', 'restore', 'safety', 'swap']);
      // What the source leaves out is in it as well, and nothing that was not chosen.
      rmSync(join(docs, 'two'));
      const back = await restore([docs], getMade(told), { safetyBackup: false });
      assert.equal(readEnd(back).state, 'succeeded', readLog(back));
      assert.deepEqual(read(), ['live one', 'live two', 'live latin']);
      const beside = await restore([join(root, 'beside')], getMade(told), { safetyBackup: false });
      assert.equal(readEnd(beside).state, 'failed');
    });

    await t.test('is found by a name that is no UTF-8, and as an empty file or a link', async () => {
      for (const stand of [
        () => writeFileSync(latin, 'changed'),
        () => writeFileSync(latin, ''),
        () => symlinkSync('/nowhere', latin),
      ]) {
        write('live');
        rmSync(latin);
        stand();
        const events = await restore([`${docs}/${toStoredText(LATIN)}`]);
        assert.equal(readEnd(events).state, 'succeeded', readLog(events));
        assert.ok(findSafety(events), readLog(events));
        assert.equal(readFileSync(latin, 'utf8'), 'stored latin');
      }
    });

    await t.test('is not backed up where nothing is there, or a person waived it', async () => {
      const before = (await listSafetyTags(rig)).length;
      write('live');
      rmSync(docs, { recursive: true });
      const missing = await restore([docs]);
      assert.equal(readEnd(missing).state, 'succeeded', readLog(missing));
      write('live');
      const waived = await restore([docs], made, { safetyBackup: false });
      assert.equal(readEnd(waived).state, 'succeeded', readLog(waived));
      for (const events of [missing, waived]) assert.equal(findSafety(events), undefined);
      assert.equal((await listSafetyTags(rig)).length, before);
    });
  });
}

test('A restore in place whose safety backup does not come', async (t) => {
  const restic = writeFatedRestic(t, GENERATIONS[1]?.binary ?? '', ['work', 'fail', 'hang']);
  const rig = await openRunRig(t, { restic });
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  mkdirSync(root);
  writeFileSync(join(root, 'one'), 'stored');
  const source = rig.addFiles('letters', [root]);
  const made = getMade(await rig.runPlan());
  writeFileSync(join(root, 'one'), 'live');
  const createInPlace = () => ({
    ...createOrder(rig, source, made, { directory: '/unused' }),
    target: { kind: 'in_place' as const, paths: [root] },
  });
  const assertUntouched = () => {
    assert.equal(readFileSync(join(root, 'one'), 'utf8'), 'live');
    const left = readdirSync(rig.dir, { recursive: true }).map(String);
    assert.deepEqual(
      left.filter((path) => path.includes(nameStaging(''))),
      [],
    );
  };

  await t.test('says so, and has changed nothing', async () => {
    const events = await carryOut(rig, createInPlace());
    const { state, reason, message } = readEnd(events);
    assert.deepEqual([state, reason], ['failed', 'safety_failed'], readLog(events));
    assert.match(message, /something passing/);
    assert.match(readLog(events), /nothing on the host was replaced/);
    assertUntouched();
  });

  await t.test('can be cancelled meanwhile: both runs end so, and nothing has changed', async () => {
    const order = createInPlace();
    await giveOrder(rig, order);
    await awaitHang(restic);
    rig.executor.cancel(order.run);
    const events = await rig.awaitEnd(order.run);
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['cancelled', 'cancelled'], readLog(events));
    const safety = /safety backup of .*: (run_[a-z0-9]+)/.exec(readLog(events))?.[1] as RunId;
    assert.equal(readEnd(rig.listEvents(safety)).state, 'cancelled');
    assertUntouched();
  });
});
