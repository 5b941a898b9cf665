import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { openRunRig, writeFolder } from '../runs/fixtures/run-rig.ts';
import { tellOutcome } from './plan-clock.ts';

const DUE = Date.UTC(2027, 2, 20, 2);

describe('A run that catches up', () => {
  it('says when it was due and how many fires it stands for, and one on time says nothing', () => {
    assert.deepEqual(tellOutcome({ dueAt: DUE, late: false, skipped: 0 }), []);
    assert.deepEqual(tellOutcome({ dueAt: DUE, late: true, skipped: 1 }), [
      'caught up late: it was due at 2027-03-20T02:00:00.000Z, and this host was off, asleep or busy then',
      'stands for 1 older fire of its plan as well, for which nothing ran',
    ]);
    assert.match(tellOutcome({ dueAt: DUE, late: false, skipped: 71 })[0] ?? '', /^stands for 71 older fires/);
  });

  it('begins its log with that, even before it has a slot', async (t) => {
    const rig = await openRunRig(t, {});
    rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
    const run = 'run_caught_up' as RunId;
    rig.executor.pause();
    rig.executor.recordScheduled(
      rig.plan(),
      run,
      { fireAt: DUE, trigger: 'catch_up', skipped: 3 },
      tellOutcome({ dueAt: DUE, late: true, skipped: 3 }),
    )?.();
    const created = rig.listEvents(run).find((event) => event.type === 'run.created');
    assert.deepEqual([created?.fireAt, created?.trigger, created?.skipped], [DUE, 'catch_up', 3]);
    const lines = rig.listEvents(run).flatMap((event) => (event.type === 'run.log' ? event.lines : []));
    assert.deepEqual(
      lines.map(({ level, text }) => [level, text.split(':')[0]]),
      [
        ['warn', 'caught up late'],
        ['warn', 'stands for 3 older fires of its plan as well, for which nothing ran'],
      ],
    );
  });
});
