import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_ROUTINE } from '@holdfast/shared/domain/routine.ts';
import type { Run } from '../runs.ts';
import type { Store } from '../store.ts';
import { addHost, createdEvent, report } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleOrder, sampleRepository, TENANT, withStore } from './samples.ts';

const FREE = { host: undefined, until: 0, isFixed: false } as const;

async function prepare(store: Store) {
  const { host, source } = await addHost(store);
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const first = { tenant: TENANT, repository: repository.id, settings: DEFAULT_ROUTINE, since: NOW, lease: FREE };
  const find = () => store.routines.findRoutine(TENANT, repository.id);
  const makeRun = (): Run => ({
    id: sampleId('run'),
    tenant: TENANT,
    host: host.id,
    kind: 'check',
    trigger: 'schedule',
    state: 'queued',
    plan: undefined,
    repository: repository.id,
    createdAt: NOW,
    receivedAt: NOW,
    bytes: 0,
    evidence: [],
    logLines: 0,
  });
  return { host, source, repository, first, find, makeRun };
}

/** What is done without being asked. */
export function checkRoutines(open: OpenStore): void {
  describe('routines', () => {
    it(
      'are kept with their beginning, changed, let go, and go with their repository',
      withStore(open, async (store) => {
        const { host, repository, first, find } = await prepare(store);
        assert.equal(await find(), undefined);
        await store.routines.saveRoutine(first);
        assert.deepEqual(await find(), { ...first, turn: 0 });
        const lease = { host: host.id, until: NOW + 5, isFixed: true };
        const settings = { ...DEFAULT_ROUTINE, checkDays: 3, windows: [{ from: '22:00', to: '06:00', days: [0, 6] }] };
        await store.routines.saveRoutine({ ...first, since: NOW + 9, settings, lease });
        assert.deepEqual(await find(), { ...first, settings, lease, turn: 1 });
        assert.equal((await store.routines.listRoutines(TENANT, [repository.id, sampleId('repository')])).length, 1);
        assert.equal(await store.routines.findRoutine(OTHER_TENANT, repository.id), undefined);
        await store.routines.deleteRoutine(OTHER_TENANT, repository.id);
        assert.ok(await find());
        await store.routines.deleteRoutine(TENANT, repository.id);
        assert.equal(await find(), undefined);
        await store.routines.saveRoutine(first);
        await store.repositories.deleteRepository(TENANT, repository.id);
        assert.equal(await find(), undefined);
        await assert.rejects(store.routines.saveRoutine(first), /no such repository/);
      }),
    );

    it(
      'are looked at in turn, at once after a change, and give their lease to nobody whom a person did not choose',
      withStore(open, async (store) => {
        const { host, repository, first, find } = await prepare(store);
        await store.routines.saveRoutine(first);
        const list = async (now: number) => (await store.routines.listRoutinesToLook(now, 10)).map((one) => one.repository);
        assert.deepEqual(await list(NOW), [repository.id]);
        await store.routines.postponeLook(TENANT, repository.id, NOW + 100);
        assert.deepEqual([await list(NOW + 99), await list(NOW + 100)], [[], [repository.id]]);
        await store.routines.renewLease(TENANT, repository.id, { host: host.id, until: NOW + 7, isFixed: false });
        assert.deepEqual((await find())?.lease, { host: host.id, until: NOW + 7, isFixed: false });
        const chosen = { host: host.id, until: 0, isFixed: true };
        await store.routines.saveRoutine({ ...first, lease: chosen });
        assert.deepEqual(await list(NOW), [repository.id]);
        await store.routines.renewLease(TENANT, repository.id, { host: sampleId('host'), until: NOW + 9, isFixed: false });
        assert.deepEqual((await find())?.lease, chosen);
      }),
    );

    it(
      'give each turn to one run alone, with its order or not at all',
      withStore(open, async (store) => {
        const { host, repository, first, find, makeRun } = await prepare(store);
        await store.routines.saveRoutine(first);
        const [run, late] = [makeRun(), makeRun()];
        const turn = { repository: repository.id, turn: 0 };
        assert.equal(await store.routines.placeTurn(turn, run, sampleOrder(run)), true);
        assert.equal(await store.routines.placeTurn(turn, late, sampleOrder(late)), false);
        assert.equal((await store.runs.findRun(TENANT, run.id))?.trigger, 'schedule');
        assert.equal(await store.runs.findRun(TENANT, late.id), undefined);
        assert.deepEqual(
          (await store.orders.listWaitingOrders(host.id, NOW)).map((order) => order.run),
          [run.id],
        );
        assert.equal((await find())?.turn, 1);
        // An order that cannot be stored takes no turn.
        const again = { repository: repository.id, turn: 1 };
        await assert.rejects(store.routines.placeTurn(again, run, sampleOrder(run)));
        assert.equal((await find())?.turn, 1);
        await store.routines.deleteRoutine(TENANT, repository.id);
        assert.equal(await store.routines.placeTurn(again, late, sampleOrder(late)), false);
      }),
    );

    it(
      'know the newest retention of plans, and sizes that were asked for',
      withStore(open, async (store) => {
        const { host, repository, source } = await prepare(store);
        const plan = sampleId('plan');
        const made = [];
        for (const at of [NOW, NOW + 1000]) {
          const run = sampleId('run');
          made.unshift(run);
          await report(store, host, [
            createdEvent(run, { kind: 'forget', plan, repository: repository.id, sources: [source], at }),
          ]);
        }
        const list = async (perPlan: number) => (await store.routines.listForgets(TENANT, [plan], perPlan)).map(({ id }) => id);
        assert.deepEqual([await list(5), await list(1)], [made, made.slice(0, 1)]);
        const size = { measuredAt: NOW, sizeBytes: 7, uncompressedBytes: 9, snapshots: 1 };
        const { maintenance } = store;
        await maintenance.recordMeasurement(TENANT, repository.id, { ...size, host: host.id });
        await maintenance.recordMeasurement(TENANT, repository.id, { ...size, measuredAt: NOW + 1, host: host.id });
        const sizes = await maintenance.listSizes(TENANT, repository.id, 10);
        assert.deepEqual(sizes[0], { run: undefined, ...size, restoreBytes: 0 });
        assert.deepEqual(
          sizes.map(({ measuredAt }) => measuredAt),
          [NOW, NOW + 1],
        );
        assert.deepEqual(
          (await maintenance.listSizes(TENANT, repository.id, 1)).map(({ measuredAt }) => measuredAt),
          [NOW + 1],
        );
      }),
    );
  });
}
