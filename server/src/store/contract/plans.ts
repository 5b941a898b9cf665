import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prepareGround } from './ground.ts';
import {
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

export function checkPlans(open: OpenStore): void {
  describe('plans', () => {
    it(
      'stores plans with their sources in order, and changes both together',
      withStore(open, async (store) => {
        const { sources, plans } = store;
        const { host, source, repository } = await prepareGround(store);
        const second = sampleSource(host);
        await sources.insertSource(second);
        const plan = samplePlan(repository, [second, source]);
        await plans.insertPlan(plan);
        assert.deepEqual(await plans.findPlan(TENANT, plan.id), plan);
        await assert.rejects(
          plans.insertPlan(samplePlan(repository, [source], { name: plan.name })),
          refusal('conflict', { field: 'name' }),
        );
        const changed = { ...plan, sources: [source.id], schedule: undefined, enabled: false, version: 2 };
        await plans.updatePlan(changed, 1);
        assert.deepEqual(await plans.findPlan(TENANT, plan.id), changed);
        await assert.rejects(plans.updatePlan({ ...plan, version: 2 }, 1), refusal('conflict', { field: 'version', current: 2 }));
        assert.deepEqual(await plans.findPlan(TENANT, plan.id), changed);
        await assert.rejects(plans.deletePlan(OTHER_TENANT, plan.id), refusal('not_found'));
        await plans.deletePlan(TENANT, plan.id);
        assert.equal(await plans.countPlans(TENANT), 0);
      }),
    );

    it(
      'refuses a plan whose source or repository is gone or belongs to another tenant, and stores nothing of it',
      withStore(open, async (store) => {
        const { plans, repositories } = store;
        const { host, source, repository } = await prepareGround(store);
        await assert.rejects(plans.insertPlan(samplePlan(repository, [source, sampleSource(host)])), refusal('not_found'));
        await assert.rejects(plans.insertPlan(samplePlan(sampleRepository(), [source])), refusal('not_found'));
        const foreign = sampleRepository({ tenant: OTHER_TENANT });
        await repositories.insertRepository(foreign);
        await assert.rejects(plans.insertPlan(samplePlan(foreign, [source])), refusal('not_found'));
        assert.equal(await plans.countPlans(TENANT), 0);
        assert.equal(await plans.countPlans(OTHER_TENANT), 0);
      }),
    );

    it(
      'lists plans by source, host and its tags, repository, switch and name, and the hosts that must hear of a change',
      withStore(open, async (store) => {
        const { sources, plans } = store;
        const { host, source, repository } = await prepareGround(store);
        const far = sampleHost({ tags: ['edge'] });
        const farSource = sampleSource(far);
        await store.hosts.insertHost(far);
        await sources.insertSource(farSource);
        const both = samplePlan(repository, [source, farSource], { name: 'Both' });
        const near = samplePlan(repository, [source], { name: 'near', enabled: false });
        await plans.insertPlan(both);
        await plans.insertPlan(near);
        const list = async (filter: Parameters<typeof plans.listPlans>[1]) =>
          (await plans.listPlans(TENANT, filter, { limit: 10 })).rows.map((plan) => plan.name);
        assert.deepEqual(await list({}), ['Both', 'near']);
        assert.deepEqual(await list({ source: farSource.id }), ['Both']);
        assert.deepEqual(await list({ host: host.id }), ['Both', 'near']);
        assert.deepEqual(await list({ host: far.id, repository: repository.id }), ['Both']);
        assert.deepEqual(await list({ tag: 'edge' }), ['Both']);
        assert.deepEqual(await list({ tag: 'Edge' }), []);
        assert.deepEqual(await list({ enabled: false }), ['near']);
        assert.deepEqual(await list({ search: 'BOTH', enabled: true }), ['Both']);
        assert.deepEqual(await plans.listPlansOfHost(TENANT, far.id), [both]);
        assert.deepEqual(new Set(await plans.listHostsOfRepository(TENANT, repository.id)), new Set([host.id, far.id]));
        assert.deepEqual(await plans.listHostsOfPlan(TENANT, near.id), [host.id]);
        assert.deepEqual(await plans.listHostsOfPlan(OTHER_TENANT, near.id), []);
      }),
    );
  });
}
