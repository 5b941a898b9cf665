import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { countProtections, judgeProtection, PROTECTION_STATUSES, type ProtectionFacts } from './protection.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 20, 9);

function describeSource(change: Partial<ProtectionFacts>): ProtectionFacts {
  return {
    now: NOW,
    enabled: true,
    plans: [{ enabled: true, everyMs: DAY }],
    host: 'online',
    hostLastSeenAt: NOW - 1000,
    standing: { lastGoodAt: NOW - 5 * HOUR, lastState: 'succeeded', lastAt: NOW - 5 * HOUR },
    ...change,
  };
}

const CASES: readonly (readonly [string, Partial<ProtectionFacts>, string, string])[] = [
  ['a recent clean backup protects', {}, 'protected', 'clean backup 5 h ago, expected every 24 h'],
  [
    'a backup a little late is not late yet',
    { standing: { lastGoodAt: NOW - 25 * HOUR, lastState: 'succeeded', lastAt: NOW - 25 * HOUR } },
    'protected',
    'clean backup 25 h ago, expected every 24 h',
  ],
  [
    'a second copy that should be there by now and is not',
    { uncopiedAt: NOW - 5 * HOUR },
    'at_risk',
    'the second copy of it is missing: the backup of 5 h ago is in one repository alone',
  ],
  [
    'a newest backup that cannot be read whole protects nobody',
    { standing: { lastGoodAt: NOW - 5 * HOUR, lastState: 'succeeded', lastAt: NOW - 5 * HOUR, lastGoodUnreadable: true } },
    'at_risk',
    'the newest clean backup could not be read whole; do not rely on it',
  ],
  [
    'an objective is meant as it is said',
    {
      standing: { lastGoodAt: NOW - 26 * HOUR, lastState: 'succeeded', lastAt: NOW - 26 * HOUR },
      plans: [{ enabled: true, everyMs: 7 * DAY }],
      objectiveMs: 24 * HOUR,
    },
    'at_risk',
    'no clean backup for 26 h, objective 24 h',
  ],
  [
    'an objective that allows more than the schedule promises rules as well',
    { standing: { lastGoodAt: NOW - 40 * HOUR, lastState: 'succeeded', lastAt: NOW - 40 * HOUR }, objectiveMs: 3 * DAY },
    'protected',
    'clean backup 40 h ago, objective 3 days',
  ],
  [
    'an objective missed twice over leaves it unprotected, also where the plan runs by hand',
    {
      standing: { lastGoodAt: NOW - 49 * HOUR, lastState: 'succeeded', lastAt: NOW - 49 * HOUR },
      plans: [{ enabled: true }],
      objectiveMs: 24 * HOUR,
    },
    'unprotected',
    'no clean backup for 2 days, objective 24 h',
  ],
  [
    'a clean backup of a suspicious size is a risk',
    {
      standing: {
        lastGoodAt: NOW - HOUR,
        lastGoodSuspicion: { kind: 'shrunk', usualBytes: 1e9 },
        lastState: 'succeeded',
        lastAt: NOW - HOUR,
      },
    },
    'at_risk',
    'the newest backup is far smaller than those before it; look at the source',
  ],
  [
    'a drill that failed is a risk, however fresh the backup',
    { proofTrouble: { kind: 'disproven', at: NOW - 2 * HOUR } },
    'at_risk',
    'the last drill of it failed 2 h ago',
  ],
  [
    'a proof of recovery that is wanted and missing is a risk',
    { proofTrouble: { kind: 'too_old', at: undefined, withinDays: 30 } },
    'at_risk',
    'a proof of recovery is wanted every 30 days, and there is none',
  ],
  [
    'a proof of recovery that is too old is a risk',
    { proofTrouble: { kind: 'too_old', at: NOW - 40 * DAY, withinDays: 30 } },
    'at_risk',
    'a proof of recovery is wanted every 30 days, and the newest is 40 days old',
  ],
  [
    'a late backup is a risk',
    { standing: { lastGoodAt: NOW - 26 * HOUR, lastState: 'succeeded', lastAt: NOW - 26 * HOUR } },
    'at_risk',
    'no clean backup for 26 h, expected every 24 h',
  ],
  [
    'a late backup whose last run failed is none',
    { standing: { lastGoodAt: NOW - 26 * HOUR, lastState: 'failed', lastAt: NOW - HOUR } },
    'unprotected',
    'no clean backup for 26 h, expected every 24 h; the last run failed',
  ],
  [
    'a late backup whose last run was partial says so',
    { standing: { lastGoodAt: NOW - 30 * HOUR, lastState: 'partial', lastAt: NOW - HOUR } },
    'at_risk',
    'no clean backup for 30 h, expected every 24 h; the last run was partial',
  ],
  [
    'two missed objectives leave it unprotected',
    { standing: { lastGoodAt: NOW - 3 * DAY, lastState: 'succeeded', lastAt: NOW - 3 * DAY } },
    'unprotected',
    'no clean backup for 3 days, expected every 24 h',
  ],
  [
    'a failure within the objective is a risk',
    { standing: { lastGoodAt: NOW - 5 * HOUR, lastState: 'failed', lastAt: NOW - HOUR } },
    'at_risk',
    'the last run failed; the newest clean backup is 5 h old',
  ],
  [
    'a partial run after a clean one is a risk',
    { standing: { lastGoodAt: NOW - 5 * HOUR, lastState: 'partial', lastAt: NOW - HOUR } },
    'at_risk',
    'the last run was partial; the newest clean backup is 5 h old',
  ],
  [
    'a cancelled run takes nothing away from a clean backup within the objective',
    { standing: { lastGoodAt: NOW - 5 * HOUR, lastState: 'cancelled', lastAt: NOW - HOUR } },
    'protected',
    'clean backup 5 h ago, expected every 24 h',
  ],
  [
    'the strictest of several plans decides',
    {
      plans: [
        { enabled: true, everyMs: DAY },
        { enabled: true, everyMs: HOUR },
        { enabled: false, everyMs: 60_000 },
      ],
    },
    'unprotected',
    'no clean backup for 5 h, expected every hour',
  ],
  [
    'a fire that did not happen is a risk, however young the last backup is',
    { missedAt: NOW - 2 * HOUR },
    'at_risk',
    'its plan did not run when it was due 2 h ago; the newest clean backup is 5 h old',
  ],
  [
    'a clean backup made since makes a missed fire good',
    { missedAt: NOW - 6 * HOUR },
    'protected',
    'clean backup 5 h ago, expected every 24 h',
  ],
  [
    'what a silent host was to do meanwhile is unknown, and said',
    { host: 'offline', hostLastSeenAt: NOW - 3 * HOUR, unknownAt: NOW - HOUR },
    'unknown',
    'its host is silent for 3 h; whether it ran 1 h ago is unknown; the newest clean backup is 5 h old',
  ],
  ['a source nobody backed up is unprotected', { standing: undefined }, 'unprotected', 'no backup has run yet'],
  [
    'a source with only failures is unprotected',
    { standing: { lastState: 'failed', lastAt: NOW - HOUR } },
    'unprotected',
    'there is no clean backup; the last run failed',
  ],
  [
    'a source in no plan is unprotected, whatever was once',
    { plans: [] },
    'unprotected',
    'it is in no plan; the newest clean backup is 5 h old',
  ],
  [
    'a switched-off source is paused',
    { enabled: false, standing: undefined },
    'paused',
    'the source is switched off; there is no clean backup of it',
  ],
  [
    'a switched-off plan pauses it',
    { plans: [{ enabled: false, everyMs: DAY }] },
    'paused',
    'its plan is switched off; the newest clean backup is 5 h old',
  ],
  [
    'a silent host is unknown, never green',
    { host: 'offline', hostLastSeenAt: NOW - 3 * HOUR },
    'unknown',
    'its host is silent for 3 h; the newest clean backup is 5 h old',
  ],
  [
    'a host that never came is unknown',
    { host: 'offline', hostLastSeenAt: undefined, standing: undefined },
    'unknown',
    'its host has not connected yet; there is no clean backup of it',
  ],
  [
    'a revoked host protects nothing',
    { host: 'revoked' },
    'unprotected',
    'its host is revoked, so nothing backs it up; the newest clean backup is 5 h old',
  ],
  [
    'a plan that runs by hand protects for a week',
    { plans: [{ enabled: true }] },
    'protected',
    'clean backup 5 h ago, its plan runs only by hand',
  ],
  [
    'a plan that runs by hand becomes a risk after a week',
    { plans: [{ enabled: true }], standing: { lastGoodAt: NOW - 9 * DAY, lastState: 'succeeded', lastAt: NOW - 9 * DAY } },
    'at_risk',
    'no clean backup for 9 days, its plan runs only by hand',
  ],
];

