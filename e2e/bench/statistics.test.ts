import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { comparePairs, computeMedian, computePercentile, roundTo } from './statistics.ts';

describe('Statistics of small samples', () => {
  it('take the middle value, or the mean of the two in the middle', () => {
    assert.equal(computeMedian([9, 1, 5]), 5);
    assert.equal(computeMedian([4, 1, 3, 2]), 2.5);
    assert.equal(computeMedian([7]), 7);
  });

  it('take percentiles by nearest rank, so that the value was really measured', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.equal(computePercentile(hundred, 99), 99);
    assert.equal(computePercentile(hundred, 100), 100);
    assert.equal(computePercentile(hundred, 0.5), 1);
    assert.equal(computePercentile([3, 1, 2], 50), 2);
  });

  it('never let a percentile be exceeded by more than its share', () => {
    const sample = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(sample, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const found = computePercentile(values, percent);
        const above = values.filter((value) => value > found).length;
        return values.includes(found) && above <= values.length * (1 - percent / 100) + 1e-9;
      }),
    );
  });

  it('compare pair by pair, so that a slow minute for both sides changes nothing', () => {
    const calm = { ours: 10.5, theirs: 10 };
    const slow = { ours: 31.5, theirs: 30 };
    const ratio = comparePairs([calm, slow, calm, { ours: 9, theirs: 10 }, { ours: 20, theirs: 10 }]);
    assert.equal(roundTo(ratio.median, 4), 1.05);
    assert.equal(ratio.lowest, 0.9);
    assert.equal(ratio.highest, 2);
  });

  it('refuse what was not measured', () => {
    assert.throws(() => computeMedian([]), RangeError);
    assert.throws(() => computePercentile([], 99), RangeError);
    assert.throws(() => computePercentile([1], 0), RangeError);
    assert.throws(() => comparePairs([{ ours: 1, theirs: 0 }]), RangeError);
  });
});
