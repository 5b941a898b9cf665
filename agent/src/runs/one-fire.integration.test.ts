import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, writeFolder } from './fixtures/run-rig.ts';

describe('A schedule, a catch-up and a person who want the same plan in the same minute', { timeout: 60_000 }, () => {
  it('get one run of the fire, one that stands aside, and one snapshot', async (t) => {
    const said: { run: unknown; words: string }[] = [];
    const note = (fields: object, words: string) => void said.push({ run: 'run' in fields && fields.run, words });
    const rig = await openRunRig(t, { restic: GENERATIONS[1]?.binary, log: { info: note, warn: note, error: note } });
    await rig.initRepository();
    rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
    const plan = rig.plan();
    const fireAt = 1_700_000_000_000;
    const scheduled = 'run_of_that_fire' as RunId;
    const begin = rig.executor.recordScheduled(plan, scheduled, { fireAt, trigger: 'schedule' });
    assert.ok(begin);
    begin();
    assert.equal(rig.executor.recordScheduled(plan, scheduled, { fireAt, trigger: 'catch_up' }), undefined);
    const order = { run: rig.workbench.createId('run'), plan: plan.id, trigger: 'manual', requestedBy: 'ann' } as const;
    const notAfter = rig.workbench.clock.now() + 60_000;
    const frame = rig.workbench.createId('frame');
    for (let repeat = 0; repeat < 20; repeat += 1)
      assert.deepEqual(rig.executor.startPlan({ ...order, notAfter }, frame), { run: order.run });
    assert.equal(findEvent(await rig.awaitEnd(order.run), 'run.finished').state, 'skipped');
    assert.equal(findEvent(await rig.awaitEnd(scheduled), 'run.finished').state, 'succeeded');
    // The same fire once more after its end, as a clock that was set back would ask for it.
    assert.equal(rig.executor.recordScheduled(plan, scheduled, { fireAt, trigger: 'schedule' }), undefined);
    const created = rig.listEvents().flatMap((event) => (event.type === 'run.created' ? [event.run] : []));
    assert.deepEqual(created, [scheduled, order.run]);
    assert.equal(rig.listEvents().filter((event) => event.type === 'run.finished').length, 2);
    assert.equal((await rig.listSnapshots()).length, 1);
    // The agent's own log has a line for each step of each run, however often it was asked for.
    const wordsOf = (run: RunId) => said.filter((line) => line.run === run).map(({ words }) => words);
    assert.deepEqual(wordsOf(scheduled), ['run recorded', 'run begins', 'run finished']);
    assert.deepEqual(wordsOf(order.run), ['run recorded', 'run finished']);
  });
});
