import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Decision, planRetention, type RetentionContext, type RetentionSnapshot } from './retention.ts';
import { RETENTION_PRESETS, type RetentionRules, retentionPolicySchema } from './retention-policy.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 15, 12);
const NONE = { kind: 'rules', last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } as const;
const rules = (given: Partial<RetentionRules>): RetentionRules => ({
  ...NONE,
  withinHours: 0,
  minAgeHours: 0,
  maxAgeDays: 0,
  maxTotalBytes: 0,
  ...given,
});
const snapshot = (createdAt: number, given: Partial<RetentionSnapshot> = {}): RetentionSnapshot => ({
  id: `s${createdAt}`,
  createdAt,
  storedBytes: 100,
  standing: 'good',
  isProven: false,
  isPinned: false,
  ...given,
});
const context = (policy: RetentionContext['policy'], given: Partial<RetentionContext> = {}): RetentionContext => ({
  policy,
  now: NOW,
  zone: 'UTC',
  isNewestRunClean: true,
  ...given,
});
const hourly = (count: number, given: Partial<RetentionSnapshot> = {}) =>
  Array.from({ length: count }, (_, index) => snapshot(NOW - index * HOUR, given));
const daily = (count: number) => Array.from({ length: count }, (_, index) => snapshot(NOW - index * DAY));
const kept = (decisions: readonly Decision[]) =>
  decisions.filter(({ verdict }) => verdict === 'keep').map(({ snapshot }) => snapshot.id);
const reasonOf = (decisions: readonly Decision[], id: string) => decisions.find(({ snapshot }) => snapshot.id === id)?.because;

describe('retention: tiers', () => {
  it('keeps the newest of each day and says which of how many it is', () => {
    const { decisions, removed } = planRetention(hourly(72), context(rules({ daily: 2 })));
    // 12:00 today, 23:00 yesterday; 11:00 today is among the last two good ones.
    assert.deepEqual(kept(decisions), [`s${NOW}`, `s${NOW - HOUR}`, `s${NOW - 13 * HOUR}`]);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 13 * HOUR}`), [{ keep: 'tier', tier: 'daily', nth: 2, of: 2 }]);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 2 * HOUR}`), { remove: 'no_rule' });
    assert.equal(removed, 69);
  });

  it('keeps the newest three of five', () => {
    const five = daily(5);
    const { decisions, removed } = planRetention(five, context(rules({ last: 3 })));
    assert.deepEqual(
      kept(decisions),
      five.slice(0, 3).map(({ id }) => id),
    );
    assert.equal(removed, 2);
  });

  it('ends weeks on Sunday', () => {
    const sunday = Date.UTC(2026, 5, 14, 23, 59);
    const monday = Date.UTC(2026, 5, 15, 0, 1);
    const before = Date.UTC(2026, 5, 8, 0, 1);
    const { decisions } = planRetention(
      [monday, sunday, before, before - 7 * DAY, before - 14 * DAY].map((at) => snapshot(at)),
      context(rules({ weekly: 2 })),
    );
    assert.deepEqual(reasonOf(decisions, `s${sunday}`)?.[0 as never], { keep: 'tier', tier: 'weekly', nth: 2, of: 2 });
    assert.deepEqual(reasonOf(decisions, `s${before}`), { remove: 'no_rule' });
  });

  it('lets the plan’s zone decide where a day begins', () => {
    // 23:30 UTC on the 13th is the 14th in Berlin.
    const snapshots = [
      Date.UTC(2026, 5, 15, 9),
      Date.UTC(2026, 5, 14, 9),
      Date.UTC(2026, 5, 13, 23, 30),
      Date.UTC(2026, 5, 13, 9),
    ].map((at) => snapshot(at));
    const late = `s${Date.UTC(2026, 5, 13, 23, 30)}`;
    const inUtc = planRetention(snapshots, context(rules({ daily: 3 })));
    const inBerlin = planRetention(snapshots, context(rules({ daily: 3 }), { zone: 'Europe/Berlin' }));
    assert.ok(kept(inUtc.decisions).includes(late));
    assert.ok(!kept(inBerlin.decisions).includes(late));
  });

  it('keeps the oldest while a tier is not used up, so that the history grows', () => {
    const { decisions } = planRetention(hourly(10), context(rules({ monthly: 12 })));
    assert.deepEqual(reasonOf(decisions, `s${NOW - 9 * HOUR}`), [{ keep: 'oldest', tier: 'monthly' }]);
  });

  it('keeps everything when that was chosen', () => {
    const plan = planRetention(hourly(5), context({ kind: 'everything' }));
    assert.equal(plan.removed, 0);
    assert.deepEqual(reasonOf(plan.decisions, `s${NOW - 4 * HOUR}`), [{ keep: 'everything' }]);
  });
});

