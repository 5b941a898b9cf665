import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { prepareHistory } from './ground.ts';
import { backUp, createdEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
import { NOW, nextNumber, type OpenStore, OTHER_TENANT, refusal, sampleId, TENANT, withStore } from './samples.ts';

async function removeSome(
  store: Store,
  host: Host,
  history: Awaited<ReturnType<typeof prepareHistory>>,
  engineIds: readonly string[],
) {
  const run = sampleId('run');
  const { plan, repository, source } = history;
  await report(store, host, [
    createdEvent(run, { kind: 'forget', plan: plan.id, repository: repository.id, sources: [source], at: NOW + 5000 }),
    startedEvent(run, NOW + 5000),
    {
      type: 'snapshots.removed',
      run,
      at: NOW + 6000,
      source,
      snapshots: engineIds.map((engineId) => ({ engineId, why: 'no rule keeps it' })),
    },
  ]);
}

function checkPins(open: OpenStore): void {
  it(
    'pins what a run stored of a source, its roles with it, up to the limit of the plan',
    withStore(open, async (store) => {
      const history = await prepareHistory(store, 3);
      const { host, plan, source, repository, snapshots } = history;
      const [oldest, second, third] = snapshots;
      assert.ok(oldest && second && third);
      const pin = { at: NOW + 9, by: 'Ada', most: 2 };
      const pinned = await store.snapshots.pinSnapshot(TENANT, oldest.id, pin);
      assert.deepEqual([pinned.pinnedAt, pinned.pinnedBy], [NOW + 9, 'Ada']);
      const again = await store.snapshots.pinSnapshot(TENANT, oldest.id, { ...pin, at: NOW + 99, by: 'Bob' });
      assert.deepEqual([again.pinnedAt, again.pinnedBy], [NOW + 9, 'Ada']);
      await store.snapshots.pinSnapshot(TENANT, second.id, pin);
      await assert.rejects(store.snapshots.pinSnapshot(TENANT, third.id, pin), refusal('limit', { most: 2 }));
      assert.equal((await store.snapshots.findSnapshot(TENANT, third.id))?.pinnedAt, undefined);
      const listed = await store.snapshots.listSnapshots(TENANT, { pinned: true }, { limit: 10 });
      assert.deepEqual(
        listed.rows.map(({ id }) => id),
        [second.id, oldest.id],
      );
      assert.deepEqual(await store.snapshots.listPinned(TENANT, host.id, [plan.id]), [
        { plan: plan.id, engineId: oldest.engineId },
        { plan: plan.id, engineId: second.engineId },
      ]);
      assert.deepEqual(await store.snapshots.listPinned(TENANT, sampleId('host'), [plan.id]), []);
      await store.snapshots.unpinSnapshot(TENANT, oldest.id);
      assert.equal((await store.snapshots.unpinSnapshot(TENANT, oldest.id)).pinnedAt, undefined);
      await assert.rejects(store.snapshots.unpinSnapshot(OTHER_TENANT, second.id), refusal('not_found'));
      await assert.rejects(store.snapshots.pinSnapshot(OTHER_TENANT, third.id, pin), refusal('not_found'));

      const run = sampleId('run');
      const data = madeEvent(run, source);
      const roles = madeEvent(run, source, { role: 'globals' });
      await report(store, host, [
        createdEvent(run, { plan: plan.id, repository: repository.id, sources: [source] }),
        startedEvent(run),
        data,
        roles,
        partEvent(run, source, 'succeeded'),
      ]);
      await store.snapshots.pinSnapshot(TENANT, roles.snapshot.id, { ...pin, most: 10 });
      assert.equal((await store.snapshots.findSnapshot(TENANT, data.snapshot.id))?.pinnedBy, 'Ada');
      assert.equal((await store.snapshots.listPinned(TENANT, host.id, [plan.id])).length, 3);
    }),
  );

  it(
    'says when and why a snapshot was removed, hides it unless asked, and lets nobody pin what is gone',
    withStore(open, async (store) => {
      const history = await prepareHistory(store, 3);
      const [oldest, second] = history.snapshots;
      assert.ok(oldest && second);
      await store.snapshots.pinSnapshot(TENANT, oldest.id, { at: NOW, by: 'Ada', most: 1 });
      await removeSome(store, history.host, history, [oldest.engineId]);
      const gone = await store.snapshots.findSnapshot(TENANT, oldest.id);
      assert.deepEqual([gone?.state, gone?.removedAt, gone?.removedWhy], ['removed', NOW + 6000, 'no rule keeps it']);
      // What is gone takes no place among the pinned ones.
      assert.deepEqual(await store.snapshots.listPinned(TENANT, history.host.id, [history.plan.id]), []);
      await store.snapshots.pinSnapshot(TENANT, second.id, { at: NOW, by: 'Ada', most: 1 });
      await assert.rejects(
        store.snapshots.pinSnapshot(TENANT, oldest.id, { at: NOW, by: 'Ada', most: 9 }),
        refusal('precondition'),
      );
      const shown = await store.snapshots.listSnapshots(TENANT, { plan: history.plan.id }, { limit: 10 });
      assert.equal(shown.rows.length, 2);
      const asked = await store.snapshots.listSnapshots(TENANT, { plan: history.plan.id, state: 'removed' }, { limit: 10 });
      assert.deepEqual(
        asked.rows.map(({ id }) => id),
        [oldest.id],
      );
    }),
  );
}

function checkRetained(open: OpenStore): void {
  it(
    'lists what retention may look at: both roles, what is there, and nothing of a part that goes on',
    withStore(open, async (store) => {
      const history = await prepareHistory(store, 3);
      const { host, plan, repository, source } = history;
      await removeSome(store, host, history, [history.snapshots[0]?.engineId ?? '']);
      const running = sampleId('run');
      const created = { plan: plan.id, repository: repository.id, sources: [source] };
      await report(store, host, [createdEvent(running, created), startedEvent(running), madeEvent(running, source)]);
      const failed = sampleId('run');
      const unvouched = madeEvent(failed, source, {
        createdAt: NOW + 8000,
        engineId: nextNumber().toString(16).padStart(64, 'f'),
      });
      await report(store, host, [
        createdEvent(failed, created),
        startedEvent(failed),
        unvouched,
        partEvent(failed, source, 'failed'),
      ]);
      await backUp(store, host, { sources: [source], created: { plan: plan.id } });
      const list = (limit: number) => store.snapshots.listRetained(TENANT, plan.id, repository.id, limit);
      const retained = await list(10);
      assert.deepEqual(
        retained.map(({ id, state }) => [id, state]),
        [
          [unvouched.snapshot.id, 'quarantined'],
          [history.snapshots[2]?.id, 'good'],
          [history.snapshots[1]?.id, 'good'],
        ],
      );
      assert.deepEqual(retained[1], {
        id: history.snapshots[2]?.id,
        engineId: history.snapshots[2]?.engineId,
        run: history.made[2]?.run,
        host: host.id,
        source,
        role: 'data',
        state: 'good',
        createdAt: NOW + 2000,
        sizeBytes: 4096,
        addedBytes: 512,
        isSuspicious: false,
        isPinned: false,
        isProven: false,
      });
      assert.equal((await list(2)).length, 2);
    }),
  );
}

export function checkRetention(open: OpenStore): void {
  describe('retention', () => {
    checkPins(open);
    checkRetained(open);
  });
}