for (const [title, change, status, reason] of CASES) {
  test(title, () => {
    const { isMissedFire, isOverdue, ...judged } = judgeProtection(describeSource(change));
    // Ages hold together by no-break spaces.
    assert.deepEqual({ ...judged, reason: judged.reason.replaceAll('\u00a0', ' ') }, { status, reason });
    assert.equal(isMissedFire === true, reason.startsWith('its plan did not run'));
    assert.equal(isOverdue === true, reason.startsWith('no clean backup for'));
  });
}

const anyFacts: fc.Arbitrary<ProtectionFacts> = fc.record({
  now: fc.constant(NOW),
  enabled: fc.boolean(),
  plans: fc.array(
    fc.record({ enabled: fc.boolean(), everyMs: fc.option(fc.integer({ min: 60_000, max: 400 * DAY }), { nil: undefined }) }),
    {
      maxLength: 4,
    },
  ),
  host: fc.constantFrom('online', 'offline', 'revoked', 'quarantined'),
  hostLastSeenAt: fc.option(fc.integer({ min: 0, max: NOW }), { nil: undefined }),
  standing: fc.option(
    fc.record({
      lastGoodAt: fc.option(fc.integer({ min: 0, max: NOW + HOUR }), { nil: undefined }),
      lastState: fc.constantFrom('succeeded', 'partial', 'failed', 'cancelled', 'skipped'),
      lastAt: fc.integer({ min: 0, max: NOW }),
    }),
    { nil: undefined },
  ),
  missedAt: fc.option(fc.integer({ min: 0, max: NOW }), { nil: undefined }),
  unknownAt: fc.option(fc.integer({ min: 0, max: NOW }), { nil: undefined }),
});

