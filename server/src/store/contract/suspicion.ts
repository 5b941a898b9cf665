import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { addHost, createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, sampleId, TENANT, withStore } from './samples.ts';

const MIB = 1024 * 1024;

type Made = { sizeBytes: number; createdAt: number; state?: TerminalState; isOfPlan?: boolean };

const PLAN = sampleId('plan');

/** One backup with a snapshot of this size; resolves with what is suspicious about it. */
async function backUpOf(
  store: Store,
  host: Host,
  source: SourceId,
  { sizeBytes, createdAt, state = 'succeeded', isOfPlan = true }: Made,
) {
  const run = sampleId('run');
  await report(store, host, [
    createdEvent(run, { sources: [source], ...(isOfPlan ? { plan: PLAN } : {}) }),
    startedEvent(run),
    madeEvent(run, source, { role: 'globals', sizeBytes: 1, createdAt }),
    madeEvent(run, source, { sizeBytes, createdAt }),
    partEvent(run, source, state),
    finishedEvent(run, state),
  ]);
  const { rows } = await store.snapshots.listSnapshots(TENANT, { run }, { limit: 9 });
  return rows[0]?.suspicion;
}

export function checkSuspicion(open: OpenStore): void {
  describe('suspicious sizes', () => {
    it(
      'are noted of a clean snapshot whose size does not fit the clean ones before it',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        for (const index of [1, 2, 3]) {
          assert.equal(await backUpOf(store, host, source, { sizeBytes: 10 * MIB, createdAt: NOW + index }), undefined);
        }
        const shrunk = await backUpOf(store, host, source, { sizeBytes: MIB, createdAt: NOW + 4 });
        assert.deepEqual(shrunk, { kind: 'shrunk', usualBytes: 10 * MIB });
        assert.equal(await backUpOf(store, host, source, { sizeBytes: 11 * MIB, createdAt: NOW + 5 }), undefined);
      }),
    );

    it(
      'are judged neither of partial snapshots nor by them, and by no other source',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const other = await addHost(store);
        for (const index of [1, 2, 3]) {
          const made = { sizeBytes: 10 * MIB, createdAt: NOW + index };
          await backUpOf(store, host, source, { ...made, state: 'partial' });
          await backUpOf(store, other.host, other.source, made);
        }
        assert.equal(await backUpOf(store, host, source, { sizeBytes: MIB, createdAt: NOW + 9 }), undefined);
        assert.equal(
          await backUpOf(store, other.host, other.source, { sizeBytes: MIB, createdAt: NOW + 9, state: 'partial' }),
          undefined,
        );
      }),
    );

    it(
      'are judged neither of what belongs to no plan nor by it: a safety backup may hold a part of the source',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const safety = (index: number) =>
          backUpOf(store, host, source, { sizeBytes: MIB, createdAt: NOW + index, isOfPlan: false });
        for (const index of [1, 2, 3]) {
          await backUpOf(store, host, source, { sizeBytes: 10 * MIB, createdAt: NOW + index });
          assert.equal(await safety(10 + index), undefined);
        }
        for (const index of [14, 15, 16]) assert.equal(await safety(index), undefined);
        assert.equal(await backUpOf(store, host, source, { sizeBytes: 10 * MIB, createdAt: NOW + 20 }), undefined);
      }),
    );

    it(
      'are judged by what was made before, also when it is told out of order',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        for (const index of [5, 6, 7]) await backUpOf(store, host, source, { sizeBytes: 10 * MIB, createdAt: NOW + index });
        assert.equal(await backUpOf(store, host, source, { sizeBytes: MIB, createdAt: NOW + 1 }), undefined);
      }),
    );
  });
}
