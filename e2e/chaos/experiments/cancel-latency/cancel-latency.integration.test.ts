import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood } from '../../experiment.ts';
import { openTestLab } from '../fixtures/test-lab.ts';
import { cancelLatency, reportCancels } from './cancel-latency.ts';
import { findQuantile } from './quantile.ts';

const take = (count: number, ms: number, kind = 'in-the-middle') =>
  Array.from({ length: count }, (_, index) => ({ what: `try ${index}`, kind, ms }));
const judge = (measured: ReturnType<typeof take>) => reportCancels(measured).map(isGood);

describe('A cancel', { timeout: 180_000 }, () => {
  it('leaves nothing in time', async (t) => {
    const { lab } = await openTestLab(t, 'selection');
    const outcomes = await cancelLatency.run(lab);
    assert.deepEqual(
      outcomes.map(({ name }) => name),
      cancelLatency.figures,
    );
    assert.ok(outcomes.every(isGood), JSON.stringify(outcomes, undefined, 2));
  });

  it('misses the figure when more than one in a hundred takes longer than seven seconds, or any longer than 35', () => {
    assert.deepEqual(judge([...take(198, 900), ...take(2, 8000)]), [true, true]);
    assert.deepEqual(judge([...take(197, 900), ...take(3, 8000)]), [false, true]);
    assert.deepEqual(judge([...take(199, 900), ...take(1, 36_000)]), [true, false]);
    assert.deepEqual(judge([...take(100, 900), ...take(1, 20_000, 'repository-frozen')]), [true, true]);
    assert.deepEqual(judge([...take(100, 900), ...take(1, 36_000, 'repository-frozen')]), [true, false]);
    assert.deepEqual(judge([]), [false, false]);
  });

  it('has a quantile that is one of the measured values', () => {
    assert.equal(findQuantile([5, 1, 3], 0.5), 3);
    assert.equal(findQuantile([5, 1, 3], 0.99), 5);
    assert.equal(findQuantile([], 0.99), 0);
  });
});
