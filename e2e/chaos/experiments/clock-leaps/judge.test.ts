import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeLeap } from './judge.ts';

const FIRE = Date.UTC(2026, 10, 22, 3);
const late = { fireAt: FIRE, state: 'succeeded', trigger: 'catch_up' };
const ordered = { state: 'succeeded', trigger: 'manual' };
const within = { fireAt: FIRE, latenessMs: 60_000, graceMs: 300_000, runs: [late, ordered], missed: 0 };
const beyond = { fireAt: FIRE, latenessMs: 400_000, graceMs: 300_000, runs: [ordered], missed: 1 };

describe('A fire that a clock leapt over', () => {
  it('is one late run within its grace, and beyond it is said to be missed, once', () => {
    assert.deepEqual(judgeLeap(within), []);
    assert.deepEqual(judgeLeap(beyond), []);
  });

  it('is lost, doubled, silent or of no fire when anything else came of it', () => {
    assert.match(judgeLeap({ ...within, runs: [ordered] })[0] ?? '', /^0 runs of a fire 60 s ago/);
    assert.match(judgeLeap({ ...within, runs: [late, late] })[0] ?? '', /^2 runs/);
    assert.match(judgeLeap({ ...beyond, runs: [late] })[0] ?? '', /^1 runs/);
    assert.deepEqual(judgeLeap({ ...beyond, missed: 0 }), ['it was said to be missed 0 times']);
    assert.deepEqual(judgeLeap({ ...within, missed: 1 }), ['it was said to be missed 1 times']);
    assert.match(judgeLeap({ ...within, runs: [{ ...late, fireAt: FIRE + 1 }] })[0] ?? '', /when nothing was due/);
    assert.match(judgeLeap({ ...within, runs: [{ ...late, trigger: 'schedule' }] })[0] ?? '', /by schedule/);
    assert.deepEqual(judgeLeap({ ...beyond, runs: [{ ...ordered, state: 'failed' }] }), ['a run ended as failed']);
  });
});
