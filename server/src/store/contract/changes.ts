import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addHost, backUp } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  sampleHost,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

export function checkChanges(open: OpenStore): void {
  const NOTHING = { isAllStale: false, sources: [], hosts: [], plans: [], isMissChanged: false };

  describe('changes', () => {
    it(
      'tell once what was written, and of whom',
      withStore(open, async (store) => {
        const take = () => store.changes.takeChanges(TENANT);
        assert.deepEqual(await take(), NOTHING);
        const host = sampleHost();
        const repository = sampleRepository();
        const source = sampleSource(host);
        await store.hosts.insertHost(host);
        await store.repositories.insertRepository(repository);
        await store.sources.insertSource(source);
        assert.deepEqual(await store.changes.takeChanges(OTHER_TENANT), NOTHING);
        assert.deepEqual(await take(), { ...NOTHING, hosts: [host.id], sources: [source.id] });
        assert.deepEqual(await take(), NOTHING);

        const plan = samplePlan(repository, [source]);
        await store.plans.insertPlan(plan);
        assert.deepEqual(await take(), { ...NOTHING, plans: [plan.id], sources: [source.id] });
        await store.plans.updatePlan({ ...plan, enabled: false }, plan.version);
        assert.deepEqual(await take(), { ...NOTHING, plans: [plan.id], sources: [source.id] });
        await store.plans.deletePlan(TENANT, plan.id);
        assert.deepEqual(await take(), { ...NOTHING, plans: [plan.id], sources: [source.id] });
        await store.hosts.updateHostNaming(TENANT, host.id, { tags: ['other'] });
        assert.deepEqual(await take(), { ...NOTHING, hosts: [host.id] });
        await store.sources.deleteSource(TENANT, source.id);
        assert.deepEqual(await take(), { ...NOTHING, sources: [source.id] });
      }),
    );

    it(
      'tell of sources by their backups, drills and what these are to ask',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const take = async () => (await store.changes.takeChanges(TENANT)).sources;
        await take();
        await backUp(store, host, { sources: [source] });
        assert.deepEqual(await take(), [source]);
        await store.drills.saveDrillSettings(TENANT, { source, assertions: [], withinDays: 3, updatedAt: NOW });
        assert.deepEqual(await take(), [source]);
        assert.deepEqual(await take(), []);
      }),
    );

    it(
      'leave out what came to nothing',
      withStore(open, async (store) => {
        const host = sampleHost();
        await store.hosts.insertHost(host);
        await store.changes.takeChanges(TENANT);
        await assert.rejects(store.hosts.insertHost(host));
        assert.deepEqual(await store.changes.takeChanges(TENANT), NOTHING);
      }),
    );
  });
}
