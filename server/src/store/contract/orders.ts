import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Host } from '../hosts.ts';
import type { Order } from '../orders.ts';
import type { Run } from '../runs.ts';
import type { Store } from '../store.ts';
import { createdEvent, finishedEvent, madeEvent, orderedRun, partEvent, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  sampleHost,
  sampleId,
  sampleOrder,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

async function orderRun(store: Store): Promise<{ host: Host; run: Run; order: Order; source: ReturnType<typeof sampleSource> }> {
  const host = sampleHost();
  const source = sampleSource(host);
  await store.hosts.insertHost(host);
  await store.sources.insertSource(source);
  const run = orderedRun(host);
  const order = sampleOrder(run);
  await store.orders.insertOrderedRun(run, [source.id], order);
  return { host, run, order, source };
}

export function checkOrders(open: OpenStore): void {
  describe('orders', () => {
    it(
      'stores a run with its order, and hands the order out, oldest first, until it is answered or too late',
      withStore(open, async (store) => {
        const { host, run, order } = await orderRun(store);
        const cancel = sampleOrder(run, { type: 'run.cancel', createdAt: NOW - 1, notAfter: NOW + 50 });
        await store.orders.insertOrder(cancel);
        assert.deepEqual(await store.runs.findRun(TENANT, run.id), run);
        assert.deepEqual(
          (await store.runs.listParts(TENANT, run.id)).map((part) => part.state),
          ['queued'],
        );
        assert.deepEqual(await store.orders.listWaitingOrders(host.id, NOW), [cancel, order]);
        assert.deepEqual(await store.orders.listWaitingOrders(host.id, NOW + 50), [order]);
        assert.equal(await store.orders.settleOrder(order.id, 'answered'), true);
        assert.equal(await store.orders.settleOrder(order.id, 'refused'), false);
        assert.deepEqual(await store.orders.listWaitingOrders(host.id, NOW), [cancel]);
      }),
    );

    it(
      'joins the host’s report with the ordered run, and takes it as the answer to the order',
      withStore(open, async (store) => {
        const { host, run, source } = await orderRun(store);
        const created = createdEvent(run.id, {
          at: NOW + 77,
          sources: [source.id],
          repository: run.repository,
          trigger: 'manual',
        });
        const applied = await report(store, host, [created, startedEvent(run.id)]);
        assert.equal(applied.fresh.length, 2);
        const stored = await store.runs.findRun(TENANT, run.id);
        assert.deepEqual([stored?.state, stored?.createdAt], ['running', run.createdAt]);
        assert.equal((await store.runs.listParts(TENANT, run.id)).length, 1);
        assert.deepEqual(await store.orders.listWaitingOrders(host.id, NOW), []);
        assert.deepEqual(await store.orders.expireOrders(NOW + 1e6), []);
      }),
    );

    it(
      'keeps an ordered backup a backup: a report that calls it a restore cannot slip another host’s source in',
      withStore(open, async (store) => {
        const { host, run, source } = await orderRun(store);
        const victim = sampleHost();
        const foreign = sampleSource(victim);
        await store.hosts.insertHost(victim);
        await store.sources.insertSource(foreign);
        const created = createdEvent(run.id, { kind: 'restore', sources: [source.id, foreign.id] });
        await report(store, host, [created, startedEvent(run.id), partEvent(run.id, foreign.id, 'succeeded')]);
        assert.deepEqual(
          (await store.runs.listParts(TENANT, run.id)).map((part) => part.source),
          [source.id],
        );
      }),
    );

    it(
      'expires overdue orders once and fails the runs that waited for them, their parts included',
      withStore(open, async (store) => {
        const { host, run, order, source } = await orderRun(store);
        assert.deepEqual(await store.orders.expireOrders(order.notAfter - 1), []);
        const failed = await store.orders.expireOrders(order.notAfter);
        assert.deepEqual(
          failed.map((one) => [one.id, one.state, one.failure?.reason, one.finishedAt]),
          [[run.id, 'failed', 'expired', order.notAfter]],
        );
        assert.deepEqual(await store.orders.expireOrders(order.notAfter), []);
        assert.deepEqual(
          (await store.runs.listParts(TENANT, run.id)).map((part) => part.state),
          ['failed'],
        );
        const late = [
          createdEvent(run.id, { sources: [source.id] }),
          startedEvent(run.id),
          partEvent(run.id, source.id, 'succeeded'),
          finishedEvent(run.id, 'succeeded'),
        ];
        assert.deepEqual((await report(store, host, late.slice(1))).fresh, [], 'only what begins the story takes an end back');
        assert.deepEqual(await store.runs.findRun(TENANT, run.id), failed[0]);
      }),
    );

    for (const presumed of ['expired', 'forgotten'] as const) {
      it(
        `takes back the end of an ordered run that it presumed ${presumed}, when its host tells of the run after all`,
        withStore(open, async (store) => {
          const { host, run, order, source } = await orderRun(store);
          if (presumed === 'expired') await store.orders.expireOrders(order.notAfter);
          else {
            const failure = { code: 'unavailable', message: 'gone', reason: 'interrupted' } as const;
            assert.equal(await store.orders.finishUnstarted(TENANT, run.id, 'failed', failure, NOW + 5), true);
          }
          const story = [
            createdEvent(run.id, { sources: [source.id] }),
            startedEvent(run.id),
            madeEvent(run.id, source.id),
            partEvent(run.id, source.id, 'succeeded'),
            finishedEvent(run.id, 'succeeded'),
          ];
          assert.equal((await report(store, host, story)).fresh.length, story.length);
          const stored = await store.runs.findRun(TENANT, run.id);
          assert.deepEqual([stored?.state, stored?.failure, stored?.durationMs], ['succeeded', undefined, 30]);
          const [part] = await store.runs.listParts(TENANT, run.id);
          assert.deepEqual([part?.state, part?.failure], ['succeeded', undefined]);
          const { rows } = await store.snapshots.listSnapshots(TENANT, { run: run.id }, { limit: 2 });
          assert.deepEqual(
            rows.map((snapshot) => snapshot.state),
            ['good'],
          );
          assert.deepEqual((await report(store, host, story)).fresh, [], 'what the host ended stays ended');
          assert.deepEqual(await store.runs.findRun(TENANT, run.id), stored);
          const totals = await store.runs.listRunTotals(TENANT);
          assert.deepEqual(totals, [
            { kind: 'backup', state: 'failed', count: 1, takenBack: 1 },
            { kind: 'backup', state: 'succeeded', count: 1, takenBack: 0 },
          ]);
        }),
      );
    }

    it(
      'keeps what a run was ordered with, and how many fires it stands for',
      withStore(open, async (store) => {
        const { host } = await orderRun(store);
        const restore = orderedRun(host, { kind: 'restore', options: { jobs: 2 } });
        await store.orders.insertOrderedRun(restore, [], sampleOrder(restore));
        assert.deepEqual((await store.runs.findRun(TENANT, restore.id))?.options, { jobs: 2 });
        const fired = sampleId('run');
        await report(store, host, [createdEvent(fired, { skipped: 3 })]);
        const stored = await store.runs.findRun(TENANT, fired);
        assert.deepEqual([stored?.skipped, stored?.options], [3, undefined]);
      }),
    );

    it(
      'expires the order to cancel a run without touching the run',
      withStore(open, async (store) => {
        const { host, run, source } = await orderRun(store);
        await report(store, host, [createdEvent(run.id, { sources: [source.id] })]);
        await store.orders.insertOrder(sampleOrder(run, { type: 'run.cancel', notAfter: NOW + 5 }));
        assert.deepEqual(await store.orders.expireOrders(NOW + 5), []);
        assert.equal((await store.runs.findRun(TENANT, run.id))?.state, 'queued');
        assert.deepEqual(await store.orders.listWaitingOrders(host.id, NOW), []);
      }),
    );

    it(
      'ends a run that did not start, once, and none that did',
      withStore(open, async (store) => {
        const failure = { code: 'conflict', message: 'refused', reason: 'overlap' } as const;
        const { run } = await orderRun(store);
        assert.equal(await store.orders.finishUnstarted(OTHER_TENANT, run.id, 'failed', failure, NOW + 5), false);
        assert.equal(await store.orders.finishUnstarted(TENANT, run.id, 'succeeded', failure, NOW + 5), false);
        assert.equal(await store.orders.finishUnstarted(TENANT, run.id, 'skipped', failure, NOW + 5), true);
        assert.equal(await store.orders.finishUnstarted(TENANT, run.id, 'failed', failure, NOW + 6), false);
        const stored = await store.runs.findRun(TENANT, run.id);
        assert.deepEqual(
          [stored?.state, stored?.failure, stored?.finishedAt, stored?.reportedAt],
          ['skipped', failure, NOW + 5, NOW + 5],
        );
        const started = await orderRun(store);
        await report(store, started.host, [createdEvent(started.run.id), startedEvent(started.run.id)]);
        assert.equal(await store.orders.finishUnstarted(TENANT, started.run.id, 'cancelled', failure, NOW + 5), false);
        assert.equal(await store.orders.finishUnstarted(TENANT, sampleId('run'), 'failed', failure, NOW), false);
      }),
    );

    it(
      'of retention speak for all hosts of a plan: what any host said before in that repository stands no more',
      withStore(open, async (store) => {
        const [host, keeper] = [sampleHost(), sampleHost()];
        for (const one of [host, keeper]) await store.hosts.insertHost(one);
        const own = orderedRun(host, { kind: 'forget' });
        const about = { kind: 'forget', plan: own.plan, repository: own.repository } as const;
        const failure = { code: 'precondition', message: 'more than half', reason: 'retention_asks' } as const;
        await report(store, host, [
          createdEvent(own.id, about),
          startedEvent(own.id),
          finishedEvent(own.id, 'skipped', { failure }),
        ]);
        const list = async () => {
          assert.ok(own.plan);
          const found = await store.alerts.listNewestForgets(TENANT, [own.plan], NOW);
          return found.map(({ run, failure: why }) => [run, why?.reason]);
        };
        assert.deepEqual(await list(), [[own.id, 'retention_asks']]);
        const forAll = orderedRun(keeper, { ...about, createdAt: NOW + 5 });
        await store.orders.insertOrderedRun(forAll, [], sampleOrder(forAll, { type: 'retention.start' }));
        await report(store, keeper, [
          createdEvent(forAll.id, about),
          startedEvent(forAll.id),
          finishedEvent(forAll.id, 'succeeded'),
        ]);
        assert.deepEqual(await list(), [[forAll.id, undefined]]);
      }),
    );
  });
}
