import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countParts, findDifference } from './digest-comparison.ts';

describe('The comparison of what was restored', () => {
  it('finds no difference between equal parts, whatever their order', () => {
    assert.equal(findDifference({ a: '1', b: { size: '2' } }, { b: { size: '2' }, a: '1' }), undefined);
  });

  it('names parts that are missing, changed or too many', () => {
    assert.equal(
      findDifference({ kept: '1', lost: '2', changed: '3' }, { kept: '1', changed: '4', extra: '5' }),
      '3 of 4 parts differ: "lost" is missing in the restored one, "changed" is not the same, "extra" is only in the restored one',
    );
  });

  it('never takes nothing for equal', () => {
    assert.equal(findDifference({}, {}), 'nothing there to compare');
    assert.match(findDifference({ a: '1' }, {}) ?? '', /missing/);
  });

  it('does not count the digest of everything as a part, nor shows more than a few', () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`part ${index}`, index]));
    assert.match(findDifference({ ...many, digest: 'x' }, { digest: 'y' }) ?? '', /^9 of 9 parts differ: .* and 6 more$/);
    assert.equal(countParts({ ...many, digest: 'x' }), 9);
  });
});
