import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makePlan, START } from '@holdfast/agent/scheduler/fixtures/scheduled-host.ts';
import { endure, judge } from './endurance.ts';

describe('Days of outages, restarts, edits and clocks that jump', () => {
  it('lose no fire without a record and double none', () => {
    const { bad, findings, ...story } = endure({ days: 4, plans: 8, seed: 'short selection' });
    assert.deepEqual([bad, findings], [0, []]);
    assert.ok(story.tried > 500 && story.runs > 200, JSON.stringify(story));
    assert.ok(story.outages > 2 && story.jumps > 2 && story.edits > 2 && story.cuts > 2, JSON.stringify(story));
    assert.ok(story.missedOnRecord > 0, 'something had to be recorded as missed');
    assert.ok(story.unhindered > 10, JSON.stringify(story));
  });

  it('blame a host that runs nothing and has a word for everything', () => {
    const plan = makePlan('idle', '0 * * * *');
    const fires = [1, 2, 3].map((hour) => START + hour * 3_600_000);
    const end = START + 3.5 * 3_600_000;
    const missed = [{ plan: plan.id, at: end, fireAt: fires[2] ?? 0, count: 4, why: 'too_old' as const }];
    const host = { plans: [plan], fired: [], missed, errors: [], journal: { runs: { listOpen: () => [] } } };
    const { bad, findings } = judge(host, { end, unhindered: [{ plan: plan.id, fires }] }, 'forward');
    assert.equal(bad, 3, findings.join());
    assert.match(findings.join(), /3 fires were not run although nothing was in their way/);
  });

  it('are the same days for the same seed', () => {
    const options = { days: 1, plans: 3, seed: 7 };
    assert.deepEqual(endure(options), endure(options));
  });
});
