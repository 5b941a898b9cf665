import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addHost, createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
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
        /** In reads of so many repositories. */
        const sum = async (tenant: typeof TENANT, limit: number) => {
          const sums = new Map<number, number>();
          for (let after: typeof repository.id | undefined; ; ) {
            const { sizes, next } = await store.history.sumSizes(tenant, instants, { after, limit });
            for (const { at, sizeBytes } of sizes) sums.set(at, (sums.get(at) ?? 0) + sizeBytes);
            if (next === undefined) return [...sums].toSorted(([a], [b]) => a - b);
            after = next;
          }
        };
        const alone = [
          [NOW, 100],
          [NOW + DAY - 1, 200],
          [NOW + 2 * DAY, 300],
        ];
        assert.deepEqual(await sum(TENANT, 1), alone);
        const second = sampleRepository();
        await store.repositories.insertRepository(second);
        await store.repositories.insertRepository(sampleRepository());
        const size = { host: host.id, snapshots: 1 };
        await store.maintenance.recordMeasurement(TENANT, second.id, { ...size, measuredAt: NOW + DAY - 1, sizeBytes: 7000 });
        const both = [
          [NOW, 100],
          [NOW + DAY - 1, 7200],
          [NOW + 2 * DAY, 7300],
        ];
        for (const limit of [1, 2, 3, 100]) assert.deepEqual(await sum(TENANT, limit), both);
        assert.deepEqual(await sum(OTHER_TENANT, 10), []);

        const grow = async (from: number, to: number) => {
          const { rows, next } = await store.history.listGrowth(TENANT, { from, to }, { limit: 100 });
          assert.equal(next, undefined);
          return rows.map(({ name, first, last }) => [name, first.sizeBytes, last.sizeBytes, first.at === last.at]);
        };
        assert.deepEqual(await grow(NOW + 1, NOW + DAY), [
          [repository.name, 100, 200, false],
          [second.name, 7000, 7000, true],
        ]);
        assert.deepEqual(await grow(NOW - DAY, NOW + 2 * DAY), [
          [repository.name, 100, 300, false],
          [second.name, 7000, 7000, true],
        ]);
        assert.deepEqual(await grow(NOW - DAY, NOW), [], 'what was measured later was not known then');
        const first = await store.history.listGrowth(TENANT, { from: NOW, to: NOW + 2 * DAY }, { limit: 1 });
        assert.deepEqual([first.rows.map(({ name }) => name), first.next], [[repository.name], repository.id]);
      }),
    );

    it(
      'sums what backups read and what snapshots added, over whole days and what is left of a time',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const [one, other] = [sampleRepository(), sampleRepository()];
        for (const repository of [one, other]) await store.repositories.insertRepository(repository);
        const midnight = Math.ceil(NOW / DAY) * DAY;
        const run = async (
          at: number,
          repository: typeof one,
          bytes: number,
          made: { sizeBytes: number; addedBytes?: number },
        ) => {
          const id = sampleId('run');
          await report(store, host, [
            createdEvent(id, { repository: repository.id, sources: [source], at }),
            startedEvent(id, at),
            madeEvent(id, source, { createdAt: at, addedBytes: undefined, ...made }),
            partEvent(id, source, 'succeeded', at),
            finishedEvent(id, 'succeeded', { at, bytes }),
          ]);
        };
        // Before, at the beginning, in a whole day, in the rest of the last one, and after.
        await run(midnight - HOUR - 1, one, 1, { sizeBytes: 1 });
        await run(midnight - HOUR, one, 20, { sizeBytes: 900, addedBytes: 5 });
        await run(midnight + HOUR, one, 300, { sizeBytes: 60 });
        await run(midnight + 2 * HOUR, other, 4000, { sizeBytes: 900, addedBytes: 0 });
        await run(midnight + DAY, one, 50_000, { sizeBytes: 900, addedBytes: 700 });
        await run(midnight + DAY + HOUR, one, 1, { sizeBytes: 1 });
        const [from, to] = [midnight - HOUR, midnight + DAY + HOUR];
        const { history } = store;
        assert.equal(await history.sumRead(TENANT, from, to), 54_320);
        const added = (await history.sumAdded(TENANT, from, to)).toSorted((a, b) => b.addedBytes - a.addedBytes);
        assert.deepEqual(added, [
          { repository: one.id, snapshots: 3, addedBytes: 765 },
          { repository: other.id, snapshots: 1, addedBytes: 0 },
        ]);
        assert.equal(await history.sumRead(TENANT, midnight + HOUR, midnight + HOUR + 1), 300, 'less than a day');
        assert.deepEqual(await history.sumAdded(TENANT, to, to), []);
        assert.deepEqual(await history.sumAdded(OTHER_TENANT, from, to), []);
        const day = midnight / DAY;
        assert.deepEqual(await history.listAddedDays(TENANT, day, day + 2), [
          { day, snapshots: 2, addedBytes: 60 },
          { day: day + 1, snapshots: 2, addedBytes: 701 },
        ]);
        const days = await history.listRunDays(TENANT, day, day + 1);
        assert.deepEqual(days, [{ day, kind: 'backup', state: 'succeeded', count: 2, bytes: 4300 }]);
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
