import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WIRE } from '@holdfast/shared/limits.ts';
import { isGood, type Outcome } from '../experiment.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import { FLOOD, judgeFlooder, judgeOthers } from './flood.ts';

const FLOODED = { offered: 500_000, sent: 20_000, seconds: 10, goodbyes: [] };

/** Tests share the machine, so milliseconds are judged with room for others; what they watch for takes seconds. */
const leaveRoom = (outcome: Outcome): Outcome => (outcome.unit === 'ms' ? { ...outcome, limit: 1_500 } : outcome);

describe('An agent that floods', { timeout: 120_000 }, () => {
  it('is slowed, and the others are answered in time', async (t) => {
    const { lab, injections } = await openTestLab(t, 'selection');
    const outcomes = await FLOOD.run(lab);
    for (const outcome of outcomes) {
      t.diagnostic(`${outcome.name}: ${outcome.bad}, ${outcome.detail}`);
      assert.ok(isGood(leaveRoom(outcome)), JSON.stringify(outcome, undefined, 2));
    }
    assert.equal(injections.length, 1);
    // As many as were due, or the flood was none.
    assert.ok((outcomes[1]?.tried ?? 0) >= 20_000);
  });

  it('misses the figure when its messages are handled as fast as they come', () => {
    const allowed = WIRE.framesPerSecond * 12 + WIRE.waitingFrames;
    assert.ok(isGood(judgeFlooder({ ...FLOODED, acknowledged: allowed })));
    assert.ok(!isGood(judgeFlooder({ ...FLOODED, acknowledged: allowed + 1 })));
  });

  it('misses the figure when one in fifty answers to the others is late, or one of them is cut off', () => {
    const quick = Array.from({ length: 100 }, () => 10);
    assert.ok(isGood(judgeOthers(quick, quick, [])));
    assert.ok(!isGood(judgeOthers([...quick.slice(2), 400, 400], quick, [])));
    assert.ok(!isGood(judgeOthers(quick, quick, ['other-1 was cut off'])));
  });
});
