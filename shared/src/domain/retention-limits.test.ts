import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planRetention, type RetentionSnapshot } from './retention.ts';
import { type RetentionRules, retentionPolicySchema } from './retention-policy.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 15, 12);

/**
 * Ages and sizes read once more, one snapshot at a time and by other means: everything stays but what a limit says must go, and of what may
 * go the oldest leaves until the rest fits.
 */
function readSlowly(snapshots: readonly RetentionSnapshot[], rules: RetentionRules): string[] {
  const newestFirst = snapshots.toSorted((a, b) => b.createdAt - a.createdAt);
  const good = newestFirst.filter(({ standing, createdAt }) => standing === 'good' && createdAt <= NOW);
  const proven = good.filter(({ isProven }) => isProven);
  const isGuarded = (one: RetentionSnapshot) =>
    one.isPinned ||
    one.createdAt > NOW ||
    (rules.minAgeHours > 0 && NOW - one.createdAt < rules.minAgeHours * HOUR) ||
    good.indexOf(one) === 0 ||
    good.indexOf(one) === 1 ||
    proven.indexOf(one) === 0 ||
    proven.indexOf(one) === 1;
  const isOld = ({ createdAt }: RetentionSnapshot) => rules.maxAgeDays > 0 && NOW - createdAt > rules.maxAgeDays * DAY;
  const newest = good[0];
  const isOutside = ({ createdAt }: RetentionSnapshot) =>
    rules.withinHours > 0 && (newest === undefined || newest.createdAt - createdAt >= rules.withinHours * HOUR);
  let stay = newestFirst.filter((one) => isGuarded(one) || !(isOld(one) || isOutside(one)));
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
      fc.property(snapshots, policies, (made, policy) => {
        const plan = planRetention(made, { policy, now: NOW, zone: 'UTC', isNewestRunClean: true });
        if (plan.frozen !== undefined) assert.equal(plan.removed, 0);
        const stay = plan.decisions.flatMap(({ verdict, snapshot }) => (verdict === 'keep' ? [snapshot.id] : []));
        const expected = plan.frozen === undefined ? readSlowly(made, policy) : made.map(({ id }) => id);
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
