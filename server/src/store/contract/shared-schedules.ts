import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../store.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  sampleSharedSchedule,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

const HOUR = 3_600_000;
const LATE = { cron: '30 4 * * *', zone: 'UTC' };

/** Two hosts, each with a plan of its own. */
async function preparePlans(store: Store) {
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const prepare = async () => {
    const host = sampleHost();
    await store.hosts.insertHost(host);
    const source = sampleSource(host);
    await store.sources.insertSource(source);
    const plan = samplePlan(repository, [source]);
    await store.plans.insertPlan(plan);
    return { host, plan };
  };
  return [await prepare(), await prepare()] as const;
}

export function checkSharedSchedules(open: OpenStore): void {
  describe('shared schedules', () => {
    it(
      'are stored whole, unique by name, and updated only at the version that was read',
      withStore(open, async ({ sharedSchedules }) => {
        const shared = sampleSharedSchedule({ description: 'for the shop' });
        await sharedSchedules.insertSharedSchedule(shared);
        assert.deepEqual(await sharedSchedules.findSharedSchedule(TENANT, shared.id), shared);
        assert.equal(await sharedSchedules.findSharedSchedule(OTHER_TENANT, shared.id), undefined);
        const again = sampleSharedSchedule({ name: shared.name });
        await assert.rejects(sharedSchedules.insertSharedSchedule(again), refusal('conflict', { field: 'name' }));
        await sharedSchedules.insertSharedSchedule({ ...again, tenant: OTHER_TENANT });
        const changed = { ...shared, name: 'Änderung', schedule: LATE, updatedAt: NOW + 1, version: 2 };
        await sharedSchedules.updateSharedSchedule(changed, 1);
        assert.deepEqual(await sharedSchedules.findSharedSchedules(TENANT, [shared.id, sampleId('schedule')]), [changed]);
        const stale = refusal('conflict', { field: 'version', current: 2 });
        await assert.rejects(sharedSchedules.updateSharedSchedule(changed, 1), stale);
        const gone = { ...changed, id: sampleId('schedule'), name: 'x' };
        await assert.rejects(sharedSchedules.updateSharedSchedule(gone, 1), refusal('not_found'));
        const second = sampleSharedSchedule();
        await sharedSchedules.insertSharedSchedule(second);
        assert.deepEqual((await sharedSchedules.listSharedSchedules(TENANT, { search: 'änder' }, { limit: 5 })).rows, [changed]);
        const first = await sharedSchedules.listSharedSchedules(TENANT, {}, { limit: 1 });
        const rest = await sharedSchedules.listSharedSchedules(TENANT, {}, { limit: 5, after: first.next });
        assert.deepEqual(
          [...first.rows, ...rest.rows].map(({ id }) => id),
          [second.id, shared.id],
        );
        assert.equal(await sharedSchedules.countSharedSchedules(TENANT), 2);
      }),
    );

    it(
      'move every plan that uses them and no other, with what hosts owe; a new name moves none',
      withStore(open, async (store) => {
        const [one, other] = await preparePlans(store);
        const shared = sampleSharedSchedule({ schedule: { cron: '0 1 * * *', zone: 'UTC' } });
        await store.sharedSchedules.insertSharedSchedule(shared);
        await store.plans.updatePlan({ ...one.plan, sharedSchedule: shared.id }, 1);
        const joined = (await store.plans.findPlan(TENANT, one.plan.id)) ?? assert.fail('no plan');
        assert.deepEqual(
          [joined.schedule, joined.sharedSchedule],
          [shared.schedule, shared.id],
          'as it says when the plan is stored',
        );
        await store.sharedSchedules.updateSharedSchedule({ ...shared, name: 'renamed', updatedAt: NOW + 1 }, 1);
        assert.deepEqual(await store.plans.findPlan(TENANT, one.plan.id), joined);

        const at = NOW + HOUR;
        await store.sharedSchedules.updateSharedSchedule({ ...shared, schedule: LATE, updatedAt: at }, 2);
        const moved = { ...joined, schedule: LATE, effectiveFrom: at, updatedAt: at, version: joined.version + 1 };
        assert.deepEqual(await store.plans.findPlan(TENANT, one.plan.id), moved);
        assert.deepEqual(await store.plans.findPlan(TENANT, other.plan.id), other.plan);
        const watches = await store.fires.listDueWatches(at, 10);
        const settled = new Map(watches.map((watch) => [watch.plan, watch.settledThrough]));
        assert.deepEqual([settled.get(one.plan.id), settled.get(other.plan.id)], [at - 1, NOW - 1]);
        await assert.rejects(store.plans.updatePlan({ ...joined, name: 'stale' }, joined.version), refusal('conflict'));
      }),
    );

    it(
      'know their plans and hosts, and stay while a plan uses them',
      withStore(open, async (store) => {
        const [{ host, plan }] = await preparePlans(store);
        const shared = sampleSharedSchedule();
        await store.sharedSchedules.insertSharedSchedule(shared);
        assert.deepEqual(await store.sharedSchedules.listHostsOfSharedSchedule(TENANT, shared.id), []);
        await store.plans.updatePlan({ ...plan, sharedSchedule: shared.id }, 1);
        assert.deepEqual(await store.sharedSchedules.listHostsOfSharedSchedule(TENANT, shared.id), [host.id]);
        assert.deepEqual(
          await store.sharedSchedules.countPlansOfSharedSchedules(TENANT, [shared.id, sampleId('schedule')]),
          new Map([[shared.id, 1]]),
        );
        const using = await store.plans.listPlans(TENANT, { sharedSchedule: shared.id }, { limit: 5 });
        assert.deepEqual(
          using.rows.map(({ id }) => id),
          [plan.id],
        );
        const inUse = refusal('conflict', { field: 'plans', plans: plan.name });
        await assert.rejects(store.sharedSchedules.deleteSharedSchedule(TENANT, shared.id), inUse);
        const nowhere = { ...plan, sharedSchedule: sampleId('schedule') };
        await assert.rejects(store.plans.updatePlan(nowhere, 2), refusal('not_found'));
        await store.plans.updatePlan({ ...plan, sharedSchedule: undefined }, 2);
        await assert.rejects(store.sharedSchedules.deleteSharedSchedule(OTHER_TENANT, shared.id), refusal('not_found'));
        await store.sharedSchedules.deleteSharedSchedule(TENANT, shared.id);
        await assert.rejects(store.sharedSchedules.deleteSharedSchedule(TENANT, shared.id), refusal('not_found'));
      }),
    );
  });
}
