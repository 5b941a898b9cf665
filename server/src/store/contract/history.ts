import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addHost, createdEvent, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleRepository, TENANT, withStore } from './samples.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const counts = (good: number, bad = 0) => ({ protected: good, at_risk: 0, unprotected: bad, unknown: 0, paused: 1 });

/** How months went. */
export function checkHistory(open: OpenStore): void {
  describe('history', () => {
    it(
      'sums what each hour of a day saw, once',
      withStore(open, async ({ history }) => {
        const day = Math.floor(NOW / DAY);
        const begin = day * DAY;
        await history.recordProtection(TENANT, begin, counts(3));
        await history.recordProtection(TENANT, begin + HOUR - 1, counts(9, 9));
        await history.recordProtection(TENANT, begin + HOUR, counts(1, 2));
        await history.recordProtection(TENANT, begin + DAY, counts(4));
        assert.deepEqual(await history.listProtectionDays(TENANT, day, day + 1), [
          { day, looks: 2, counts: { protected: 4, at_risk: 0, unprotected: 2, unknown: 0, paused: 2 } },
        ]);
        assert.equal((await history.listProtectionDays(TENANT, day, day + 2)).length, 2);
        assert.deepEqual(await history.listProtectionDays(OTHER_TENANT, day, day + 2), []);
      }),
    );

    it(
      'knows how big repositories were at instants, by whichever way they were measured last',
      withStore(open, async (store) => {
        const { host } = await addHost(store);
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const measure = (measuredAt: number, sizeBytes: number) =>
          store.maintenance.recordMeasurement(TENANT, repository.id, { host: host.id, measuredAt, sizeBytes, snapshots: 1 });
        await measure(NOW, 100);
        await measure(NOW + DAY, 300);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { kind: 'check', repository: repository.id, sources: [], at: NOW + HOUR }),
          { type: 'repository.measured', run, at: NOW + HOUR, sizeBytes: 200, snapshots: 1 },
        ]);
        const instants = [NOW - 1, NOW, NOW + DAY - 1, NOW + 2 * DAY];
        const list = async (tenant: typeof TENANT) =>
          (await store.history.listSizesAt(tenant, [repository.id, sampleRepository().id], instants))
            .toSorted((a, b) => a.at - b.at)
            .map(({ at, sizeBytes }) => [at, sizeBytes]);
        assert.deepEqual(await list(TENANT), [
          [NOW, 100],
          [NOW + DAY - 1, 200],
          [NOW + 2 * DAY, 300],
        ]);
        assert.deepEqual(await list(OTHER_TENANT), []);
      }),
    );

    it(
      'counts runs of a time by kind and end',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const run = async (kind: 'backup' | 'check', at: number, state?: 'cancelled' | 'failed') => {
          const id = sampleId('run');
          const sources = kind === 'backup' ? [source] : [];
          const end = { evidence: [], bytes: 0, logLines: 0, durationMs: 1 };
          await report(store, host, [
            createdEvent(id, { kind, repository: repository.id, sources, at }),
            startedEvent(id, at),
            ...(state === undefined ? [] : [{ type: 'run.finished' as const, run: id, at, state, ...end }]),
          ]);
        };
        await run('backup', NOW - 1, 'failed');
        await run('backup', NOW, 'cancelled');
        await run('backup', NOW + 1, 'cancelled');
        await run('backup', NOW + 2, 'failed');
        await run('check', NOW + 3);
        await run('backup', NOW + DAY, 'failed');
        const found = (await store.history.countRuns(TENANT, NOW, NOW + DAY)).toSorted((a, b) => b.count - a.count);
        assert.deepEqual(found[0], { kind: 'backup', state: 'cancelled', count: 2 });
        assert.deepEqual(
          new Set(found.slice(1).map(({ kind, state, count }) => `${kind} ${state} ${count}`)),
          new Set(['backup failed 1', 'check running 1']),
        );
        assert.deepEqual(await store.history.countRuns(OTHER_TENANT, NOW, NOW + DAY), []);
        const day = Math.floor(NOW / DAY);
        const days = await store.history.listRunDays(TENANT, day, day + 1);
        assert.deepEqual(
          days.map((one) => `${one.day - day} ${one.kind} ${one.state}`),
          ['0 backup cancelled', '0 backup failed', '0 check running'],
        );
        assert.deepEqual(await store.history.listRunDays(OTHER_TENANT, day, day + 2), []);
      }),
    );
  });
}
