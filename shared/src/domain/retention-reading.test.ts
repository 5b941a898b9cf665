/** The rules of retention read once more, slowly and with other means: buckets are names of wall time, and guards are lists of names. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Freeze, planRetention, type RetentionContext, type RetentionSnapshot } from './retention.ts';
import { type RetentionPolicy, type RetentionRules, retentionPolicySchema, TIERS, type Tier } from './retention-policy.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const QUARTER = HOUR / 4;
const NOW = Date.UTC(2026, 5, 15, 12);

const NAMES: Record<Exclude<Tier, 'last'>, (at: Temporal.ZonedDateTime) => string> = {
  hourly: (at) => at.toPlainDateTime().toString().slice(0, 13),
  daily: (at) => at.toPlainDate().toString(),
  weekly: (at) => `${at.yearOfWeek}-W${at.weekOfYear}`,
  monthly: (at) => at.toPlainDate().toString().slice(0, 7),
  yearly: (at) => String(at.year),
};

interface Reading {
  stay: Set<string>;
  frozen: Freeze | undefined;
}

const listIds = (snapshots: readonly RetentionSnapshot[]) => snapshots.map(({ id }) => id);
const isDoubtful = ({ standing }: RetentionSnapshot) => standing === 'partial' || standing === 'suspicious';

/** What the tiers keep: of each bucket the newest good one, and where none is good in reach, the newest that is not quite. */
function readTiers(present: readonly RetentionSnapshot[], policy: RetentionRules, zone: string): string[] {
  const good = present.filter(({ standing }) => standing === 'good');
  return TIERS.filter((tier) => policy[tier] > 0).flatMap((tier) => {
    if (tier === 'last') return listIds([...good.slice(0, policy.last), ...(good.length < policy.last ? good.slice(-1) : [])]);
    const name = ({ createdAt }: RetentionSnapshot) =>
      NAMES[tier](Temporal.Instant.fromEpochMilliseconds(createdAt).toZonedDateTimeISO(zone));
    const groups = [...Map.groupBy(good, name)].map(([bucket, [newest]]) => ({ bucket, newest: newest as RetentionSnapshot }));
    const winners = groups.slice(0, policy[tier]).map(({ newest }) => newest);
    const oldest = policy[tier] > groups.length ? good.slice(-1) : [];
    const standIns = [...Map.groupBy(present.filter(isDoubtful), name)].flatMap(([bucket, [best]]) => {
      if (best === undefined || groups.some((group) => group.bucket === bucket)) return [];
      return groups.filter(({ newest }) => newest.createdAt > best.createdAt).length < policy[tier] ? [best] : [];
    });
    return listIds([...winners, ...oldest, ...standIns]);
  });
}

function readFreeze(
  present: readonly RetentionSnapshot[],
  { isNewestRunClean, expectedMs }: RetentionContext,
): Freeze | undefined {
  const good = present.filter(({ standing }) => standing === 'good');
  if (!isNewestRunClean) return 'newest_run_not_clean';
  if (present[0]?.standing === 'suspicious') return 'newest_suspicious';
  if (good[0] === undefined) return 'nothing_good';
  const age = NOW - good[0].createdAt;
  return expectedMs !== undefined && age > 2 * expectedMs && age > DAY ? 'newest_too_old' : undefined;
}

/** Everything stays that a rule keeps and no limit takes, and of what may go the oldest leaves until the rest fits. */
function readSlowly(snapshots: readonly RetentionSnapshot[], context: RetentionContext): Reading {
  const { policy, zone, capDays = 0 } = context;
  const newestFirst = snapshots.toSorted((a, b) => b.createdAt - a.createdAt);
  const present = newestFirst.filter(({ createdAt }) => createdAt <= NOW);
  const good = present.filter(({ standing }) => standing === 'good');
  const isOverCap = ({ createdAt }: RetentionSnapshot) => capDays > 0 && NOW - createdAt > capDays * DAY;
  const guarded = new Set(
    listIds([
      ...newestFirst.filter(({ isPinned, createdAt }) => isPinned || createdAt > NOW),
      ...good.slice(0, 2),
      ...good.filter(({ isProven }) => isProven).slice(0, 2),
      ...(policy.kind === 'rules' ? present : []).filter(
        (one) => policy.kind === 'rules' && NOW - one.createdAt < policy.minAgeHours * HOUR && !isOverCap(one),
      ),
    ]),
  );
  const kept = new Set(policy.kind === 'everything' ? listIds(present) : readRules(present, policy, zone));
  let stay = newestFirst.filter((one) => guarded.has(one.id) || (kept.has(one.id) && !isOverCap(one)));
  const most = policy.kind === 'rules' && policy.maxTotalBytes > 0 ? policy.maxTotalBytes : Number.POSITIVE_INFINITY;
  while (stay.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0) > most) {
    const oldest = stay.findLast(({ id }) => !guarded.has(id));
    if (oldest === undefined) break;
    stay = stay.filter((one) => one !== oldest);
  }
  const frozen = stay.length < snapshots.length ? readFreeze(present, context) : undefined;
  return { stay: new Set(listIds(frozen === undefined ? stay : snapshots)), frozen };
}

