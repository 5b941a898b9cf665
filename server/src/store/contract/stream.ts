import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import {
  addHost,
  backUp,
  createdEvent,
  finishedEvent,
  logEvent,
  logLine,
  madeEvent,
  partEvent,
  readLedger,
  report,
  startedEvent,
} from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, sampleHost, sampleId, sequence, TENANT, withStore } from './samples.ts';

export function checkStream(open: OpenStore): void {
  describe('stream', () => {
    it(
      'applies a frame once, however often it comes, and knows where the stream stands',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        const events = sequence([createdEvent(run, { sources: [source] }), startedEvent(run), logEvent(run, [logLine(1)])]);
        assert.deepEqual(await store.hosts.getEventPosition(host.id, 'epoch-one'), { epoch: 'epoch-one', seq: 0 });
        const first = await store.events.applyEvents(TENANT, host.id, 'epoch-one', events, NOW);
        assert.deepEqual(first, { through: 3, fresh: events });
        const ledger = await readLedger(store, host);
        for (const again of [events, events.slice(0, 1), events.slice(1)]) {
          assert.deepEqual(await store.events.applyEvents(TENANT, host.id, 'epoch-one', again, NOW + 9), {
            through: 3,
            fresh: [],
          });
        }
        assert.deepEqual(await readLedger(store, host), ledger);
        assert.deepEqual(await store.hosts.getEventPosition(host.id, 'epoch-one'), { epoch: 'epoch-one', seq: 3 });
      }),
    );

    it(
      'refuses a gap with the number it waits for, and a frame that doubles itself, and stores nothing of either',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        const created = createdEvent(run, { sources: [source] });
        await assert.rejects(
          store.events.applyEvents(TENANT, host.id, 'epoch-gap', sequence([created], 2), NOW),
          refusal('conflict', { expected: 1 }),
        );
        const torn = [...sequence([created]), ...sequence([startedEvent(run)], 3)];
        await assert.rejects(
          store.events.applyEvents(TENANT, host.id, 'epoch-gap', torn, NOW),
          refusal('conflict', { expected: 2 }),
        );
        const doubled = [...sequence([created]), ...sequence([created])];
        await assert.rejects(store.events.applyEvents(TENANT, host.id, 'epoch-gap', doubled, NOW), refusal('invalid'));
        assert.equal(await store.runs.findRun(TENANT, run), undefined);
        assert.equal((await store.hosts.getEventPosition(host.id, 'epoch-gap')).seq, 0);
      }),
    );

    it(
      'changes nothing when a host sends its whole history again under a new epoch',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const { events } = await backUp(store, host, { sources: [source] });
        const ledger = await readLedger(store, host);
        const again = await report(store, host, events, 'epoch-after-loss');
        assert.deepEqual(again, { through: events.length, fresh: [] });
        assert.deepEqual(await readLedger(store, host), ledger);
        assert.deepEqual(await store.runs.listRunTotals(TENANT), [
          { kind: 'backup', state: 'succeeded', count: 1, takenBack: 0 },
        ]);
      }),
    );

    it(
      'leaves out what a host says of runs nobody created or that are another host’s, and goes on with the rest',
      withStore(open, async (store) => {
        const victim = await addHost(store);
        const liar = await addHost(store);
        const { run } = await backUp(store, victim.host, { sources: [victim.source], state: 'failed' });
        const before = await readLedger(store, victim.host);
        const own = sampleId('run');
        const lies: DurableEvent[] = [
          createdEvent(run, { sources: [liar.source] }),
          startedEvent(run),
          madeEvent(run, victim.source),
          logEvent(run, [logLine(1, 'forged')]),
          partEvent(run, victim.source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
          finishedEvent(sampleId('run'), 'succeeded'),
          createdEvent(own, { sources: [liar.source] }),
        ];
        const applied = await report(store, liar.host, lies);
        assert.deepEqual(
          applied.fresh.map(({ seq }) => seq),
          [8],
        );
        assert.equal(applied.through, 8);
        assert.deepEqual(await readLedger(store, victim.host), before);
        assert.equal((await store.runs.findRun(TENANT, own))?.state, 'queued');
        assert.equal(await store.runs.findRun(OTHER_TENANT, run), undefined);
      }),
    );

    it(
      'does not let a host vouch for another host’s source, in any tenant',
      withStore(open, async (store) => {
        const victim = await addHost(store);
        const liar = await addHost(store);
        const { run } = await backUp(store, liar.host, { sources: [victim.source, liar.source] });
        assert.deepEqual(
          (await store.runs.listParts(TENANT, run)).map((part) => part.source),
          [liar.source],
        );
        const [standing] = await store.standings.listStandings(TENANT, [victim.source]);
        assert.deepEqual([standing?.lastGoodAt, standing?.lastState], [undefined, undefined]);
        assert.deepEqual((await store.runs.listRuns(TENANT, { source: victim.source }, { limit: 5 })).rows, []);
        const stranger = sampleHost({ tenant: OTHER_TENANT });
        await store.hosts.insertHost(stranger);
        const strange = await backUp(store, stranger, { sources: [victim.source] });
        assert.deepEqual(await store.runs.listParts(OTHER_TENANT, strange.run), []);
      }),
    );
  });
}
