import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { findEvent, outline } from '../fixtures/run-rig.ts';
import { openLockedRig } from './fixtures/locked-rig.ts';

const RESTIC = GENERATIONS.at(-1)?.binary ?? '';

describe('Locks that a person has taken away', () => {
  it('go in a run of their own that says whose they were, once, though every slot is taken by who waits for them', async (t) => {
    const rig = await openLockedRig(t, RESTIC);
    const [lock] = await rig.listLocks();
    assert.ok(lock);
    // It finds the repository locked, and is tried again.
    rig.spec.concurrency = 1;
    const check = rig.orderCheck('order_check');
    await rig.awaitEvent((event) => event.type === 'run.started' && event.run === check);
    const wrong = rig.orderUnlock([{ ...lock, id: '0'.repeat(64), holder: 'gone' }], 'order_wrong');
    const refused = findEvent(await rig.awaitEnd(wrong), 'run.finished');
    assert.deepEqual([refused.state, refused.failure?.reason], ['failed', 'repository_locked']);
    assert.match(refused.failure?.message ?? '', /Another lock has come up since these were looked at/);
    assert.deepEqual(await rig.listLocks(), [lock]);

    await rig.killHolder();
    const run = rig.orderUnlock([{ ...lock, holder: 'gone' }], 'order_1');
    const events = await rig.awaitEnd(run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    assert.deepEqual(outline(events), [
      ...['run.created', 'run.started', 'preflight', 'preflight ok', 'unlock', 'unlock ok'],
      ...['run.finalizing', 'run.finished'],
    ]);
    const log = events.flatMap((event) => (event.type === 'run.log' ? event.lines.map(({ text }) => text) : [])).join('\n');
    assert.match(
      log,
      new RegExp(`lock ${lock.id.slice(0, 8)} of ${lock.username} on .*, process ${lock.pid}, which is gone, since 20`),
    );
    assert.match(log, /ann asked for their removal\n[\s\S]*restic: .*removed[\s\S]*removed 1 of 1/);
    assert.equal(findEvent(await rig.awaitEnd(check), 'run.finished').state, 'succeeded', 'what waited for it goes on');
    assert.deepEqual(await rig.listLocks(), []);
    const told = rig.listEvents().length;
    assert.deepEqual(rig.repeat('order_1'), { run });
    assert.equal(rig.listEvents().length, told, 'a repeat of the order is answered alike and does nothing');
    assert.equal(rig.workbench.journal.runs.listOpen().length, 0);
  });
});
