import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, writeFolder } from './fixtures/run-rig.ts';
import { reconcileRepository } from './recovery/reconcile.ts';

/** Where a run is as the cancel comes: around the instant from which on its end is decided. */
const POINTS: readonly (readonly [string, (event: DurableEvent) => boolean])[] = [
  ['the store began', (event) => event.type === 'run.stage' && event.stage === 'store' && !event.ended],
  ['the store ended', (event) => event.type === 'run.stage' && event.stage === 'store' && event.ended],
  ['the snapshot was told', (event) => event.type === 'snapshot.made'],
  ['the evidence was there', (event) => event.type === 'run.stage' && event.stage === 'evidence' && event.ended],
  ['the part ended', (event) => event.type === 'part.finished'],
  ['the run was finalizing', (event) => event.type === 'run.finalizing'],
  ['the run ended', (event) => event.type === 'run.finished'],
];
/** Milliseconds after the point. */
const DELAYS = [0, 5, 25, 110];

for (const { version, binary } of GENERATIONS) {
  describe(`A cancel around the end of a run, with restic ${version}`, { timeout: 300_000 }, () => {
    it('gives one end, and a snapshot counts only when the run is green; every other one is reported', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
      const ends = new Map<string, number>();
      const { snapshots } = rig.workbench.journal;
      for (const [name, isPoint] of POINTS) {
        for (const delay of DELAYS) {
          const run = rig.order();
          await rig.awaitEvent((event) => 'run' in event && event.run === run && isPoint(event));
          if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
          const isEnded = rig.listEvents(run).some((event) => event.type === 'run.finished');
          const isTaken = rig.executor.cancel(run);
          const what = `cancelled ${delay} ms after ${name}`;
          const events = await rig.awaitEnd(run);
          const { state } = findEvent(events, 'run.finished');
          assert.equal(events.filter((event) => event.type === 'run.finished').length, 1, what);
          assert.ok(state === 'succeeded' || state === 'cancelled', `${what}: ${state}`);
          if (isEnded) assert.equal(state, 'succeeded', what);
          if (state === 'cancelled') assert.ok(isTaken, what);
          const ledger = snapshots.listByRepository(rig.repository.id).filter((entry) => entry.run === run);
          const vouched = ledger.filter((entry) => entry.state === 'vouched');
          assert.equal(vouched.length, state === 'succeeded' ? 1 : 0, what);
          assert.deepEqual(readdirSync(rig.tooling.workDirs.root), [], what);
          ends.set(state, (ends.get(state) ?? 0) + 1);
        }
      }
      assert.ok((ends.get('succeeded') ?? 0) > 0 && (ends.get('cancelled') ?? 0) > 0, JSON.stringify([...ends]));
      await reconcileRepository(rig.workbench, rig.spec, rig.repository.id, new Set());
      const known = snapshots.listByRepository(rig.repository.id);
      const good = new Set(known.filter(({ state }) => state === 'vouched').map(({ engineId }) => engineId));
      const stored = (await rig.listSnapshots()).map(({ engineId }) => engineId);
      assert.equal(stored.filter((id) => good.has(id)).length, ends.get('succeeded'));
      const surplus = stored.filter((id) => !good.has(id));
      const told = rig.listEvents().flatMap((event) => (event.type === 'repository.reconciled' ? event.orphans : []));
      assert.deepEqual([...told].sort(), surplus.sort());
    });
  });
}