describe('retention: what counts', () => {
  it('lets what is not good use nothing up, and stand in only where nothing good lies', () => {
    const [today, yesterday, dayBefore, third] = [0, 1, 2, 3].map((days) => NOW - days * DAY) as [number, number, number, number];
    const { decisions } = planRetention(
      [
        snapshot(today),
        snapshot(today - HOUR, { standing: 'partial' }),
        snapshot(yesterday, { standing: 'partial' }),
        snapshot(yesterday - HOUR, { standing: 'suspicious' }),
        snapshot(dayBefore),
        snapshot(third),
        snapshot(third - HOUR, { standing: 'quarantined' }),
        snapshot(third - DAY),
      ],
      context(rules({ daily: 3 })),
    );
    assert.deepEqual(kept(decisions), [`s${today}`, `s${yesterday}`, `s${dayBefore}`, `s${third}`]);
    assert.deepEqual(reasonOf(decisions, `s${yesterday}`), [{ keep: 'stand_in', tier: 'daily' }]);
    assert.deepEqual(reasonOf(decisions, `s${today - HOUR}`), { remove: 'not_good', standing: 'partial' });
    assert.deepEqual(reasonOf(decisions, `s${yesterday - HOUR}`), { remove: 'not_good', standing: 'suspicious' });
    assert.deepEqual(reasonOf(decisions, `s${third - HOUR}`), { remove: 'not_good', standing: 'quarantined' });
  });

  it('neither counts nor removes what is dated in the future', () => {
    const future = Array.from({ length: 20 }, (_, index) => snapshot(NOW + (index + 1) * DAY));
    const { decisions } = planRetention([...future, ...daily(5)], context(rules({ last: 3 })));
    assert.equal(kept(decisions).length, 23);
    assert.deepEqual(reasonOf(decisions, `s${NOW + DAY}`), [{ keep: 'future' }]);
  });

  it('measures the span of recent ones from the newest good one, so that a host that is off loses nothing', () => {
    const old = daily(10).map((one) => snapshot(one.createdAt - 300 * DAY));
    const { decisions } = planRetention(old, context(rules({ withinHours: 5 * 24 })));
    assert.equal(kept(decisions).length, 5);
  });
});

