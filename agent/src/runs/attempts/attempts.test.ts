import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReasonError, REASON_NAMES } from '@holdfast/shared/domain/reason.ts';
import { computeRetryMs, mayPass, toFraction } from './attempts.ts';
import { toFailure } from './part.ts';

describe('A failed attempt', () => {
  it('is worth another one only for causes that pass by themselves', () => {
    const passing = REASON_NAMES.filter((reason) => mayPass(toFailure(createReasonError(reason, 'x'))));
    assert.deepEqual(passing.sort(), [
      'database_unreachable',
      'disk_full',
      'dump_failed',
      'interrupted',
      'repository_locked',
      'repository_unreachable',
      'stalled',
      'unknown_failure',
    ]);
    assert.equal(mayPass({ code: 'internal', message: 'x' }), false);
    assert.equal(mayPass({ code: 'internal', message: 'x', reason: 'a_newer_word' }), false);
  });

  it('waits twice as long each time, at most an hour and a quarter, and ends with the budget', () => {
    const options = { attempts: 12, retryAfterSeconds: 60 };
    const waits = [1, 2, 3, 6, 7, 8, 11].map((attempt) => computeRetryMs(options, attempt, 0));
    assert.deepEqual(waits, [60_000, 120_000, 240_000, 1_920_000, 3_600_000, 3_600_000, 3_600_000]);
    assert.equal(computeRetryMs(options, 12, 0), undefined);
    assert.equal(computeRetryMs(options, 13, 0), undefined);
    assert.equal(computeRetryMs({ attempts: 1, retryAfterSeconds: 60 }, 1, 0), undefined);
    assert.equal(computeRetryMs(options, 7, 1), 4_500_000);
    assert.equal(computeRetryMs(options, 1, 0.5), 67_500);
  });

  it('has a wait of its own for each run, the same whenever it is computed', () => {
    const fractions = Array.from({ length: 1000 }, (_, index) => toFraction(`run_${index}`));
    assert.ok(fractions.every((fraction) => fraction >= 0 && fraction < 1));
    assert.equal(new Set(fractions).size, 1000);
    const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
    assert.ok(Math.abs(mean - 0.5) < 0.05, String(mean));
    assert.equal(toFraction('run_7'), toFraction('run_7'));
  });
});
