import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RETENTION_PRESETS } from '@holdfast/shared/domain/retention-policy.ts';
import { prepareHistory } from './ground.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, sampleId, samplePolicy, TENANT, withStore } from './samples.ts';

export function checkPolicies(open: OpenStore): void {
  describe('policies', () => {
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
  });
}
