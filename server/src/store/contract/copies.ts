import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Host } from '../hosts.ts';
import type { Snapshot } from '../snapshots.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, finishedEvent, orderedRun, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  refusal,
  sampleId,
  sampleOrder,
  samplePlan,
  samplePolicy,
  sampleRepository,
  TENANT,
  withStore,
} from './samples.ts';

const COPY_ENGINE_ID = 'c'.repeat(64);

async function prepare(store: Store): Promise<{ host: Host; source: SourceId; snapshot: Snapshot }> {
  const { host, source } = await addHost(store);
  await backUp(store, host, { sources: [source], created: { plan: sampleId('plan') } });
  const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { source }, { limit: 1 })).rows;
  assert.ok(snapshot);
  return { host, source, snapshot };
}

function copiedEvent(run: RunId, of: Snapshot, change: { id?: SnapshotId; engineId?: string } = {}): DurableEvent {
  const { source, role, createdAt, sizeBytes } = of;
  const made = {
    id: sampleId('snapshot'),
    engineId: COPY_ENGINE_ID,
    source,
    role,
    createdAt,
    sizeBytes,
    evidence: [],
    ...change,
  };
  return { type: 'snapshot.copied', run, at: NOW + 20, of: of.id, snapshot: made };
}

export function checkCopies(open: OpenStore): void {
  describe('copies and whole readings', () => {
    it(
      'a copy stands beside its original with the backup that made both, and is listed once',
      withStore(open, async (store) => {
        const { host, source, snapshot } = await prepare(store);
        const second = sampleRepository();
        await store.repositories.insertRepository(second);
        const run = sampleId('run');
        const created = createdEvent(run, {
          kind: 'copy',
          repository: second.id,
          from: snapshot.repository,
          follows: snapshot.run,
        });
        const copied = copiedEvent(run, snapshot);
        await report(store, host, [created, startedEvent(run, NOW + 10), copied, finishedEvent(run, 'succeeded')]);
        const found = await store.runs.findRun(TENANT, run);
        assert.deepEqual([found?.from, found?.follows], [snapshot.repository, snapshot.run]);
        const copies = await store.snapshots.listSnapshots(TENANT, { copyOf: snapshot.id }, { limit: 5 });
        assert.deepEqual(
          copies.rows.map((copy) => [copy.repository, copy.state, copy.run, copy.copiedBy, copy.source, copy.createdAt]),
          [[second.id, 'good', snapshot.run, run, source, snapshot.createdAt]],
        );
        const again = sampleId('run');
        await report(store, host, [
          createdEvent(again, { kind: 'copy', repository: second.id, from: snapshot.repository }),
          copiedEvent(again, snapshot),
        ]);
        assert.equal((await store.snapshots.listSnapshots(TENANT, { copyOf: snapshot.id }, { limit: 5 })).rows.length, 1);
        const [standing] = await store.standings.listStandings(TENANT, [source]);
        assert.equal(standing?.lastGoodSnapshot, snapshot.id, 'the original stands for the backup while it is there');
      }),
    );

    it(
      'a copy of what is pinned is pinned as well, and takes no room of its own among the pins of the plan',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const [first, second] = [sampleRepository(), sampleRepository()];
        for (const repository of [first, second]) await store.repositories.insertRepository(repository);
        const found = await store.sources.findSource(TENANT, source);
        assert.ok(found);
        const plan = samplePlan(first, [found], { copyRepository: second.id });
        await store.plans.insertPlan(plan);
        for (const _time of [1, 2])
          await backUp(store, host, { sources: [source], repository: first.id, created: { plan: plan.id } });
        const { rows } = await store.snapshots.listSnapshots(TENANT, { repository: first.id }, { limit: 5 });
        const [one, other] = rows;
        assert.ok(one && other);
        const pin = { at: NOW + 9, by: 'Ada', most: 2 };
        await store.snapshots.pinSnapshot(TENANT, one.id, pin);
        const copyOnce = async (of: Snapshot) => {
          const run = sampleId('run');
          await report(store, host, [
            createdEvent(run, { kind: 'copy', repository: second.id, plan: plan.id }),
            copiedEvent(run, of, { engineId: of === one ? COPY_ENGINE_ID : 'd'.repeat(64) }),
            finishedEvent(run, 'succeeded'),
          ]);
          const copies = await store.snapshots.listSnapshots(TENANT, { copyOf: of.id }, { limit: 5 });
          return copies.rows[0];
        };
        const copy = await copyOnce(one);
        assert.deepEqual([copy?.pinnedAt, copy?.pinnedBy], [NOW + 9, 'Ada']);
        assert.equal((await copyOnce(other))?.pinnedAt, undefined);
        await store.snapshots.pinSnapshot(TENANT, other.id, pin);
        const listed = await store.snapshots.listPinned(TENANT, host.id, [plan.id]);
        const originals = new Set([one.engineId, other.engineId]);
        assert.deepEqual(
          listed.map(({ engineId }) => originals.has(engineId)),
          [true, true, false, false],
          'originals first: a host covers their copies by itself',
        );
        await store.snapshots.unpinSnapshot(TENANT, one.id);
        assert.equal((await store.snapshots.findSnapshot(TENANT, copy?.id ?? one.id))?.pinnedAt, undefined);
      }),
    );

    it(
      'a plan says what its second repository lacks, and keeps that repository and its policy from being deleted',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const [first, second, policy] = [sampleRepository(), sampleRepository(), samplePolicy()];
        await store.repositories.insertRepository(first);
        await store.repositories.insertRepository(second);
        await store.policies.insertPolicy(policy);
        const found = await store.sources.findSource(TENANT, source);
        assert.ok(found);
        const plan = samplePlan(first, [found], { copyRepository: second.id, copyPolicy: policy.id });
        await store.plans.insertPlan(plan);
        assert.deepEqual(await store.plans.findPlan(TENANT, plan.id), plan);
        await assert.rejects(store.repositories.deleteRepository(TENANT, second.id), refusal('conflict', { field: 'plans' }));
        await assert.rejects(store.policies.deletePolicy(TENANT, policy.id), refusal('conflict'));
        assert.deepEqual(await store.plans.listHostsOfRepository(TENANT, second.id), [host.id]);
        await backUp(store, host, { sources: [source], repository: first.id, created: { plan: plan.id } });
        const places = { from: first.id, to: second.id };
        const [lacking] = await store.snapshots.listUncopied(TENANT, plan.id, places, 10);
        assert.ok(lacking);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { kind: 'copy', repository: second.id, plan: plan.id }),
          copiedEvent(run, lacking),
        ]);
        assert.deepEqual(await store.snapshots.listUncopied(TENANT, plan.id, places, 10), []);
      }),
    );

    it(
      'another host can neither claim a copy of it, nor say that it was read, nor delete it',
      withStore(open, async (store) => {
        const { source, snapshot } = await prepare(store);
        const { host: stranger } = await addHost(store);
        const second = sampleRepository();
        await store.repositories.insertRepository(second);
        const [copy, verify, gone] = [sampleId('run'), sampleId('run'), sampleId('run')];
        await report(store, stranger, [
          createdEvent(copy, { kind: 'copy', repository: second.id }),
          copiedEvent(copy, snapshot),
          createdEvent(verify, { kind: 'verify', repository: snapshot.repository }),
          verifiedEvent(verify, snapshot, false),
          createdEvent(gone, { kind: 'delete_snapshot', repository: snapshot.repository }),
          removedEvent(gone, source, snapshot),
        ]);
        const after = await store.snapshots.findSnapshot(TENANT, snapshot.id);
        assert.deepEqual([after?.state, after?.verification], ['good', undefined]);
        assert.deepEqual((await store.snapshots.listSnapshots(TENANT, { copyOf: snapshot.id }, { limit: 5 })).rows, []);
      }),
    );

    it(
      'another host tells of what an order names, of that alone, and a copy of it stays with the host that made it',
      withStore(open, async (store) => {
        const { host, source, snapshot } = await prepare(store);
        await backUp(store, host, { sources: [source], repository: snapshot.repository, created: { plan: snapshot.plan } });
        const { rows } = await store.snapshots.listSnapshots(TENANT, { source }, { limit: 5 });
        const other = rows.find(({ id }) => id !== snapshot.id);
        assert.ok(other);
        const { host: standIn } = await addHost(store);
        const second = sampleRepository();
        await store.repositories.insertRepository(second);
        const place = async (kind: 'copy' | 'verify' | 'delete_snapshot', repository = snapshot.repository) => {
          const run = orderedRun(standIn, { kind, plan: undefined, repository });
          const order = sampleOrder(run, { type: `${kind}.start` });
          await store.orders.insertOrderedRun(run, [], order, [snapshot.id]);
          const [named] = await store.orders.listNamedSnapshots(TENANT, run.id);
          assert.deepEqual([named?.id, named?.host], [snapshot.id, host.id]);
          return { id: run.id, created: createdEvent(run.id, { kind, repository }) };
        };
        const [copy, verify, gone] = [await place('copy', second.id), await place('verify'), await place('delete_snapshot')];
        await report(store, standIn, [
          copy.created,
          copiedEvent(copy.id, other, { engineId: 'e'.repeat(64) }),
          copiedEvent(copy.id, snapshot),
          verify.created,
          verifiedEvent(verify.id, other, false),
          verifiedEvent(verify.id, snapshot, false),
          gone.created,
          removedEvent(gone.id, source, other),
          removedEvent(gone.id, source, snapshot),
        ]);
        const { rows: copies } = await store.snapshots.listSnapshots(TENANT, { repository: second.id }, { limit: 5 });
        assert.deepEqual(
          copies.map((one) => [one.copyOf, one.host, one.state]),
          [[snapshot.id, host.id, 'good']],
        );
        const [named, unnamed] = [
          await store.snapshots.findSnapshot(TENANT, snapshot.id),
          await store.snapshots.findSnapshot(TENANT, other.id),
        ];
        assert.deepEqual(
          [named?.state, named?.verification?.ok, unnamed?.state, unnamed?.verification],
          ['removed', false, 'good', undefined],
        );
        // The host that made it finds it gone later on, which is no news.
        await report(store, host, [
          {
            type: 'repository.reconciled',
            at: NOW + 90,
            repository: snapshot.repository,
            orphans: [],
            missing: [snapshot.engineId],
          },
        ]);
        assert.equal((await store.snapshots.findSnapshot(TENANT, snapshot.id))?.state, 'removed');
      }),
    );

    it(
      'a reading is kept with what it found, a bad one is listed, and a deletion leaves the row with who asked',
      withStore(open, async (store) => {
        const { host, source, snapshot } = await prepare(store);
        const [good, bad, gone] = [sampleId('run'), sampleId('run'), sampleId('run')];
        const about = { repository: snapshot.repository };
        await report(store, host, [createdEvent(good, { kind: 'verify', ...about }), verifiedEvent(good, snapshot, true)]);
        const { verification } = (await store.snapshots.findSnapshot(TENANT, snapshot.id)) ?? {};
        assert.deepEqual(verification, { ok: true, run: good, at: NOW + 40, bytes: 7, sha256: 'd'.repeat(64), seen: 'seven' });
        const listBad = async () => (await store.snapshots.listSnapshots(TENANT, { unreadable: true }, { limit: 5 })).rows;
        assert.deepEqual(await listBad(), []);
        await report(store, host, [createdEvent(bad, { kind: 'verify', ...about }), verifiedEvent(bad, snapshot, false)]);
        assert.deepEqual(
          (await listBad()).map(({ id }) => id),
          [snapshot.id],
        );
        await report(store, host, [
          createdEvent(gone, { kind: 'delete_snapshot', ...about }),
          removedEvent(gone, source, snapshot),
        ]);
        const left = await store.snapshots.findSnapshot(TENANT, snapshot.id);
        assert.deepEqual([left?.state, left?.removedAt, left?.removedWhy], ['removed', NOW + 50, 'deleted by Ada']);
        assert.deepEqual(await listBad(), []);
      }),
    );
  });
}

function verifiedEvent(run: RunId, { id, engineId }: Snapshot, ok: boolean): DurableEvent {
  const sum = ok ? { sha256: 'd'.repeat(64) } : {};
  return { type: 'snapshot.verified', run, at: NOW + 40, snapshot: id, engineId, ok, bytes: 7, ...sum, seen: 'seven' };
}

function removedEvent(run: RunId, source: SourceId, { engineId }: Snapshot): DurableEvent {
  const snapshots = [{ engineId, why: 'deleted by Ada' }];
  return { type: 'snapshots.removed', run, at: NOW + 50, source, snapshots };
}
