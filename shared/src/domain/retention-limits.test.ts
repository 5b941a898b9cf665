import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planRetention, type RetentionSnapshot } from './retention.ts';
import { type RetentionPolicy, retentionPolicySchema } from './retention-policy.ts';
import { describeRemove } from './retention-words.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 15, 12);

describe('ages and sizes', () => {
  it('let 23 hours survive a minimum age of 24, and keep no more than the limit where nothing is guarded', () => {
    const policy = retentionPolicySchema.parse({ kind: 'rules', minAgeHours: 24, maxTotalBytes: 250 });
    const at = (hours: number): RetentionSnapshot => ({
      id: `s${hours}`,
      createdAt: NOW - hours * HOUR,
      storedBytes: 100,
      standing: 'good',
      isProven: false,
      isPinned: false,
    });
    const decide = (...hours: number[]) =>
      planRetention(hours.map(at), { policy, now: NOW, zone: 'UTC', isNewestRunClean: true }).decisions.flatMap(
        ({ verdict, snapshot }) => (verdict === 'keep' ? [snapshot.id] : []),
      );
    assert.deepEqual(decide(1, 2, 23, 24), ['s1', 's2', 's23']);
    assert.deepEqual(decide(30, 40, 50, 60), ['s30', 's40']);
  });
});

describe('a cap of age', () => {
  const at = (days: number, change: Partial<RetentionSnapshot> = {}): RetentionSnapshot => ({
    id: `s${days}`,
    createdAt: NOW - days * DAY,
    storedBytes: 100,
    standing: 'good',
    isProven: false,
    isPinned: false,
    ...change,
  });
  const CAP = { now: NOW, zone: 'UTC', isNewestRunClean: true, capDays: 365 };
  const EVERYTHING = { kind: 'everything' } as const;
  const listGone = (made: readonly RetentionSnapshot[], policy: RetentionPolicy = EVERYTHING) =>
    planRetention(made, { ...CAP, policy }).decisions.flatMap((decision) =>
      decision.verdict === 'remove' ? [`${decision.snapshot.id} ${describeRemove(decision.because)}`] : [],
    );
  const young = [at(1), at(2)];

  it('lets 365 days stay and 366 go, also where everything is kept, and says why', () => {
    assert.deepEqual(listGone([...young, at(365), at(366)]), ['s366 it is older than the cap of 365 d, a setting']);
    const long = retentionPolicySchema.parse({ kind: 'rules', yearly: 7, withinHours: 24 * 800 });
    assert.deepEqual(listGone([...young, at(365), at(366), at(800)], long).length, 2);
  });

  it('stands below the guards: what is pinned, proven or among the last good ones stays', () => {
    assert.deepEqual(listGone([at(400), at(500), at(600)]), ['s600 it is older than the cap of 365 d, a setting']);
    assert.deepEqual(listGone([...young, at(400, { isPinned: true }), at(500, { isProven: true })]), []);
    const frozen = planRetention([...young, at(400)], { ...CAP, policy: EVERYTHING, isNewestRunClean: false });
    assert.deepEqual([frozen.frozen, frozen.removed], ['newest_run_not_clean', 0]);
  });

  it('stands above the rules of a policy, a minimum age with them, and leaves a stricter maximum its own reason', () => {
    const keeping = retentionPolicySchema.parse({ kind: 'rules', last: 9, minAgeHours: 24 * 900 });
    assert.equal(listGone([...young, at(366)], keeping).length, 1);
    const strict = retentionPolicySchema.parse({ kind: 'rules', maxAgeDays: 30 });
    assert.deepEqual(listGone([...young, at(40), at(400)], strict), [
      's40 it is older than 30 days',
      's400 it is older than 30 days',
    ]);
  });
});