test('nothing is green without a clean backup, an enabled plan and a host that is heard of', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const { status, reason } = judgeProtection(facts);
      assert.notEqual(reason, '');
      if (status !== 'protected') return;
      assert.ok(facts.enabled && facts.host === 'online');
      assert.ok(facts.plans.some((plan) => plan.enabled));
      assert.notEqual(facts.standing?.lastGoodAt, undefined);
      assert.ok((facts.missedAt ?? 0) <= (facts.standing?.lastGoodAt ?? 0));
    }),
  );
});

test('an older backup never makes a source look better', () => {
  const order = ['protected', 'at_risk', 'unprotected'];
  fc.assert(
    fc.property(anyFacts, fc.integer({ min: 0, max: 30 * DAY }), (facts, olderMs) => {
      const goodAt = facts.standing?.lastGoodAt;
      if (facts.standing === undefined || goodAt === undefined) return;
      const standing = { ...facts.standing, lastAt: NOW };
      const now = order.indexOf(judgeProtection({ ...facts, standing }).status);
      const older = order.indexOf(judgeProtection({ ...facts, standing: { ...standing, lastGoodAt: goodAt - olderMs } }).status);
      assert.ok(older >= now);
    }),
  );
});

test('counts every status, also those that nothing has', () => {
  const counts = countProtections([judgeProtection(describeSource({})), judgeProtection(describeSource({ enabled: false }))]);
  assert.deepEqual(Object.keys(counts).sort(), [...PROTECTION_STATUSES].sort());
  assert.equal(counts.protected, 1);
  assert.equal(counts.paused, 1);
});
