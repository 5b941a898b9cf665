import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { awaitHang, writeFatedRestic } from '../fixtures/fated-restic.ts';
import { findEvent, openRunRig, writeFolder } from '../fixtures/run-rig.ts';

/** A host with three folders, whose first backup hangs while the others are asked for. */
async function openBusyRig(t: TestContext) {
  const restic = writeFatedRestic(t, GENERATIONS[1]?.binary ?? '', ['hang', 'work', 'work']);
  const rig = await openRunRig(t, { restic });
  await rig.initRepository();
  const [one, two, three] = ['one', 'two', 'three'].map((name) =>
    rig.addFiles(name, [writeFolder(join(rig.dir, name), { a: name })]),
  );
  assert.ok(one && two && three);
  const hanging = rig.order([one.id]);
  await awaitHang(restic);
  return { rig, hanging, two, three };
}

describe('What a person sets reaches the queue of the host', { timeout: 60_000 }, () => {
  it('a plan’s priority: what is asked for later begins before what waits with a lower one', async (t) => {
    const { rig, hanging, two, three } = await openBusyRig(t);
    rig.spec.concurrency = 1;
    const low = rig.order([two.id], { priority: 'low' });
    const high = rig.order([three.id], { priority: 'high' });
    rig.executor.cancel(hanging);
    for (const run of [low, high]) assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'succeeded');
    const begun = rig.listEvents().flatMap((event) => (event.type === 'run.started' ? [event.run] : []));
    assert.deepEqual(begun, [hanging, high, low]);
  });

  it('how many runs a repository takes at once: one more waits although the host has room', async (t) => {
    const { rig, hanging, two } = await openBusyRig(t);
    rig.repository.runsAtOnce = 1;
    const second = rig.order([two.id]);
    assert.equal(rig.executor.active, 1);
    delete rig.repository.runsAtOnce;
    rig.executor.reconsider();
    assert.equal(rig.executor.active, 2);
    assert.equal(findEvent(await rig.awaitEnd(second), 'run.finished').state, 'succeeded');
    rig.executor.cancel(hanging);
    assert.equal(findEvent(await rig.awaitEnd(hanging), 'run.finished').state, 'cancelled');
  });
});
