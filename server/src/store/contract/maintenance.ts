import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Direction, REPOSITORY_ORDERS, type RepositoryOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleRepository, TENANT, withStore } from './samples.ts';

type Size = Partial<Extract<DurableEvent, { type: 'repository.measured' }>>;

async function prepare(store: Store) {
  const { host, source } = await addHost(store);
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const measure = async (kind: 'check' | 'prune' | 'backup', at: number, size: Size = {}) => {
    const run = sampleId('run');
    const scope = kind === 'check' ? { scope: { kind: 'part', part: 1, of: 4 } as const } : {};
    await report(store, host, [
      createdEvent(run, { kind, repository: repository.id, sources: [], at, ...scope }),
      startedEvent(run, at),
      { type: 'repository.measured', run, at, sizeBytes: 700, snapshots: 2, ...size },
    ]);
    return run;
  };
  const list = (kind: 'check' | 'prune', limit = 10) => store.maintenance.listMaintenanceRuns(TENANT, repository.id, kind, limit);
  return { host, source, repository, measure, list };
}

/** Checks, prunes and sizes of repositories. */
export function checkMaintenance(open: OpenStore): void {
  describe('upkeep', () => {
    it(
      'lists checks and prunes apart, newest first, with what a check read',
      withStore(open, async (store) => {
        const { repository, measure, list } = await prepare(store);
        const first = await measure('check', NOW);
        const second = await measure('check', NOW + 1000);
        const prune = await measure('prune', NOW + 2000);
        const ids = async (kind: 'check' | 'prune', limit?: number) => (await list(kind, limit)).map(({ id }) => id);
        assert.deepEqual(await ids('check'), [second, first]);
        assert.deepEqual(await ids('check', 1), [second]);
        assert.deepEqual(await ids('prune'), [prune]);
        assert.deepEqual((await list('check'))[0]?.scope, { kind: 'part', part: 1, of: 4 });
        assert.deepEqual(await store.maintenance.listMaintenanceRuns(OTHER_TENANT, repository.id, 'check', 10), []);
      }),
    );

    it(
      'keeps each size once, with what the snapshots listed then give back, and only from runs that measure',
      withStore(open, async (store) => {
        const { host, source, repository, measure } = await prepare(store);
        await backUp(store, host, { sources: [source], repository: repository.id });
        const given = (await store.snapshots.listSnapshots(TENANT, { repository: repository.id }, { limit: 10 })).rows;
        const restoreBytes = given.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const run = await measure('check', NOW, { uncompressedBytes: 900 });
        await report(store, host, [{ type: 'repository.measured', run, at: NOW + 1, sizeBytes: 1, snapshots: 1 }]);
        await measure('backup', NOW + 1000);
        const pruned = await measure('prune', NOW + 2000, { sizeBytes: 300, snapshots: 1 });
        const { maintenance } = store;
        const size = { run, measuredAt: NOW, sizeBytes: 700, uncompressedBytes: 900, snapshots: 2, restoreBytes };
        const sizes = await maintenance.listSizes(TENANT, repository.id, 10);
        assert.deepEqual(sizes[0], size);
        assert.deepEqual(
          sizes.map((one) => one.run),
          [run, pruned],
        );
        assert.ok(restoreBytes > 0);
        assert.deepEqual(
          (await maintenance.listSizes(TENANT, repository.id, 1)).map((one) => one.run),
          [pruned],
        );
        assert.deepEqual(await maintenance.listSizes(OTHER_TENANT, repository.id, 10), []);
      }),
    );

    it(
      'sums up how repositories do, by what showed last that they work, and lists them in that order',
      withStore(open, async (store) => {
        const { host, repository, measure } = await prepare(store);
        const [quiet, fresh, unopened] = [sampleRepository(), sampleRepository(), sampleRepository({ engineId: undefined })];
        for (const other of [quiet, fresh, unopened]) await store.repositories.insertRepository(other);
        await store.repositories.pinEngineId(TENANT, repository.id, 'engine', host.id);
        await store.repositories.pinEngineId(TENANT, quiet.id, 'engine', host.id);
        await store.repositories.pinEngineId(TENANT, fresh.id, 'engine', host.id);
        const run = await measure('check', NOW - 5000, { sizeBytes: 700 });
        await measure('prune', NOW - 4000, { sizeBytes: 500 });
        const at = { now: NOW, quietBefore: NOW - 10_000 };
        const measured = { host: host.id, sizeBytes: 900, snapshots: 1 };
        await store.maintenance.recordMeasurement(TENANT, quiet.id, { ...measured, measuredAt: NOW - 20_000 });
        // A clock that goes ahead shows nothing of now.
        await store.maintenance.recordMeasurement(TENANT, fresh.id, { ...measured, measuredAt: NOW + 1 });
        const ids = [repository, quiet, fresh, unopened].map(({ id }) => id);
        const read = async () => {
          const found = await store.maintenance.listRepositorySummaries(TENANT, [...ids, sampleId('repository')], at);
          return new Map(found.map((one) => [one.repository, one]));
        };
        assert.deepEqual((await read()).get(repository.id), {
          repository: repository.id,
          standing: 'good',
          usedAt: NOW - 4000,
          sizeBytes: 500,
          check: { run, state: 'running', at: NOW - 5000 },
        });
        const none = { usedAt: undefined, sizeBytes: undefined, check: undefined };
        assert.deepEqual((await read()).get(fresh.id), { ...none, repository: fresh.id, standing: 'quiet' });
        assert.deepEqual((await read()).get(unopened.id), { ...none, repository: unopened.id, standing: 'unopened' });
        const past = { standing: 'quiet', usedAt: NOW - 20_000, sizeBytes: 900 };
        assert.deepEqual((await read()).get(quiet.id), { ...none, ...past, repository: quiet.id });
        assert.deepEqual(
          await store.maintenance.countRepositoryStandings(TENANT, at),
          new Map([
            ['unopened', 1],
            ['quiet', 2],
            ['good', 1],
          ]),
        );
        assert.deepEqual(await store.maintenance.listRepositorySummaries(OTHER_TENANT, ids, at), []);
        assert.equal((await store.maintenance.countRepositoryStandings(OTHER_TENANT, at)).size, 0);
        const list = async (by: RepositoryOrder, direction: Direction) => {
          const listed: string[] = [];
          for (let after: string | undefined; ; ) {
            const page = await store.repositories.listRepositories(
              TENANT,
              {},
              { limit: 1, after, sort: { by, direction }, instants: at },
            );
            listed.push(...page.rows.map(({ id }) => id));
            if (page.next === undefined) return listed;
            after = page.next;
          }
        };
        for (const by of REPOSITORY_ORDERS) {
          const up = await list(by, 'asc');
          assert.deepEqual(new Set(up), new Set(ids), by);
          assert.deepEqual(await list(by, 'desc'), up.toReversed(), by);
        }
        assert.deepEqual([(await list('status', 'asc'))[0], (await list('status', 'asc')).at(-1)], [unopened.id, repository.id]);
        assert.deepEqual((await list('size', 'desc')).slice(0, 2), [quiet.id, repository.id]);
        assert.equal((await list('checked', 'desc'))[0], repository.id);
      }),
    );

    it(
      'keeps an admin credential with its repository, changes it, and lets it go',
      withStore(open, async ({ repositories }) => {
        const repository = {
          ...sampleRepository(),
          admin: { config: { username: 'keeper' }, secrets: { restPassword: 'sealed' } },
        };
        await repositories.insertRepository(repository);
        const find = () => repositories.findRepository(TENANT, repository.id);
        assert.deepEqual((await find())?.admin, repository.admin);
        const admin = { config: {}, secrets: { restPassword: 'other' } };
        await repositories.updateRepository({ ...repository, admin }, repository.version);
        assert.deepEqual((await find())?.admin, admin);
        await repositories.updateRepository({ ...repository, admin: undefined }, repository.version + 1);
        assert.equal((await find())?.admin, undefined);
      }),
    );
  });
}
