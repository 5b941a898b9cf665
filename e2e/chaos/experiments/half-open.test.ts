import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood } from '../experiment.ts';
import { toOutcome } from './half-open.ts';

describe('The figure of half-open lines', () => {
  it('is the worst of both sides', () => {
    const outcome = toOutcome([
      [30.04, 41.26],
      [44.9, 39],
    ]);
    assert.deepEqual([outcome.bad, outcome.tried, outcome.findings], [44.9, 2, []]);
    assert.ok(isGood(outcome));
  });

  it('is missed when one side of one line notices too late, or never', () => {
    const late = toOutcome([
      [30, 46],
      [30, 30],
    ]);
    assert.equal(isGood(late), false);
    assert.deepEqual(late.findings, ['line 0: the server after 30 s, the agent after 46 s']);
    assert.equal(isGood(toOutcome([[Number.POSITIVE_INFINITY, 3]])), false);
  });
});
