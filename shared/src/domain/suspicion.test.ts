import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findSuspicion } from './suspicion.ts';

const MIB = 1024 * 1024;

describe('The size of a backup', () => {
  const table: [string, number, number[], ReturnType<typeof findSuspicion>][] = [
    ['fits what came before', 10 * MIB, [11 * MIB, 9 * MIB, 10 * MIB], undefined],
    ['is suspicious below half of the median', 4 * MIB, [10 * MIB, 10 * MIB, 10 * MIB], { kind: 'shrunk', usualBytes: 10 * MIB }],
    ['is not at exactly half of it', 5 * MIB, [10 * MIB, 10 * MIB, 10 * MIB], undefined],
    ['is suspicious above five times of it', 51 * MIB, [10 * MIB, 10 * MIB, 10 * MIB], { kind: 'grown', usualBytes: 10 * MIB }],
    ['is not at exactly five times', 50 * MIB, [10 * MIB, 10 * MIB, 10 * MIB], undefined],
    ['is nothing to judge without a history', 1, [10 * MIB, 10 * MIB], undefined],
    [
      'is measured by the middle two of four',
      3 * MIB,
      [1 * MIB, 6 * MIB, 8 * MIB, 90 * MIB],
      { kind: 'shrunk', usualBytes: 7 * MIB },
    ],
    ['is not disturbed by one odd backup', 10 * MIB, [1, 10 * MIB, 11 * MIB, 900 * MIB, 9 * MIB], undefined],
    [
      'is judged by the five newest alone',
      10 * MIB,
      [10 * MIB, 10 * MIB, 10 * MIB, 10 * MIB, 10 * MIB, 1, 1, 1, 1, 1, 1],
      undefined,
    ],
    ['means nothing for a tiny source', 10, [40_000, 40_000, 40_000], undefined],
    ['tells a tiny source that became large', 10 * MIB, [100, 100, 100], { kind: 'grown', usualBytes: 100 }],
    ['tells one that became empty', 0, [10 * MIB, 10 * MIB, 10 * MIB], { kind: 'shrunk', usualBytes: 10 * MIB }],
  ];
  for (const [title, size, earlier, expected] of table) {
    it(title, () => assert.deepEqual(findSuspicion(size, earlier), expected));
  }

  it('stops being suspicious once it is what is usual', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 0, max: 1e12 }), (before, after) => {
        let earlier = [before, before, before, before, before];
        for (let round = 0; round < 5; round += 1) earlier = [after, ...earlier];
        assert.equal(findSuspicion(after, earlier), undefined);
      }),
    );
  });
});
