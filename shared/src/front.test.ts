import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { takeFront } from './front.ts';

interface Numbered {
  value: number;
  at: number;
}

const byValue = (a: Numbered, b: Numbered) => a.value - b.value;

/** Values with many equal ones among them, in no order. */
const MANY: readonly Numbered[] = Array.from({ length: 2000 }, (_, at) => ({ value: (at * 7919) % 331, at }));

describe('The front of an order', () => {
  it('is what a whole sort begins with, equal ones as they came, for any count and any order they come in', () => {
    for (const items of [MANY, MANY.toSorted(byValue), MANY.toSorted((a, b) => byValue(b, a)), []])
      for (const count of [1, 2, 7, 50, 499, 1999, 2000, 5000])
        assert.deepEqual(takeFront(items, count, byValue), items.toSorted(byValue).slice(0, count));
  });

  it('is empty where none is wanted', () => {
    assert.deepEqual(takeFront(MANY, 0, byValue), []);
  });

  it('compares each once where they come in order already', () => {
    let compared = 0;
    const sorted = MANY.toSorted(byValue);
    takeFront(sorted, 50, (a, b) => {
      compared += 1;
      return byValue(a, b);
    });
    assert.ok(compared < sorted.length + 1000, `${compared} comparisons of ${sorted.length}`);
  });
});
