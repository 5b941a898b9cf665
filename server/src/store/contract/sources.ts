import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prepareGround } from './ground.ts';
import { backUp } from './reports.ts';
import {
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  samplePlan,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

export function checkSources(open: OpenStore): void {
  describe('sources', () => {
    it(
      'stores sources whole, unique by name on their host only, and counts versions up',
      withStore(open, async (store) => {
        const { sources } = store;
        const { host, source } = await prepareGround(store);
        const elsewhere = sampleHost();
        await store.hosts.insertHost(elsewhere);
        await sources.insertSource(sampleSource(elsewhere, { name: source.name }));
        await assert.rejects(
          sources.insertSource(sampleSource(host, { name: source.name })),
          refusal('conflict', { field: 'name' }),
        );
        await assert.rejects(sources.insertSource(sampleSource(sampleHost())), refusal('not_found'));
        const changed = {
          ...source,
          name: 'renamed',
          config: { paths: ['/a\u0000b'] },
          secrets: { password: 'c' },
          enabled: false,
          version: 2,
        };
        await sources.updateSource(changed, 1);
        assert.deepEqual(await sources.findSource(TENANT, source.id), changed);
        assert.equal(await sources.findSource(OTHER_TENANT, source.id), undefined);
        await assert.rejects(sources.updateSource(changed, 1), refusal('conflict', { field: 'version', current: 2 }));
        await assert.rejects(sources.updateSource({ ...changed, id: sampleId('source') }, 2), refusal('not_found'));
        assert.equal(await sources.countSources(TENANT), 2);
        assert.deepEqual(await sources.listSourcesOfHost(TENANT, host.id), [changed]);
        assert.deepEqual(await sources.findSources(TENANT, [source.id, sampleId('source')]), [changed]);
      }),
    );

    it(
      'filters and pages sources, those without an enabled plan included',
      withStore(open, async (store) => {
        const { sources, plans } = store;
        const { host, source, repository } = await prepareGround(store);
        const idle = sampleSource(host, { name: 'Idle', kind: 'postgres' });
        const paused = sampleSource(host, { name: 'Paused' });
        await sources.insertSource(idle);
        await sources.insertSource(paused);
        await plans.insertPlan(samplePlan(repository, [source, paused]));
        await plans.insertPlan(samplePlan(repository, [idle], { enabled: false }));
        const list = async (filter: Parameters<typeof sources.listSources>[1]) =>
          (await sources.listSources(TENANT, filter, { limit: 10 })).rows.map((row) => row.id);
        assert.deepEqual(await list({ withoutPlan: true }), [idle.id]);
        assert.deepEqual(await list({ kind: 'postgres', host: host.id }), [idle.id]);
        assert.deepEqual(await list({ search: 'AUS' }), [paused.id]);
        await sources.updateSource({ ...paused, enabled: false, version: 2 }, 1);
        assert.deepEqual(await list({ enabled: false }), [paused.id]);
        assert.deepEqual(await list({ enabled: true }), [idle.id, source.id]);
        assert.deepEqual(await list({ host: sampleId('host') }), []);
        const first = await sources.listSources(TENANT, {}, { limit: 2 });
        const rest = await sources.listSources(TENANT, {}, { limit: 2, after: first.next });
        assert.deepEqual(
          [...first.rows, ...rest.rows].map((row) => row.id),
          [idle.id, paused.id, source.id],
        );
        assert.equal(rest.next, undefined);
      }),
    );

    it(
      'does not delete a source that a plan uses; its runs and snapshots outlive it',
      withStore(open, async (store) => {
        const { plans, sources } = store;
        const { host, source, repository } = await prepareGround(store);
        const plan = samplePlan(repository, [source], { name: 'nightly' });
        await plans.insertPlan(plan);
        await backUp(store, host, { sources: [source.id], repository: repository.id });
        await assert.rejects(sources.deleteSource(TENANT, source.id), refusal('conflict', { field: 'plans', plans: 'nightly' }));
        await plans.deletePlan(TENANT, plan.id);
        await assert.rejects(sources.deleteSource(OTHER_TENANT, source.id), refusal('not_found'));
        await sources.deleteSource(TENANT, source.id);
        await assert.rejects(sources.deleteSource(TENANT, source.id), refusal('not_found'));
        assert.equal((await store.runs.listRuns(TENANT, { source: source.id }, { limit: 5 })).rows.length, 1);
        assert.equal((await store.snapshots.listSnapshots(TENANT, { source: source.id }, { limit: 5 })).rows.length, 1);
      }),
    );
  });
}