describe('retention: guards no policy can switch off', () => {
  it('removes no copies while the newest copy did not end clean, whatever their age', () => {
    for (const policy of [rules({ last: 1 }), rules({ maxAgeDays: 1 })]) {
      const plan = (isNewestCopyClean?: boolean) => planRetention(hourly(50), context(policy, { isNewestCopyClean }));
      assert.deepEqual([plan(false).frozen, plan(false).removed], ['newest_copy_not_clean', 0]);
      assert.equal(plan(true).frozen, undefined);
      assert.ok(plan(true).removed > 0);
      assert.deepEqual(plan(true), plan(), 'what is no copy is not asked about copies');
    }
  });

  it('removes nothing while the newest run is not clean', () => {
    const plan = planRetention(hourly(50), context(rules({ last: 1 }), { isNewestRunClean: false }));
    assert.equal(plan.frozen, 'newest_run_not_clean');
    assert.equal(plan.removed, 0);
    assert.deepEqual(reasonOf(plan.decisions, `s${NOW - 40 * HOUR}`), [{ keep: 'frozen' }]);
  });

  it('removes nothing while the size of the newest is suspicious, and nothing when nothing is good', () => {
    const [, ...rest] = hourly(10);
    const suspicious = planRetention([snapshot(NOW, { standing: 'suspicious' }), ...rest], context(rules({ last: 1 })));
    assert.equal(suspicious.frozen, 'newest_suspicious');
    const none = planRetention(hourly(10, { standing: 'partial' }), context(rules({ last: 1 })));
    assert.equal(none.frozen, 'nothing_good');
    assert.equal(none.removed, 0);
  });

  it('removes nothing while the newest good one is more than twice as old as the schedule allows', () => {
    const idle = daily(10).map((one) => snapshot(one.createdAt - 2 * DAY));
    const daysLater = (more: number) => ({ now: NOW + more, expectedMs: DAY });
    const due = planRetention(idle, context(rules({ last: 6 }), daysLater(0)));
    assert.deepEqual([due.frozen, due.removed], [undefined, 4]);
    const late = planRetention(idle, context(rules({ last: 6 }), daysLater(1)));
    assert.deepEqual([late.frozen, late.removed], ['newest_too_old', 0]);
    assert.deepEqual(reasonOf(late.decisions, `s${NOW - 11 * DAY}`), [{ keep: 'frozen' }]);
    // What is not good is no sign of life: something went wrong ever since.
    const partial = [snapshot(NOW, { standing: 'partial' }), ...idle];
    assert.equal(planRetention(partial, context(rules({ last: 6 }), daysLater(1))).frozen, 'newest_too_old');
    const again = planRetention([snapshot(NOW), ...idle], context(rules({ last: 6 }), daysLater(1)));
    assert.deepEqual([again.frozen, again.removed], [undefined, 5]);
    // By hand nobody promised anything.
    assert.equal(planRetention(idle, context(rules({ last: 6 }), { now: NOW + 90 * DAY })).removed, 4);
  });

  it('lets a night without backups of every hour pass, because a machine may be off', () => {
    const night = { now: NOW + 20 * HOUR, expectedMs: HOUR };
    assert.equal(planRetention(hourly(10), context(rules({ last: 6 }), night)).frozen, undefined);
    const days = { now: NOW + 25 * HOUR, expectedMs: HOUR };
    assert.equal(planRetention(hourly(10), context(rules({ last: 6 }), days)).frozen, 'newest_too_old');
  });

  it('does not speak of a freeze when there is nothing to remove', () => {
    assert.equal(planRetention(hourly(2), context(rules({ last: 5 }), { isNewestRunClean: false })).frozen, undefined);
    assert.deepEqual(planRetention([], context(rules({ last: 5 }))), {
      decisions: [],
      frozen: undefined,
      removed: 0,
      needsPerson: false,
    });
  });

  it('keeps the last two good ones and the last two proven ones', () => {
    const snapshots = daily(30).map((one, index) => ({ ...one, isProven: index > 20 }));
    const { decisions } = planRetention(snapshots, context(rules({ maxAgeDays: 1, last: 1 })));
    assert.deepEqual(
      kept(decisions),
      [0, 1, 21, 22].map((days) => `s${NOW - days * DAY}`),
    );
    assert.deepEqual(reasonOf(decisions, `s${NOW - 21 * DAY}`), [{ keep: 'last_proven' }]);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 25 * DAY}`), { remove: 'too_old', days: 1 });
  });

  it('keeps what is pinned and what is younger than the minimum age', () => {
    const [first, ...rest] = hourly(40);
    assert.ok(first);
    const pinned = snapshot(NOW - 39 * HOUR, { isPinned: true });
    const { decisions } = planRetention([first, ...rest.slice(0, -1), pinned], context(rules({ last: 1, minAgeHours: 24 })));
    assert.equal(kept(decisions).length, 25);
    assert.deepEqual(reasonOf(decisions, pinned.id), [{ keep: 'pinned' }]);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 23 * HOUR}`), [{ keep: 'young', hours: 24 }]);
  });

  it('asks a person before more than half of a series goes, and not for half of it', () => {
    assert.equal(planRetention(daily(10), context(rules({ last: 4 }))).needsPerson, true);
    assert.equal(planRetention(daily(10), context(rules({ last: 5 }))).needsPerson, false);
  });
});

