/** A store as a big fleet leaves it: hosts, sources, plans, and runs with their logs, through the store's own doors. */
import { join } from 'node:path';
import { writeBackupLog } from '@holdfast/server/store/contract/real-logs.ts';
import { sampleHost, samplePlan, sampleRepository, sampleSource } from '@holdfast/server/store/contract/samples.ts';
import { openSqliteStore } from '@holdfast/server/store/sqlite/open.ts';
import type { Store } from '@holdfast/server/store/store.ts';
import { type Owned, tellRuns } from './told-runs.ts';

export type FleetSize = {
  readonly hosts: number;
  readonly sourcesPerHost: number;
  readonly runs: number;
};

const WHOLE: FleetSize = { hosts: 5000, sourcesPerHost: 4, runs: 1_000_000 };
const REPOSITORIES = 20;
const DAYS = 90;
const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/** A part of the whole fleet: `share` 1 is 5,000 hosts, 20,000 sources, 1,000,000 runs and some 10,000,000 lines of log. */
export function sizeFleet(share: number): FleetSize {
  return { ...WHOLE, hosts: Math.ceil(WHOLE.hosts * share), runs: Math.ceil(WHOLE.runs * share) };
}

/** Fills the store at `path`, which no server has open. Resolves with one entry for each source. */
export async function fillFleet(
  path: string,
  size: FleetSize,
  now: number,
  say: (text: string) => void,
): Promise<readonly Owned[]> {
  const store = await openSqliteStore({
    path,
    migrationsDir: MIGRATIONS,
    clock: { now: () => now },
    hostDayLogBytes: Number.MAX_SAFE_INTEGER,
  });
  try {
    const owned = await addPlans(store, size);
    say(`${size.hosts} hosts, ${owned.length} sources`);
    await tellRuns(store, owned, {
      ...{ runs: size.runs, days: DAYS, now, say },
      // One in a hundred goes wrong.
      stateOf: (index) => (index % 100 === 99 ? 'failed' : 'succeeded'),
      linesOf: (index, at) => writeBackupLog(index, index % owned.length, at),
    });
    await gatherLogs(store);
    return owned;
  } finally {
    await store.close();
  }
}

/** One plan for each host, with all of its sources. */
async function addPlans(store: Store, size: FleetSize): Promise<readonly Owned[]> {
  const repositories = Array.from({ length: REPOSITORIES }, () => sampleRepository());
  for (const repository of repositories) await store.repositories.insertRepository(repository);
  const owned: Owned[] = [];
  for (let index = 0; index < size.hosts; index += 1) {
    const host = sampleHost({ tags: [`site-${index % 30}`, index % 5 === 0 ? 'production' : 'test'] });
    const repository = repositories[index % REPOSITORIES];
    if (repository === undefined) throw new Error('there is no repository');
    await store.hosts.insertHost(host);
    const sources = Array.from({ length: size.sourcesPerHost }, () => sampleSource(host));
    for (const source of sources) await store.sources.insertSource(source);
    const plan = samplePlan(repository, sources);
    await store.plans.insertPlan(plan);
    owned.push(...sources.map((source) => ({ host, source: source.id, plan })));
  }
  return owned;
}

/** What the server does once a minute, and here with all runs at once. */
async function gatherLogs(store: Store): Promise<void> {
  for (let more = true; more; ) more = (await store.logs.gatherLogs()).hasMore;
}
