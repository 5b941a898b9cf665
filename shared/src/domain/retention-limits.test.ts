import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planRetention, type RetentionSnapshot } from './retention.ts';
import { type RetentionPolicy, type RetentionRules, retentionPolicySchema } from './retention-policy.ts';
import { describeRemove } from './retention-words.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 15, 12);

/**
 * Ages and sizes read once more, one snapshot at a time and by other means: everything stays but what a limit says must go, and of what may
 * go the oldest leaves until the rest fits.
 */
function readSlowly(snapshots: readonly RetentionSnapshot[], rules: RetentionRules, capDays: number): string[] {
  const newestFirst = snapshots.toSorted((a, b) => b.createdAt - a.createdAt);
  const good = newestFirst.filter(({ standing, createdAt }) => standing === 'good' && createdAt <= NOW);
  const proven = good.filter(({ isProven }) => isProven);
  const isOverCap = ({ createdAt }: RetentionSnapshot) => capDays > 0 && NOW - createdAt > capDays * DAY;
  const isGuarded = (one: RetentionSnapshot) =>
    one.isPinned ||
    one.createdAt > NOW ||
    (rules.minAgeHours > 0 && NOW - one.createdAt < rules.minAgeHours * HOUR && !isOverCap(one)) ||
    good.indexOf(one) === 0 ||
    good.indexOf(one) === 1 ||
    proven.indexOf(one) === 0 ||
    proven.indexOf(one) === 1;
  const isOld = ({ createdAt }: RetentionSnapshot) => rules.maxAgeDays > 0 && NOW - createdAt > rules.maxAgeDays * DAY;
  const newest = good[0];
  const isOutside = ({ createdAt }: RetentionSnapshot) =>
    rules.withinHours > 0 && (newest === undefined || newest.createdAt - createdAt >= rules.withinHours * HOUR);
  let stay = newestFirst.filter((one) => isGuarded(one) || !(isOld(one) || isOutside(one) || isOverCap(one)));
  const sum = () => stay.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0);
  while (rules.maxTotalBytes > 0 && sum() > rules.maxTotalBytes) {
    const oldest = stay.findLast((one) => !isGuarded(one));
    if (oldest === undefined) break;
    stay = stay.filter((one) => one !== oldest);
  }
  return stay.map(({ id }) => id);
}

const snapshots = fc
  .uniqueArray(
    fc.record({
      hours: fc.integer({ min: -30, max: 24 * 60 }),
      storedBytes: fc.integer({ min: 0, max: 500 }),
      standing: fc.constantFrom('good', 'good', 'good', 'partial', 'suspicious', 'quarantined'),
      isProven: fc.boolean(),
      isPinned: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { selector: ({ hours }) => hours, maxLength: 60 },
  )
  .map((made) => made.map(({ hours, ...one }) => ({ id: `s${hours}`, createdAt: NOW - hours * HOUR, ...one })));

const policies = fc
  .record({
    withinHours: fc.constantFrom(0, 0, 1, 24, 24 * 14),
    minAgeHours: fc.constantFrom(0, 0, 23, 24, 24 * 7),
    maxAgeDays: fc.constantFrom(0, 0, 7, 14, 30),
    maxTotalBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8000 })),
  })
  .map((given) => retentionPolicySchema.safeParse({ kind: 'rules', ...given }))
  .filter(({ success }) => success)
  .map(({ data }) => data as RetentionRules);

describe('ages and sizes against a brute-force reading', () => {
  it('keep the same set: the oldest goes first until the rest fits, and what is guarded stays', () => {
    fc.assert(
      fc.property(snapshots, policies, fc.constantFrom(0, 0, 1, 10, 30), (made, policy, capDays) => {
        const plan = planRetention(made, { policy, now: NOW, zone: 'UTC', isNewestRunClean: true, capDays });
        if (plan.frozen !== undefined) assert.equal(plan.removed, 0);
        const stay = plan.decisions.flatMap(({ verdict, snapshot }) => (verdict === 'keep' ? [snapshot.id] : []));
        const expected = plan.frozen === undefined ? readSlowly(made, policy, capDays) : made.map(({ id }) => id);
        assert.deepEqual(new Set(stay), new Set(expected));
      }),
      { numRuns: 600, seed: 52 },
    );
  });

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