describe('retention: ages and sizes', () => {
  it('removes by age alone when there is no tier', () => {
    const { decisions } = planRetention(daily(10), context(rules({ maxAgeDays: 5 })));
    assert.equal(kept(decisions).length, 6);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 3 * DAY}`), [{ keep: 'no_tier' }]);
  });

  it('removes the oldest until the size fits, but never what is guarded', () => {
    const { decisions } = planRetention(daily(10), context(rules({ maxTotalBytes: 450 })));
    assert.equal(kept(decisions).length, 4);
    assert.deepEqual(reasonOf(decisions, `s${NOW - 9 * DAY}`), { remove: 'too_much', bytes: 450 });
    const tiny = planRetention(daily(10), context(rules({ maxTotalBytes: 1 })));
    assert.equal(kept(tiny.decisions).length, 2);
  });
});

describe('retention policy', () => {
  it('is refused when it would keep nothing', () => {
    assert.equal(retentionPolicySchema.safeParse({ kind: 'rules' }).success, false);
    assert.equal(retentionPolicySchema.safeParse({ kind: 'rules', minAgeHours: 5 }).success, false);
    assert.equal(retentionPolicySchema.safeParse({ kind: 'rules', daily: 7, minAgeHours: 49, maxAgeDays: 2 }).success, false);
    assert.equal(retentionPolicySchema.safeParse({ kind: 'rules', maxAgeDays: 2 }).success, true);
  });

  it('has presets that are policies, the first of them 24 hours, 7 days, 4 weeks and 12 months and nothing else', () => {
    const [standard] = RETENTION_PRESETS;
    assert.deepEqual(standard, {
      key: 'standard',
      name: 'Standard (24h/7d/4w/12m)',
      policy: {
        ...{ kind: 'rules', last: 0, hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 0 },
        ...{ withinHours: 0, minAgeHours: 0, maxAgeDays: 0, maxTotalBytes: 0 },
      },
    });
    for (const { policy } of RETENTION_PRESETS) assert.deepEqual(retentionPolicySchema.parse(policy), policy);
  });
});

describe('retention over random histories', () => {
  it('never removes the last two good ones, whatever the histories and the policies', () => {
    const standing = fc.constantFrom('good', 'partial', 'suspicious', 'quarantined');
    const history = fc.uniqueArray(fc.tuple(fc.integer({ min: -50, max: 900 }), standing, fc.boolean()), {
      selector: ([hours]) => hours,
      maxLength: 60,
    });
    const number = fc.integer({ min: 0, max: 3 });
    const policies = fc
      .tuple(number, number, number, number, number, number, number)
      .map(([last, perHour, perDay, weekly, withinHours, maxAgeDays, maxTotalBytes]) =>
        rules({ last, hourly: perHour, daily: perDay, weekly, withinHours, maxAgeDays, maxTotalBytes }),
      );
    fc.assert(
      fc.property(history, policies, fc.boolean(), (made, policy, isNewestRunClean) => {
        const snapshots = made.map(([hours, one, isProven]) => snapshot(NOW - hours * HOUR, { standing: one, isProven }));
        const plan = planRetention(snapshots, context(policy, { isNewestRunClean }));
        const stay = new Set(kept(plan.decisions));
        const good = snapshots
          .filter((one) => one.standing === 'good' && one.createdAt <= NOW)
          .toSorted((a, b) => b.createdAt - a.createdAt);
        for (const one of [...good.slice(0, 2), ...good.filter(({ isProven }) => isProven).slice(0, 2)])
          assert.ok(stay.has(one.id));
        if (!isNewestRunClean || good.length === 0) assert.equal(plan.removed, 0);
        assert.equal(plan.removed + stay.size, snapshots.length);
        // What would be done next time, were nothing made meanwhile: the same again, and nothing more.
        const after = planRetention(
          snapshots.filter((one) => stay.has(one.id)),
          context(policy, { isNewestRunClean }),
        );
        if (policy.last + policy.hourly + policy.daily + policy.weekly > 0 && policy.maxTotalBytes === 0)
          for (const decision of after.decisions)
            if (decision.snapshot.standing === 'good') assert.equal(decision.verdict, 'keep');
      }),
      { numRuns: 1000, seed: 5 },
    );
  });

  it('takes nothing after two days in 30 days without a backup of every day, whatever the policy', () => {
    const policies = fc
      .record({
        last: fc.constantFrom(0, 0, 1, 5),
        daily: fc.constantFrom(0, 0, 3, 14),
        withinHours: fc.constantFrom(0, 0, 48),
        maxAgeDays: fc.constantFrom(0, 1, 5, 20),
        maxTotalBytes: fc.constantFrom(0, 0, 500),
        capDays: fc.constantFrom(0, 0, 10),
      })
      .map(({ capDays, ...given }) => ({ capDays, policy: rules(given) }));
    fc.assert(
      fc.property(policies, ({ capDays, policy }) => {
        let left = daily(25);
        const counts = Array.from({ length: 30 }, (_, day) => {
          const now = NOW + day * DAY + HOUR;
          const { decisions } = planRetention(left, context(policy, { now, capDays, expectedMs: DAY }));
          const stay = new Set(kept(decisions));
          left = left.filter(({ id }) => stay.has(id));
          return left.length;
        });
        assert.deepEqual(new Set(counts.slice(1)).size, 1, `${counts}`);
      }),
      { numRuns: 1000, seed: 68 },
    );
  });
});

describe('retention: speed', () => {
  it('plans 100,000 snapshots with less than a second of processor time', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => snapshot(NOW - index * 37 * 60_000));
    const before = process.cpuUsage();
    const { removed } = planRetention(
      many,
      context(rules({ hourly: 24, daily: 7, weekly: 4, monthly: 12 }), { zone: 'Europe/Berlin' }),
    );
    const ms = process.cpuUsage(before).user / 1000;
    assert.ok(removed > 99_900);
    assert.ok(ms < 1000, `took ${ms} ms`);
  });
});
