import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Failure } from '@holdfast/shared/domain/run.ts';
import { addHost, createdEvent, finishedEvent, madeEvent, orderedRun, partEvent, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleOrder, TENANT, withStore } from './samples.ts';

const GONE: Failure = { code: 'unavailable', message: 'gone', reason: 'interrupted' };

/** Ends that the server presumes of runs which their hosts hold. */
export function checkPresumedEnds(open: OpenStore): void {
  describe('presumed ends', () => {
    it(
      'lists what a host holds: what it told of and has not ended, and orders that it answered',
      withStore(open, async (store) => {
        const { host } = await addHost(store);
        const ordered = orderedRun(host);
        const order = sampleOrder(ordered);
        await store.orders.insertOrderedRun(ordered, [], order);
        const list = async () => (await store.orders.listHeldRuns(TENANT, host.id)).map(({ id }) => id);
        assert.deepEqual(await list(), [], 'the order still waits');
        const cancel = sampleOrder(ordered, { type: 'run.cancel' });
        await store.orders.insertOrder(cancel);
        await store.orders.settleOrder(order.id, 'answered');
        assert.deepEqual(await list(), [ordered.id], 'an order to cancel that waits is no order to start');
        assert.deepEqual(await store.orders.listHeldRuns(OTHER_TENANT, host.id), []);
        const fired = sampleId('run');
        await report(store, host, [createdEvent(fired, { at: NOW + 1 })]);
        assert.deepEqual(await list(), [ordered.id, fired].sort());
        await report(store, host, [startedEvent(fired), finishedEvent(fired, 'failed')]);
        assert.deepEqual(await list(), [ordered.id]);
      }),
    );

    it(
      'lists them of hosts that were last heard of long ago, and of revoked ones',
      withStore(open, async (store) => {
        const { host } = await addHost(store);
        await report(store, host, [createdEvent(sampleId('run'))]);
        await store.hosts.recordContact(host.id, { at: NOW + 100 });
        const count = async (since: number, limit = 10) => (await store.orders.listRunsOfSilentHosts(since, limit)).length;
        assert.deepEqual([await count(NOW + 100), await count(NOW + 101), await count(NOW + 101, 0)], [0, 1, 0]);
        await store.hosts.setHostState(TENANT, host.id, 'revoked');
        assert.equal(await count(0), 1);
      }),
    );

    it(
      'end a run that had begun once, and are taken back by whatever its host goes on telling',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        const story = [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          madeEvent(run, source),
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        ];
        await report(store, host, story.slice(0, 2));
        assert.equal(await store.orders.presumeEnd(OTHER_TENANT, run, 'failed', GONE, NOW + 9), false);
        assert.equal(await store.orders.presumeEnd(TENANT, run, 'failed', GONE, NOW + 9), true);
        assert.equal(await store.orders.presumeEnd(TENANT, run, 'cancelled', GONE, NOW + 10), false);
        const presumed = await store.runs.findRun(TENANT, run);
        assert.deepEqual([presumed?.state, presumed?.failure, presumed?.finishedAt], ['failed', GONE, NOW + 9]);
        const read = async () => (await store.runs.listParts(TENANT, run)).map(({ state, failure }) => [state, failure]);
        assert.deepEqual(await read(), [['failed', GONE]]);

        await report(store, host, story.slice(2, 3));
        const resumed = await store.runs.findRun(TENANT, run);
        assert.deepEqual([resumed?.state, resumed?.failure, resumed?.finishedAt], ['running', undefined, undefined]);
        await report(store, host, story.slice(3));
        assert.deepEqual(await read(), [['succeeded', undefined]]);
        assert.equal((await store.runs.findRun(TENANT, run))?.state, 'succeeded');
        assert.equal(await store.orders.presumeEnd(TENANT, run, 'failed', GONE, NOW + 11), false);
        const { rows } = await store.snapshots.listSnapshots(TENANT, { run }, { limit: 2 });
        assert.deepEqual(
          rows.map(({ state }) => state),
          ['good'],
        );
        assert.deepEqual(await store.runs.listRunTotals(TENANT), [
          { kind: 'backup', state: 'failed', count: 1, takenBack: 1 },
          { kind: 'backup', state: 'succeeded', count: 1, takenBack: 0 },
        ]);
      }),
    );

    it(
      'that a host told itself are never taken back',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        await report(store, host, [createdEvent(run, { sources: [source] }), startedEvent(run), finishedEvent(run, 'failed')]);
        const { fresh } = await report(store, host, [madeEvent(run, source), finishedEvent(run, 'succeeded')]);
        assert.equal(
          fresh.some(({ event }) => event.type === 'run.finished'),
          false,
        );
        assert.equal((await store.runs.findRun(TENANT, run))?.state, 'failed');
      }),
    );
  });
}
