import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RETENTION_PRESETS } from '@holdfast/shared/domain/retention-policy.ts';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
import {
  NOW,
  nextNumber,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleId,
  samplePlan,
  samplePolicy,
  sampleRepository,
  TENANT,
  withStore,
} from './samples.ts';

/** A plan with one source and `count` backups of it, oldest first. */
async function prepareHistory(store: Store, count: number) {
  const { host, source } = await addHost(store);
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const found = (await store.sources.findSources(TENANT, [source]))[0] ?? assert.fail('no source');
  const plan = samplePlan(repository, [found]);
  await store.plans.insertPlan(plan);
  const made: { run: string; engineId: string }[] = [];
  for (let index = 0; index < count; index += 1) {
    const created = { plan: plan.id, at: NOW + index * 1000 };
    const options = { sources: [source], repository: repository.id, created, made: { createdAt: NOW + index * 1000 } };
    made.push(await backUp(store, host, options));
  }
  const snapshots = (await store.snapshots.listSnapshots(TENANT, { plan: plan.id }, { limit: 200 })).rows.toReversed();
  return { host, source, repository, plan, made, snapshots };
}

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

function checkPolicies(open: OpenStore): void {
  it(
    'brings the standard policy with it, exactly as its preset says',
    withStore(open, async ({ policies }) => {
      const [standard, ...others] = (await policies.listPolicies(TENANT, {}, { limit: 10 })).rows;
      assert.deepEqual(others, []);
      assert.equal(standard?.id, 'pol_standard');
      const [preset] = RETENTION_PRESETS;
      assert.deepEqual([standard?.name, standard?.policy], [preset?.name, preset?.policy]);
      assert.deepEqual((await policies.listPolicies(OTHER_TENANT, {}, { limit: 10 })).rows, []);
    }),
  );

  it(
    'stores policies whole, unique by name, and updates only the version that was read',
    withStore(open, async ({ policies }) => {
      const policy = samplePolicy({ description: 'for the shop' });
      await policies.insertPolicy(policy);
      assert.deepEqual(await policies.findPolicy(TENANT, policy.id), policy);
      assert.equal(await policies.findPolicy(OTHER_TENANT, policy.id), undefined);
      await assert.rejects(policies.insertPolicy(samplePolicy({ name: policy.name })), refusal('conflict', { field: 'name' }));
      await policies.insertPolicy(samplePolicy({ name: policy.name, tenant: OTHER_TENANT }));
      const changed = { ...policy, name: 'Änderung', policy: { kind: 'everything' as const }, updatedAt: NOW + 1, version: 2 };
      await policies.updatePolicy(changed, 1);
      assert.deepEqual(await policies.findPolicies(TENANT, [policy.id, sampleId('policy')]), [changed]);
      await assert.rejects(policies.updatePolicy(changed, 1), refusal('conflict', { field: 'version', current: 2 }));
      await assert.rejects(policies.updatePolicy({ ...changed, id: sampleId('policy'), name: 'x' }, 1), refusal('not_found'));
      assert.deepEqual((await policies.listPolicies(TENANT, { search: 'änder' }, { limit: 5 })).rows, [changed]);
      const first = await policies.listPolicies(TENANT, {}, { limit: 1 });
      const rest = await policies.listPolicies(TENANT, {}, { limit: 5, after: first.next });
      assert.deepEqual(
        [...first.rows, ...rest.rows].map(({ id }) => id),
        ['pol_standard', policy.id],
      );
      assert.equal(await policies.countPolicies(TENANT), 2);
    }),
  );

  it(
    'does not delete a policy that plans use, and names them; without one a plan may be found by it',
    withStore(open, async (store) => {
      const { policies, plans } = store;
      const { plan, host } = await prepareHistory(store, 0);
      const policy = samplePolicy();
      await policies.insertPolicy(policy);
      assert.deepEqual(await policies.listHostsOfPolicy(TENANT, policy.id), []);
      await plans.updatePlan({ ...plan, retentionPolicy: policy.id }, 1);
      assert.equal((await plans.findPlan(TENANT, plan.id))?.retentionPolicy, policy.id);
      assert.deepEqual(await policies.listHostsOfPolicy(TENANT, policy.id), [host.id]);
      assert.deepEqual(await policies.countPlansOfPolicies(TENANT, [policy.id, sampleId('policy')]), new Map([[policy.id, 1]]));
      const using = await plans.listPlans(TENANT, { retentionPolicy: policy.id }, { limit: 5 });
      assert.deepEqual(
        using.rows.map(({ id }) => id),
        [plan.id],
      );
      await assert.rejects(policies.deletePolicy(TENANT, policy.id), refusal('conflict', { field: 'plans', plans: plan.name }));
      await assert.rejects(plans.updatePlan({ ...plan, retentionPolicy: sampleId('policy') }, 2), refusal('not_found'));
      await plans.updatePlan({ ...plan, retentionPolicy: undefined }, 2);
      await assert.rejects(policies.deletePolicy(OTHER_TENANT, policy.id), refusal('not_found'));
      await policies.deletePolicy(TENANT, policy.id);
      await assert.rejects(policies.deletePolicy(TENANT, policy.id), refusal('not_found'));
    }),
  );
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
    checkPolicies(open);
    checkPins(open);
    checkRetained(open);
  });
}
