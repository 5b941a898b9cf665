import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../runs.ts';
import type { Store } from '../store.ts';
import { backUp } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

const idsOf = (rows: readonly { id: string }[]) => rows.map((row) => row.id).sort();

/** Two hosts with two sources each, two repositories, and three plans that cross them. */
async function fill(store: Store) {
  const hosts = [sampleHost(), sampleHost()] as const;
  const repositories = [sampleRepository(), sampleRepository()] as const;
  for (const host of hosts) await store.hosts.insertHost(host);
  for (const repository of repositories) await store.repositories.insertRepository(repository);
  const [a, b] = [sampleSource(hosts[0]), sampleSource(hosts[0])];
  const [c, d] = [sampleSource(hosts[1]), sampleSource(hosts[1])];
  for (const source of [a, b, c, d]) await store.sources.insertSource(source);
  const plans = [
    samplePlan(repositories[0], [a, c]),
    samplePlan(repositories[0], [b], { enabled: false }),
    samplePlan(repositories[1], [c]),
  ] as const;
  for (const plan of plans) await store.plans.insertPlan(plan);
  return { hosts, repositories, plans, sources: { a, b, c, d } };
}

export function checkBatches(open: OpenStore): void {
  describe('reads of many rows at once', () => {
    it(
      'find what exists of a list of ids, each once, and nothing of another tenant',
      withStore(open, async (store) => {
        const { hosts, repositories, plans } = await fill(store);
        const [host, repository, plan] = [hosts[1], repositories[1], plans[0]];
        assert.deepEqual(await store.hosts.findHosts(TENANT, [host.id, sampleId('host'), host.id]), [host]);
        assert.deepEqual(await store.repositories.findRepositories(TENANT, [repository.id, sampleId('repository')]), [
          repository,
        ]);
        assert.deepEqual(await store.plans.findPlans(TENANT, [plan.id, sampleId('plan')]), [plan]);
        assert.deepEqual(idsOf(await store.hosts.findHosts(TENANT, idsOf(hosts) as never)), idsOf(hosts));
        assert.deepEqual(idsOf(await store.plans.findPlans(TENANT, idsOf(plans) as never)), idsOf(plans));
        assert.deepEqual(await store.hosts.findHosts(TENANT, []), []);
        assert.deepEqual(await store.hosts.findHosts(OTHER_TENANT, [host.id]), []);
        assert.deepEqual(await store.repositories.findRepositories(OTHER_TENANT, [repository.id]), []);
        assert.deepEqual(await store.plans.findPlans(OTHER_TENANT, [plan.id]), []);
      }),
    );

    it(
      'list the sources of hosts, and the plans of sources and of hosts, each plan once and whole',
      withStore(open, async (store) => {
        const { hosts, plans, sources } = await fill(store);
        const { a, b, c, d } = sources;
        assert.deepEqual(idsOf(await store.sources.listSourcesOfHosts(TENANT, [hosts[1].id])), idsOf([c, d]));
        assert.deepEqual(idsOf(await store.sources.listSourcesOfHosts(TENANT, idsOf(hosts) as never)), idsOf([a, b, c, d]));
        assert.deepEqual(idsOf(await store.plans.listPlansOfSources(TENANT, [a.id, c.id])), idsOf([plans[0], plans[2]]));
        assert.deepEqual(await store.plans.listPlansOfSources(TENANT, [b.id]), [plans[1]]);
        assert.deepEqual(await store.plans.listPlansOfSources(TENANT, [d.id]), []);
        assert.deepEqual(idsOf(await store.plans.listPlansOfHosts(TENANT, [hosts[1].id])), idsOf([plans[0], plans[2]]));
        assert.deepEqual(idsOf(await store.plans.listPlansOfHosts(TENANT, idsOf(hosts) as never)), idsOf(plans));
        assert.deepEqual(await store.plans.listPlansOfSources(OTHER_TENANT, [a.id]), []);
        assert.deepEqual(await store.plans.listPlansOfHosts(OTHER_TENANT, [hosts[0].id]), []);
        assert.deepEqual(await store.sources.listSourcesOfHosts(OTHER_TENANT, [hosts[0].id]), []);
      }),
    );

    it(
      'give the parts of runs, the newest backup of plans, and what lies in repositories and goes there',
      withStore(open, async (store) => {
        const { hosts, plans, sources, repositories } = await fill(store);
        const { a, b } = sources;
        const [plan, , other] = plans;
        const play = async (at: number, kind: Run['kind']) =>
          (
            await backUp(store, hosts[0], {
              sources: [a.id, b.id],
              repository: repositories[0].id,
              created: { at, plan: plan.id, kind },
            })
          ).run;
        const first = await play(NOW, 'backup');
        const second = await play(NOW + 1, 'backup');
        const restore = await play(NOW + 2, 'restore');
        const parts = await store.runs.listPartsOf(TENANT, [restore, first, sampleId('run')]);
        assert.deepEqual(
          parts.filter((part) => part.run === first),
          await store.runs.listParts(TENANT, first),
        );
        assert.deepEqual(new Set(parts.map((part) => part.run)), new Set([restore, first]));
        assert.deepEqual(await store.runs.listPartsOf(OTHER_TENANT, [first]), []);
        assert.deepEqual(idsOf(await store.runs.lastRunOfPlans(TENANT, [plan.id, other.id])), [second]);
        assert.deepEqual(await store.runs.lastRunOfPlans(OTHER_TENANT, [plan.id]), []);
        const counted = await store.snapshots.countSnapshotsOf(TENANT, idsOf(repositories) as never);
        assert.deepEqual(counted.get(repositories[0].id), await store.snapshots.countSnapshots(TENANT, repositories[0].id));
        assert.equal(counted.get(repositories[1].id) ?? 0, 0);
        const used = await store.plans.countPlansOf(TENANT, idsOf(repositories) as never);
        assert.deepEqual([used.get(repositories[0].id), used.get(repositories[1].id)], [2, 1]);
        assert.equal((await store.plans.countPlansOf(OTHER_TENANT, [repositories[0].id])).size, 0);
      }),
    );
  });
}
