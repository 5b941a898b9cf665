/** The least that is stored before most things can be. */
import assert from 'node:assert/strict';
import type { Host } from '../hosts.ts';
import type { Repository } from '../repositories.ts';
import type { Source } from '../sources.ts';
import type { Store } from '../store.ts';
import { addHost, backUp } from './reports.ts';
import { NOW, sampleHost, samplePlan, sampleRepository, sampleSource, TENANT } from './samples.ts';

/** What a plan needs to stand on. */
interface Ground {
  host: Host;
  source: Source;
  repository: Repository;
}

/** A host with one source, and a repository; all of them stored. */
export async function prepareGround({ hosts, sources, repositories }: Store): Promise<Ground> {
  const host = sampleHost();
  const source = sampleSource(host);
  const repository = sampleRepository();
  await hosts.insertHost(host);
  await sources.insertSource(source);
  await repositories.insertRepository(repository);
  return { host, source, repository };
}

/** A plan with one source and `count` backups of it, oldest first. */
export async function prepareHistory(store: Store, count: number) {
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