/** What the rules of a policy keep, before any guard and any size. */
function readRules(present: readonly RetentionSnapshot[], policy: RetentionRules, zone: string): string[] {
  const newest = present.find(({ standing }) => standing === 'good');
  const isRecent = ({ createdAt }: RetentionSnapshot) =>
    policy.withinHours > 0 && newest !== undefined && newest.createdAt - createdAt < policy.withinHours * HOUR;
  const hasNoTier = policy.withinHours === 0 && TIERS.every((tier) => policy[tier] === 0);
  const chosen = new Set([...readTiers(present, policy, zone), ...listIds(present.filter(isRecent))]);
  const isOld = ({ createdAt }: RetentionSnapshot) => policy.maxAgeDays > 0 && NOW - createdAt > policy.maxAgeDays * DAY;
  return listIds(present.filter((one) => (hasNoTier || chosen.has(one.id)) && !isOld(one)));
}

const histories = fc
  .uniqueArray(
    fc.record({
      quarters: fc.oneof(fc.integer({ min: -96, max: 2 * 366 * 96 }), fc.integer({ min: 0, max: 14 * 96 })),
      storedBytes: fc.integer({ min: 0, max: 500 }),
      standing: fc.constantFrom('good', 'good', 'good', 'good', 'partial', 'suspicious', 'quarantined'),
      isProven: fc.boolean(),
      isPinned: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    }),
    { selector: ({ quarters }) => quarters, minLength: 1, maxLength: 70 },
  )
  .map((made) => made.map(({ quarters, ...one }) => ({ id: `s${quarters}`, createdAt: NOW - quarters * QUARTER, ...one })));

const tierCount = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 }));
const policies: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    last: tierCount,
    hourly: tierCount,
    daily: tierCount,
    weekly: tierCount,
    monthly: tierCount,
    yearly: fc.integer({ min: 0, max: 3 }),
    withinHours: fc.constantFrom(0, 0, 0, 1, 24, 24 * 14),
    minAgeHours: fc.constantFrom(0, 0, 23, 24, 24 * 7),
    maxAgeDays: fc.constantFrom(0, 0, 7, 30, 400),
    maxTotalBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8000 })),
  })
  .map((given) => retentionPolicySchema.safeParse({ kind: 'rules', ...given }).data ?? { kind: 'everything' });

describe('Retention against a brute-force reading', () => {
  it('keeps the same set over two imagined years: tiers, spans, ages, sizes, the cap, pins, proofs and freezes', () => {
    const seen = new Map<string, number>();
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham'];
    const contexts = fc.record({
      policy: policies,
      now: fc.constant(NOW),
      zone: fc.constantFrom(...zones),
      isNewestRunClean: fc.constantFrom(true, true, true, true, true, true, false),
      expectedMs: fc.constantFrom(undefined, undefined, HOUR, DAY, 7 * DAY),
      capDays: fc.constantFrom(0, 0, 10, 365),
    });
    fc.assert(
      fc.property(histories, contexts, (made, context) => {
        const { decisions, frozen } = planRetention(made, context);
        const expected = readSlowly(made, context);
        assert.equal(frozen, expected.frozen);
        const stay = decisions.flatMap(({ verdict, snapshot }) => (verdict === 'keep' ? [snapshot.id] : []));
        assert.deepEqual(new Set(stay), expected.stay);
        for (const { because } of decisions) {
          const words = 'remove' in because ? [because.remove] : because.map((reason) => reason.keep);
          for (const word of [...words, ...(frozen === undefined ? [] : [frozen])]) seen.set(word, (seen.get(word) ?? 0) + 1);
        }
      }),
      { numRuns: 500, seed: 7 },
    );
    const words = ['tier', 'oldest', 'stand_in', 'within', 'no_tier', 'young', 'pinned', 'last_good', 'last_proven', 'future'];
    const removals = ['no_rule', 'not_good', 'too_old', 'over_cap', 'too_much'];
    const freezes: Freeze[] = ['newest_run_not_clean', 'newest_suspicious', 'nothing_good', 'newest_too_old'];
    for (const word of [...words, ...removals, ...freezes]) assert.ok(seen.has(word), `nothing was ever decided by ${word}`);
  });
});
