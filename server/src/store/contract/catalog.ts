import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Host } from '../hosts.ts';
import type { Repository } from '../repositories.ts';
import type { Source } from '../sources.ts';
import type { Store } from '../store.ts';
import { backUp } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

interface Ground {
  host: Host;
  source: Source;
  repository: Repository;
}

async function prepareGround({ hosts, sources, repositories }: Store): Promise<Ground> {
  const host = sampleHost();
  const source = sampleSource(host);
  const repository = sampleRepository();
  await hosts.insertHost(host);
  await sources.insertSource(source);
  await repositories.insertRepository(repository);
  return { host, source, repository };
}

function checkSources(open: OpenStore): void {
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
}

function checkRepositories(open: OpenStore): void {
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
}

function checkPlans(open: OpenStore): void {
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
}

export function checkCatalog(open: OpenStore): void {
  describe('catalog', () => {
    checkSources(open);
    checkRepositories(open);
    checkPlans(open);
  });
}
