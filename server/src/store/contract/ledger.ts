import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import {
  addHost,
  backUp,
  createdEvent,
  finishedEvent,
  madeEvent,
  partEvent,
  readLedger,
  report,
  startedEvent,
} from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleSource, sequence, TENANT, withStore } from './samples.ts';

export function checkLedger(open: OpenStore): void {
  describe('ledger', () => {
    for (const claimed of ['succeeded', 'partial'] as const) {
      it(
        `calls a source failed that its host calls ${claimed} without a snapshot of its data`,
        withStore(open, async (store) => {
          const { host, source } = await addHost(store);
          const run = sampleId('run');
          await report(store, host, [
            createdEvent(run, { sources: [source] }),
            startedEvent(run),
            madeEvent(run, source, { role: 'globals' }),
            partEvent(run, source, claimed),
            finishedEvent(run, claimed),
          ]);
          const [part] = await store.runs.listParts(TENANT, run);
          assert.equal(part?.state, 'failed');
          assert.equal(part?.failure?.reason, 'evidence_failed');
          assert.equal((await store.runs.findRun(TENANT, run))?.state, 'failed');
        }),
      );
    }

    it(
      'carries a backup from queued to succeeded with its parts, stages and snapshot',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        const stage = (at: number, ended: boolean): DurableEvent => ({
          type: 'run.stage',
          run,
          at,
          source,
          stage: 'dump',
          ended,
          ...(ended ? { ok: true } : {}),
        });
        const steps: DurableEvent[] = [
          createdEvent(run, { sources: [source], fireAt: NOW - 5, requestedBy: 'Ada' }),
          startedEvent(run, NOW + 10),
          stage(NOW + 11, false),
          madeEvent(run, source),
          stage(NOW + 25, true),
          partEvent(run, source, 'succeeded'),
          { type: 'run.finalizing', run, at: NOW + 35 },
          finishedEvent(run, 'succeeded', { logLines: 12 }),
        ];
        const states: string[] = [];
        for (const [index, event] of steps.entries()) {
          await store.events.applyEvents(TENANT, host.id, 'epoch-steps', sequence([event], index + 1), NOW + 100);
          const [part] = await store.runs.listParts(TENANT, run);
          const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { run }, { limit: 1 })).rows;
          states.push([(await store.runs.findRun(TENANT, run))?.state, part?.state, snapshot?.state ?? '-'].join(' '));
        }
        assert.deepEqual(states, [
          'queued queued -',
          'running queued -',
          'running running -',
          'running running quarantined',
          'running running quarantined',
          'running succeeded good',
          'finalizing succeeded good',
          'succeeded succeeded good',
        ]);
        const stored = await store.runs.findRun(TENANT, run);
        assert.deepEqual(
          [
            stored?.fireAt,
            stored?.startedAt,
            stored?.finishedAt,
            stored?.receivedAt,
            stored?.reportedAt,
            stored?.logLines,
            stored?.requestedBy,
          ],
          [NOW - 5, NOW + 10, NOW + 40, NOW + 100, NOW + 100, 12, 'Ada'],
        );
        assert.deepEqual(await store.runs.listStages(TENANT, run), [
          { run, source, stage: 'dump', startedAt: NOW + 11, endedAt: NOW + 25, ok: true },
        ]);
      }),
    );

    it(
      'never moves a run that has ended, and never back',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const { run } = await backUp(store, host, { sources: [source], state: 'failed' });
        const before = await readLedger(store, host);
        const late: DurableEvent[] = [
          startedEvent(run),
          { type: 'run.finalizing', run, at: NOW + 50 },
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        ];
        assert.deepEqual((await report(store, host, late)).fresh, []);
        assert.deepEqual(await readLedger(store, host), before);
      }),
    );

    it(
      'lists a snapshot as good or partial only when its part ended so',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const expected = { succeeded: 'good', partial: 'partial', failed: 'quarantined', cancelled: 'quarantined' } as const;
        for (const state of ['succeeded', 'partial', 'failed', 'cancelled'] as const) {
          const { run } = await backUp(store, host, { sources: [source], state });
          const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { run }, { limit: 5 })).rows;
          assert.equal(snapshot?.state, expected[state]);
          assert.deepEqual(await store.snapshots.findSnapshot(TENANT, snapshot.id), snapshot);
          assert.equal(await store.snapshots.findSnapshot(OTHER_TENANT, snapshot.id), undefined);
        }
      }),
    );

    it(
      'holds a claim of success against the parts, and ends parts the host said nothing about',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const silent = sampleSource(host);
        await store.sources.insertSource(silent);
        const run = sampleId('run');
        const applied = await report(store, host, [
          createdEvent(run, { sources: [source, silent.id] }),
          startedEvent(run),
          madeEvent(run, source),
          madeEvent(run, silent.id),
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        ]);
        assert.equal((await store.runs.findRun(TENANT, run))?.state, 'partial');
        const last = applied.fresh.at(-1)?.event;
        assert.equal(last?.type === 'run.finished' && last.state, 'partial');
        const parts = await store.runs.listParts(TENANT, run);
        assert.deepEqual(
          parts.map((part) => part.state),
          ['succeeded', 'failed'],
        );
        assert.equal(parts[1]?.failure?.reason, 'evidence_failed');
        const states = (await store.snapshots.listSnapshots(TENANT, { run }, { limit: 5 })).rows.map((row) =>
          [row.source, row.state].join(' '),
        );
        assert.deepEqual(states.sort(), [`${source} good`, `${silent.id} quarantined`].sort());
      }),
    );

    it(
      'ends every run a host calls ended, even with a claim that cannot be',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const [skipped, green, empty] = [sampleId('run'), sampleId('run'), sampleId('run')];
        await report(store, host, [
          createdEvent(skipped, { sources: [source] }),
          startedEvent(skipped),
          finishedEvent(skipped, 'skipped'),
          createdEvent(green, { sources: [source] }),
          madeEvent(green, source),
          partEvent(green, source, 'succeeded'),
          finishedEvent(green, 'succeeded'),
          createdEvent(empty, { sources: [] }),
          startedEvent(empty),
          finishedEvent(empty, 'succeeded'),
        ]);
        const states = await Promise.all(
          [skipped, green, empty].map(async (run) => (await store.runs.findRun(TENANT, run))?.state),
        );
        assert.deepEqual(states, ['failed', 'succeeded', 'failed']);
      }),
    );

    it(
      'keeps what a restore reports apart from backups: no snapshot, no standing',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        await backUp(store, host, { sources: [source] });
        const before = await store.standings.listStandings(TENANT, [source]);
        const target = { kind: 'directory', path: '/restored' } as const;
        const created = { kind: 'restore', at: NOW + 500, snapshot: sampleId('snapshot'), target } as const;
        const { run } = await backUp(store, host, { sources: [source], state: 'failed', created });
        assert.deepEqual((await store.runs.findRun(TENANT, run))?.target, target);
        assert.deepEqual((await store.snapshots.listSnapshots(TENANT, { run }, { limit: 5 })).rows, []);
        assert.deepEqual(await store.standings.listStandings(TENANT, [source]), before);
      }),
    );

    it(
      'takes the first claim of a snapshot’s id and place; a second one changes nothing',
      withStore(open, async (store) => {
        const victim = await addHost(store);
        const liar = await addHost(store);
        const repository = sampleId('repository');
        const { run, engineId } = await backUp(store, victim.host, { sources: [victim.source], repository });
        const [original] = (await store.snapshots.listSnapshots(TENANT, { run }, { limit: 1 })).rows;
        const copy = await backUp(store, liar.host, { sources: [liar.source], repository, made: { engineId } });
        assert.deepEqual((await store.snapshots.listSnapshots(TENANT, { run: copy.run }, { limit: 5 })).rows, []);
        assert.deepEqual((await store.snapshots.listSnapshots(TENANT, { repository }, { limit: 5 })).rows, [original]);
      }),
    );

    it(
      'marks snapshots a host no longer finds as missing, its own only, and tells the host’s page',
      withStore(open, async (store) => {
        const owner = await addHost(store);
        const other = await addHost(store);
        const repository = sampleId('repository');
        const { run, engineId } = await backUp(store, owner.host, { sources: [owner.source], repository });
        const reconciled: DurableEvent = {
          type: 'repository.reconciled',
          at: NOW,
          repository,
          orphans: ['f'.repeat(64)],
          missing: [engineId],
        };
        await report(store, other.host, [reconciled]);
        assert.equal((await store.snapshots.listSnapshots(TENANT, { run }, { limit: 1 })).rows[0]?.state, 'good');
        await report(store, owner.host, [reconciled, { type: 'host.notice', at: NOW + 1, level: 'error', text: 'spec refused' }]);
        assert.equal((await store.snapshots.listSnapshots(TENANT, { run }, { limit: 1 })).rows[0]?.state, 'missing');
        assert.equal((await store.standings.listStandings(TENANT, [owner.source]))[0]?.lastGoodAt, undefined);
        const [notice, reconciliation] = await store.trail.listHappenings(TENANT, owner.host.id, 10);
        assert.deepEqual([notice?.type, notice?.level, notice?.text], ['notice', 'error', 'spec refused']);
        assert.deepEqual([reconciliation?.type, reconciliation?.level], ['reconciled', 'warn']);
        assert.match(reconciliation?.text ?? '', /: 1 snapshots are gone from it, 1 lie there that no clean run vouches for\.$/);
      }),
    );
  });
}
