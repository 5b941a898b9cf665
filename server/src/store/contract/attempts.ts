import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { addHost, createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, TENANT, withStore } from './samples.ts';

const failure = { code: 'unavailable', message: 'nobody answers', reason: 'repository_unreachable' } as const;

const attemptEvent = (run: RunId, attempt: number): DurableEvent => ({
  type: 'run.attempt',
  run,
  at: NOW + attempt,
  attempt,
  failure,
  retryAt: NOW + attempt + 60_000,
});

const stageEvents = (run: RunId, source: SourceId | undefined, ok: boolean, at: number): DurableEvent[] =>
  [false, true].map((ended) => ({
    type: 'run.stage',
    run,
    at: ended ? at + 5 : at,
    ...(source === undefined ? {} : { source }),
    stage: source === undefined ? 'preflight' : 'dump',
    ended,
    ...(ended ? { ok } : {}),
  }));

export function checkAttempts(open: OpenStore): void {
  describe('attempts', () => {
    it(
      'are kept with the run, whose stages then are those of the attempt that follows',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          ...stageEvents(run, undefined, true, NOW + 20),
          ...stageEvents(run, source, false, NOW + 30),
          attemptEvent(run, 1),
        ]);
        assert.deepEqual(await store.runs.listAttempts(TENANT, run), [
          { run, attempt: 1, failedAt: NOW + 1, failure, retryAt: NOW + 60_001 },
        ]);
        assert.deepEqual(await store.runs.listStages(TENANT, run), []);
        assert.equal((await store.runs.findRun(TENANT, run))?.state, 'running');
        const named: DurableEvent = { ...attemptEvent(run, 3), sources: [source, sampleId('source')] } as DurableEvent;
        await report(store, host, [attemptEvent(run, 1), ...stageEvents(run, source, true, NOW + 90), attemptEvent(run, 2)]);
        assert.deepEqual(
          (await store.runs.listAttempts(TENANT, run)).map((one) => one.attempt),
          [1, 2],
        );
        await report(store, host, [named]);
        const told = (await store.runs.listAttempts(TENANT, run)).map(({ sources }) => sources);
        assert.deepEqual(told, [undefined, undefined, [source]], 'of what it names only what is in the run');
        assert.deepEqual(await store.runs.listAttempts(OTHER_TENANT, run), []);
      }),
    );

    it(
      'leave the stages and snapshots of parts that ended as they are',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          ...stageEvents(run, source, true, NOW + 30),
          madeEvent(run, source),
          partEvent(run, source, 'succeeded'),
          attemptEvent(run, 1),
        ]);
        assert.deepEqual(
          (await store.runs.listStages(TENANT, run)).map((one) => one.stage),
          ['dump'],
        );
        const { rows } = await store.snapshots.listSnapshots(TENANT, { run }, { limit: 9 });
        assert.deepEqual(
          rows.map((one) => one.state),
          ['good'],
        );
      }),
    );

    it(
      'leave a snapshot in quarantine for ever, however well a later attempt ends',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        const [bad, good] = [madeEvent(run, source), madeEvent(run, source)];
        await report(store, host, [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          bad,
          attemptEvent(run, 1),
          good,
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        ]);
        const { rows } = await store.snapshots.listSnapshots(TENANT, { run }, { limit: 9 });
        const stateOf = (event: DurableEvent) =>
          event.type === 'snapshot.made' ? rows.find((row) => row.id === event.snapshot.id)?.state : undefined;
        assert.deepEqual([stateOf(bad), stateOf(good)], ['quarantined', 'good']);
      }),
    );

    it(
      'do not let a run pass for backed up by the snapshot of one that failed',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          madeEvent(run, source),
          attemptEvent(run, 1),
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        ]);
        assert.equal((await store.runs.findRun(TENANT, run))?.state, 'failed');
      }),
    );

    it(
      'are not taken of a run that has ended',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { sources: [source] }),
          startedEvent(run),
          madeEvent(run, source),
          partEvent(run, source, 'succeeded'),
          finishedEvent(run, 'succeeded'),
          attemptEvent(run, 1),
        ]);
        assert.deepEqual(await store.runs.listAttempts(TENANT, run), []);
      }),
    );
  });
}
