import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { carryOut, createOrder, giveOrder, readEnd } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, outline, type RunRig } from '../fixtures/run-rig.ts';

const MADE: Pick<SnapshotMade, 'id' | 'engineId' | 'sizeBytes' | 'fileName'> = {
  id: 'snap_any' as SnapshotMade['id'],
  engineId: 'a'.repeat(64),
  sizeBytes: 1,
  fileName: 'database.sql',
};
const UNTOUCHED = ['run.created', 'part.finished', 'run.finished'];

/** A host without tools: what its policy lets through fails for want of restic. */
function orderTo(rig: RunRig, target: RestoreTarget) {
  const source = rig.addFiles('letters', ['/srv']);
  return { ...createOrder(rig, source, MADE, { directory: '/unused' }), target };
}

describe('An order to restore, as the host judges it, whatever the server says', () => {
  it('is refused before anything is opened where it may change what exists and the host allows only what stands beside it', async (t) => {
    const rig = await openRunRig(t, { restores: 'beside' });
    const source = rig.addFiles('shop', ['/srv']).id;
    const refused: readonly RestoreTarget[] = [
      { kind: 'in_place', paths: ['/srv/docs'] },
      { kind: 'database', source, database: 'shop', mode: 'replace' },
      { kind: 'database', source, database: 'shop', mode: 'append' },
      {
        kind: 'database',
        source,
        database: 'shop',
        mode: 'clean',
        from: { path: '/srv/dumps/shop.dump', sizeBytes: 1, modifiedAt: 1 },
      },
    ];
    for (const target of refused) {
      const events = await carryOut(rig, orderTo(rig, target));
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'restore_refused']);
      assert.match(readEnd(events).message, /only beside what is there.*Nothing was touched/);
      assert.deepEqual(outline(events), UNTOUCHED, 'it never began');
    }
    const beside = await carryOut(rig, orderTo(rig, { kind: 'directory', path: '/restore/new' }));
    assert.equal(readEnd(beside).reason, 'tool_missing', 'only the tool was missing');
  });

  it('is refused whatever it is where the host takes none', async (t) => {
    const rig = await openRunRig(t, { restores: 'none' });
    const events = await carryOut(rig, orderTo(rig, { kind: 'directory', path: '/restore/new' }));
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'restore_refused']);
    assert.equal(findEvent(events, 'run.finished').failure?.code, 'precondition');
    assert.deepEqual(outline(events), UNTOUCHED);
  });

  it('that waited is judged by what holds when its turn comes', async (t) => {
    const rig = await openRunRig(t, { restores: 'any' });
    rig.executor.pause();
    const order = orderTo(rig, { kind: 'in_place', paths: ['/srv/docs'] });
    await giveOrder(rig, order);
    rig.workbench.restores = 'beside';
    rig.executor.resume();
    assert.equal(readEnd(await rig.awaitEnd(order.run)).reason, 'restore_refused');
  });
});
