import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood } from '../experiment.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import { createListener } from './stalled-browsers/browser.ts';
import { judgeGrowth, judgeHeard, STALLED_BROWSERS } from './stalled-browsers.ts';

const tellLines = (...numbers: readonly number[]) =>
  `id: b-1\nevent: run:x\ndata: ${JSON.stringify({ kind: 'log', lines: numbers.map((n) => ({ n })) })}\n\n`;
const GAP = `id: b-1\nevent: run:x\ndata: {"kind":"refresh","gap":true}\n\n`;
const REFRESH = `id: b-1\nevent: run:x\ndata: {"kind":"refresh"}\n\n`;

function hear(...texts: readonly string[]) {
  const listener = createListener();
  for (const text of texts) listener.read(text);
  return listener.hear();
}

describe('Browsers that do not read a live log', { timeout: 120_000 }, () => {
  it('cost the server little, and hear afterwards that they missed something', async (t) => {
    const { lab } = await openTestLab(t, 'selection');
    for (const outcome of await STALLED_BROWSERS.run(lab)) {
      t.diagnostic(`${outcome.name}: ${outcome.bad}, ${outcome.detail}`);
      assert.ok(isGood(outcome), JSON.stringify(outcome, undefined, 2));
    }
  });

  it('are left wrong when lines are missing without a word', () => {
    assert.deepEqual(hear('retry: 1\n\n', tellLines(1, 2), tellLines(3).slice(0, 9), tellLines(3).slice(9)), {
      lines: 3,
      hasHole: false,
      isToldToLookAgain: false,
    });
    const holed = hear(tellLines(1), tellLines(3));
    assert.ok(holed.hasHole);
    assert.ok(!isGood(judgeHeard([hear(tellLines(1)), holed])));
    assert.ok(!isGood(judgeHeard([hear(tellLines(1), REFRESH)])), 'a refresh of something else is not enough');
    assert.ok(isGood(judgeHeard([hear(tellLines(1), GAP)])));
  });

  it('prove nothing when their lines had room for the whole log, and fail the figure when they cost too much', () => {
    const stalled = { lines: 5_000, hasHole: false, isToldToLookAgain: true };
    assert.ok(isGood(judgeGrowth({ growthMb: 59.9, aloneMb: 1 }, [stalled])));
    assert.ok(!isGood(judgeGrowth({ growthMb: 60.1, aloneMb: 1 }, [stalled])));
    assert.ok(!isGood(judgeGrowth({ growthMb: 1, aloneMb: 1 }, [{ ...stalled, lines: 20_000 }])));
  });
});
