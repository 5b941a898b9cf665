import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import fc from 'fast-check';
import { listNextFires } from '../../fires/fires.ts';
import { sampleHost, sampleId, samplePlan, sampleRepository, sampleSource } from '../../store/contract/samples.ts';
import type { Drill } from '../../store/drills.ts';
import { judgeVerdict } from './protection.ts';
import { buildFacts, type FireKnowledge, findHeldThrough, type HostSituation, type SourceSituation } from './protection-facts.ts';

const NOW = Date.UTC(2026, 10, 20, 9);
const repository = sampleRepository();
const host = sampleHost();
const source = sampleSource(host);
const online: HostSituation = { id: host.id, standing: 'online', lastSeenAt: NOW };
const CRONS = ['0 2 * * *', '*/15 * * * *', '30 3 * * 1-5', '0 4 1 * *'] as const;

const schedule = (cron: string): Schedule => ({ cron, zone: 'Europe/Berlin' });
const plan = (cron: string | undefined, enabled = true) =>
  samplePlan(repository, [source], { enabled, schedule: cron === undefined ? undefined : schedule(cron) });

/** Fresh at each instant, as nothing had been remembered. */
function learn(now: number, missedAt?: number): FireKnowledge {
  return {
    now,
    findLongestWait: (asked) => findLongestWait(listNextFires, asked, now),
    findMissedAt: () => missedAt,
    findUnknownAt: () => undefined,
  };
}

function judge(situation: SourceSituation, now: number, missedAt?: number) {
  const { status, isMissedFire, isOverdue } = judgeVerdict(buildFacts(situation, online, learn(now, missedAt)));
  return { status, isMissedFire, isOverdue };
}

function holdThrough(situation: SourceSituation, now: number): number {
  return findHeldThrough(situation, buildFacts(situation, online, learn(now)), (asked) => listNextFires(asked, now, 1)[0]);
}

const standing = (lastGoodAt: number, change: object = {}) => ({
  ...{ source: source.id, lastGoodAt, lastState: 'succeeded' as const, lastAt: lastGoodAt },
  ...change,
});
const situate = (change: Partial<SourceSituation>): SourceSituation => ({
  ...{ enabled: true, plans: [plan(undefined)], standing: standing(NOW), objectives: {} },
  ...change,
});
const objective = (ms: number) => ({ ms, origin: { from: 'fleet' } as const });
const drill = (endedAt: number, isProven = true): Drill => ({
  ...{ source: source.id, host: host.id, run: sampleId('run'), snapshot: sampleId('snapshot') },
  ...{ endedAt, isProven, restoreMs: 1000, snapshotAgeMs: 1000, things: 1 },
});

/** An instant within some weeks before, often one of the edges of what is measured. */
const past = fc
  .oneof(fc.integer({ min: 0, max: 40 * 24 * 60 }), fc.constantFrom(0, 15, 30, 60, 120, 1440, 1512, 2952, 10_080))
  .chain((minutes) => fc.integer({ min: -1, max: 1 }).map((ms) => NOW - minutes * MINUTE_MS + ms));
const situations: fc.Arbitrary<SourceSituation> = fc.record({
  enabled: fc.boolean(),
  plans: fc.array(
    fc.tuple(fc.constantFrom(...CRONS, undefined), fc.boolean()).map(([cron, isOff]) => plan(cron, !isOff)),
    { maxLength: 2 },
  ),
  standing: fc.option(
    fc
      .tuple(past, past, fc.constantFrom('succeeded', 'failed', 'partial'), fc.boolean())
      .map(([lastGoodAt, lastAt, lastState, isBad]) =>
        standing(lastGoodAt, { lastAt, lastState, ...(isBad ? { lastGoodUnreadable: true } : {}) }),
      ),
    { nil: undefined },
  ),
  proof: fc.option(
    past.chain((endedAt) =>
      fc.boolean().map((isProven) => ({ source: source.id, proven: drill(endedAt), newest: drill(endedAt, isProven) })),
    ),
    { nil: undefined },
  ),
  objectives: fc.record({
    backup: fc.option(
      fc.integer({ min: 10, max: 20_000 }).map((minutes) => objective(minutes * MINUTE_MS)),
      { nil: undefined },
    ),
    proof: fc.option(
      fc.integer({ min: 1, max: 30 }).map((days) => objective(days * DAY_MS)),
      { nil: undefined },
    ),
  }),
  uncopiedAt: fc.option(past, { nil: undefined }),
});

describe('How long a word holds by itself', () => {
  it('is never longer than it does, whatever is known of a source', () => {
    const ahead = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(situations, ahead, fc.option(past, { nil: undefined }), (situation, percent, missedAt) => {
        const through = Math.min(holdThrough(situation, NOW), NOW + 60 * DAY_MS);
        assert.ok(through >= NOW);
        const word = judge(situation, NOW, missedAt);
        for (const at of [through, NOW + Math.floor(((through - NOW) * percent) / 100)])
          assert.deepEqual(judge(situation, at, missedAt), word, `at ${at - NOW} of ${through - NOW} ms`);
      }),
      { numRuns: 400 },
    );
  });

  const cases: readonly (readonly [string, SourceSituation, number, string])[] = [
    [
      'until its newest backup is older than its objective',
      situate({ objectives: { backup: objective(HOUR_MS) } }),
      NOW + HOUR_MS,
      'at_risk',
    ],
    [
      'until it is older than twice that',
      situate({ standing: standing(NOW - HOUR_MS - 1), objectives: { backup: objective(HOUR_MS) } }),
      NOW + HOUR_MS - 1,
      'unprotected',
    ],
    ['until a week and its grace have passed without a run by hand', situate({}), NOW + 7 * DAY_MS + 8.4 * HOUR_MS, 'at_risk'],
    ['until the second copy is late', situate({ uncopiedAt: NOW - HOUR_MS }), NOW + HOUR_MS, 'at_risk'],
    [
      'until its newest proof is too old',
      situate({
        objectives: { proof: objective(DAY_MS) },
        proof: { source: source.id, proven: drill(NOW - HOUR_MS), newest: drill(NOW - HOUR_MS) },
      }),
      NOW + 23 * HOUR_MS,
      'at_risk',
    ],
  ];
  for (const [name, situation, through, next] of cases)
    it(name, () => {
      assert.equal(holdThrough(situation, NOW), through);
      const before = judge(situation, NOW).status;
      assert.equal(judge(situation, through).status, before);
      assert.notEqual(before, next);
      assert.equal(judge(situation, through + 1).status, next);
    });

  it('until just before the next fire of any of its plans, since a schedule may promise something else from then on', () => {
    const [nextAt = 0] = listNextFires(schedule('*/15 * * * *'), NOW, 1);
    assert.equal(holdThrough(situate({ plans: [plan('0 2 * * *'), plan('*/15 * * * *')] }), NOW), nextAt - 1);
  });

  it('is for ever where there is no backup, no proof and no schedule', () => {
    assert.equal(holdThrough(situate({ standing: undefined }), NOW), Number.POSITIVE_INFINITY);
  });
});
