import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planRetention } from './retention.ts';
import { RETENTION_PRESETS, type RetentionPolicy, retentionPolicySchema } from './retention-policy.ts';
import { describeTierConflict } from './tier-rhythm.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 21);
const fires = (everyMs: number, count = 8) => Array.from({ length: count }, (_, index) => NOW + index * everyMs);
const policy = (given: object) => retentionPolicySchema.parse({ kind: 'rules', ...given });
const STANDARD = RETENTION_PRESETS[0]?.policy as RetentionPolicy;

describe('A policy that counts what its schedule cannot fill', () => {
  it('is named with what it really keeps, and no more once the schedule is fine enough', () => {
    assert.equal(
      describeTierConflict(STANDARD, fires(DAY)),
      'The policy keeps one for each of 24 hours, but this schedule fires every 24 hours at most: the 24 newest stay instead, which reach back about 24 days. Let it fire every hour, or choose a policy that does not count hours.',
    );
    assert.equal(describeTierConflict(STANDARD, fires(HOUR)), undefined);
    assert.match(
      describeTierConflict(STANDARD, fires(7 * DAY)) ?? '',
      /each of 24 hours, 7 days, but .* every 7 days at most: the 24 newest stay instead, which reach back about 168 days/,
    );
    assert.match(describeTierConflict(policy({ hourly: 6 }), fires(2 * HOUR)) ?? '', /every 2 hours at most: the 6 newest/);
  });

  it('is none where days are counted of a schedule of every day, however clocks change, and where some fires are an hour apart', () => {
    assert.equal(describeTierConflict(policy({ daily: 7 }), fires(DAY + HOUR, 2)), undefined);
    const working = [9, 10, 11, 33, 34].map((hour) => NOW + hour * HOUR);
    assert.equal(describeTierConflict(STANDARD, working), undefined);
  });

  it('is none without such a tier, with one of a kind, without a schedule, and where everything is kept', () => {
    for (const given of [{ last: 10 }, { hourly: 1, daily: 7 }, { withinHours: 24 }, { maxAgeDays: 3 }])
      assert.equal(describeTierConflict(policy(given), fires(DAY)), undefined);
    assert.equal(describeTierConflict({ kind: 'everything' }, fires(DAY)), undefined);
    for (const few of [[], [NOW]]) assert.equal(describeTierConflict(STANDARD, few), undefined);
  });

  it('keeps as many of the newest as it is said to, by the planner itself', () => {
    const made = fires(-DAY, 60).map((createdAt) => ({
      ...{ id: `s${createdAt}`, createdAt, storedBytes: 1, standing: 'good' as const },
      ...{ isProven: false, isPinned: false },
    }));
    const terms = { policy: policy({ hourly: 24 }), now: NOW, zone: 'UTC', isNewestRunClean: true };
    const stay = planRetention(made, terms).decisions.filter(({ verdict }) => verdict === 'keep');
    assert.deepEqual(
      stay.map(({ snapshot }) => snapshot.createdAt),
      fires(-DAY, 24),
    );
  });
});
