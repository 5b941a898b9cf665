import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prepareGround } from './ground.ts';
import { backUp } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, samplePlan, sampleRepository, TENANT, withStore } from './samples.ts';

export function checkRepositories(open: OpenStore): void {
  describe('repositories', () => {
    it(
      'stores repositories whole, unique by name, and updates only the version that was read',
      withStore(open, async ({ repositories }) => {
        const repository = sampleRepository({ kind: 's3' });
        await repositories.insertRepository(repository);
        await assert.rejects(
          repositories.insertRepository(sampleRepository({ name: repository.name })),
          refusal('conflict', { field: 'name' }),
        );
        await repositories.insertRepository(sampleRepository({ name: repository.name, tenant: OTHER_TENANT }));
        const changed = { ...repository, config: { bucket: 'b' }, runsAtOnce: 2, updatedAt: NOW + 1, version: 2 };
        await repositories.updateRepository(changed, 1);
        assert.deepEqual(await repositories.findRepository(TENANT, repository.id), changed);
        await assert.rejects(repositories.updateRepository(changed, 1), refusal('conflict', { field: 'version' }));
        assert.deepEqual((await repositories.listRepositories(TENANT, { kind: 's3' }, { limit: 5 })).rows, [changed]);
        assert.deepEqual((await repositories.listRepositories(TENANT, { search: 'nowhere' }, { limit: 5 })).rows, []);
        assert.equal(await repositories.countRepositories(TENANT), 1);
      }),
    );

    it(
      'pins the id of an engine once',
      withStore(open, async (store) => {
        const { repositories } = store;
        const { host, repository } = await prepareGround(store);
        await repositories.pinEngineId(TENANT, repository.id, 'engine-1', host.id);
        await repositories.pinEngineId(TENANT, repository.id, 'engine-1', host.id);
        await assert.rejects(
          repositories.pinEngineId(TENANT, repository.id, 'engine-2', host.id),
          refusal('conflict', { pinned: 'engine-1' }),
        );
        await assert.rejects(repositories.pinEngineId(OTHER_TENANT, repository.id, 'engine-1', host.id), refusal('not_found'));
        const stored = await repositories.findRepository(TENANT, repository.id);
        assert.deepEqual([stored?.engineId, stored?.testedFrom], ['engine-1', host.id]);
      }),
    );

    it(
      'keeps the proof of a password for the version it was of, over changes that do not take it back',
      withStore(open, async (store) => {
        const { repositories } = store;
        const { host, repository } = await prepareGround(store);
        const proof = { at: NOW, by: 'ada', host: host.id };
        const find = () => repositories.findRepository(TENANT, repository.id);
        await assert.rejects(repositories.provePassword(OTHER_TENANT, repository.id, proof, 1), refusal('not_found'));
        await assert.rejects(repositories.provePassword(TENANT, repository.id, proof, 2), refusal('conflict', { current: 1 }));
        await repositories.provePassword(TENANT, repository.id, proof, 1);
        assert.deepEqual(await find(), { ...repository, passwordProof: proof });
        const older = { ...proof, at: NOW - 9 };
        await repositories.updateRepository({ ...repository, passwordProof: older, updatedAt: NOW + 1, version: 2 }, 1);
        assert.deepEqual((await find())?.passwordProof, proof);
        await repositories.updateRepository({ ...repository, updatedAt: NOW + 2, version: 3 }, 2);
        assert.equal((await find())?.passwordProof, undefined);
      }),
    );

    it(
      'does not delete a repository that a plan uses or that holds listed snapshots',
      withStore(open, async (store) => {
        const { plans, repositories } = store;
        const { host, source, repository } = await prepareGround(store);
        const plan = samplePlan(repository, [source]);
        await plans.insertPlan(plan);
        await assert.rejects(repositories.deleteRepository(TENANT, repository.id), refusal('conflict', { field: 'plans' }));
        await plans.deletePlan(TENANT, plan.id);
        const { engineId } = await backUp(store, host, { sources: [source.id], repository: repository.id });
        await assert.rejects(repositories.deleteRepository(TENANT, repository.id), refusal('conflict', { field: 'snapshots' }));
        const gone = {
          type: 'repository.reconciled',
          at: NOW,
          repository: repository.id,
          orphans: [],
          missing: [engineId],
        } as const;
        await store.events.applyEvents(
          TENANT,
          host.id,
          'epoch-gone',
          [{ seq: 1, event: { ...gone, orphans: [], missing: [engineId] } }],
          NOW,
        );
        await repositories.deleteRepository(TENANT, repository.id);
        assert.equal(await repositories.findRepository(TENANT, repository.id), undefined);
      }),
    );
  });
}
