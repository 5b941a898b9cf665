import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createOutputBudget } from './output-budget.ts';

const limits = { headChars: 100, tailChars: 100, lineChars: 20 };

function feed(lines: readonly string[]): { early: string[]; all: string[] } {
  const all: string[] = [];
  const budget = createOutputBudget(limits, (line) => all.push(line));
  for (const line of lines) budget.push(line, 'stdout');
  const early = [...all];
  budget.end();
  return { early, all };
}

describe('The output of a script', () => {
  it('passes at once while it is short', () => {
    assert.deepEqual(feed(['one', 'two']), { early: ['one', 'two'], all: ['one', 'two'] });
  });

  it('is kept to its first and last lines when it is long', () => {
    const { early, all } = feed(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    assert.deepEqual(early, ['1', '2', '3']);
    assert.deepEqual(all, ['1', '2', '3', '… (3 lines left out)', '7', '8', '9']);
  });

  it('never overtakes itself: what comes after a kept line is kept too', () => {
    const { early, all } = feed(['1', '2', 'x'.repeat(20), '4']);
    assert.deepEqual(early, ['1', '2']);
    assert.deepEqual(all, ['1', '2', 'x'.repeat(20), '4']);
  });

  it('is bounded when it has long lines, and when it has nothing but line ends', () => {
    const { all } = feed(['y'.repeat(50)]);
    assert.deepEqual(all, [`${'y'.repeat(20)} … (30 characters of this line left out)`]);
    const empty = feed(Array.from({ length: 100_000 }, () => ''));
    assert.equal(empty.all.length, 7);
    assert.equal(empty.all[3], '… (99994 lines left out)');
  });
});
