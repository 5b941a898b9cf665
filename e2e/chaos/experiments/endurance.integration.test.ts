import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endure } from './endurance.ts';

describe('Days of outages, restarts, edits and clocks that jump', () => {
  it('lose no fire without a record and double none', () => {
    const { bad, findings, ...story } = endure({ days: 4, plans: 8, seed: 'short selection' });
    assert.deepEqual([bad, findings], [0, []]);
    assert.ok(story.tried > 500 && story.runs > 200, JSON.stringify(story));
    assert.ok(story.outages > 2 && story.jumps > 2 && story.edits > 2 && story.cuts > 2, JSON.stringify(story));
    assert.ok(story.missedOnRecord > 0, 'something had to be recorded as missed');
  });

  it('are the same days for the same seed', () => {
    const options = { days: 1, plans: 3, seed: 7 };
    assert.deepEqual(endure(options), endure(options));
  });
});
