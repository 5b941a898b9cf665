import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { type PlanOptions, planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import { computeSpreadMs } from '@holdfast/shared/domain/spread.ts';
import fc from 'fast-check';
import { listNextFires } from '../../fires/fires.ts';
import type { FireRun, OwedFire } from '../../store/fires.ts';
import { judgeFires, listOwedFires, type OwingPlan } from './fires.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 10, 20);
const HOST = 'host_a' as HostId;
const calendar = { listFires: listNextFires };

function makePlan(cron: string, options: Partial<PlanOptions> = {}): OwingPlan {
  return { id: 'plan_a' as PlanId, schedule: { cron, zone: 'UTC' }, options: planOptionsSchema.parse(options) };
}

const hoursOf = (fires: readonly OwedFire[], key: keyof OwedFire) => fires.map((fire) => (fire[key] - START) / HOUR);

describe('the fires a plan owes', () => {
  it('are due for a decision when their grace is over, and the next one says when that is', () => {
    const plan = makePlan('0 * * * *', { graceMinutes: 90 });
    const owed = listOwedFires(calendar, plan, HOST, { after: START, now: START + 5 * HOUR, max: 50 });
    assert.deepEqual(hoursOf(owed.due, 'fireAt'), [1, 2, 3]);
    assert.deepEqual(hoursOf(owed.due, 'deadlineAt'), [2.5, 3.5, 4.5]);
    assert.equal(owed.next?.deadlineAt, START + 5.5 * HOUR);
  });

  it('come in parts when there are many', () => {
    const plan = makePlan('* * * * *', { graceMinutes: 1 });
    let after = START;
    const seen: number[] = [];
    for (let turn = 0; turn < 9; turn += 1) {
      const owed = listOwedFires(calendar, plan, HOST, { after, now: START + 5 * HOUR, max: 40 });
      seen.push(...owed.due.map((fire) => fire.fireAt));
      after = seen.at(-1) ?? after;
    }
    assert.equal(seen.length, 299);
    assert.ok(seen.every((at, index) => at === START + (index + 1) * MINUTE));
  });

  it('are due later by the host’s part of the spread', () => {
    const plan = makePlan('0 3 * * *', { spreadMinutes: 60, graceMinutes: 10 });
    const spread = computeSpreadMs(HOST, plan.id, 60);
    assert.ok(spread > 0);
    const [fire] = listOwedFires(calendar, plan, HOST, { after: START, now: START + 9 * HOUR, max: 9 }).due;
    assert.deepEqual(fire, {
      fireAt: START + 3 * HOUR,
      dueAt: START + 3 * HOUR + spread,
      deadlineAt: START + 3 * HOUR + spread + 10 * MINUTE,
    });
  });

  it('that a blackout window brings to one instant are one, the newest', () => {
    const blackouts = [{ from: '02:30', to: '06:00', days: [0, 1, 2, 3, 4, 5, 6] }];
    const plan = makePlan('0 * * * *', { graceMinutes: 240, blackouts });
    const owed = listOwedFires(calendar, plan, HOST, { after: START, now: START + 12 * HOUR, max: 9 });
    assert.deepEqual(hoursOf(owed.due, 'fireAt'), [1, 2, 6, 7, 8]);
    const busy = makePlan('* * * * *', {
      graceMinutes: 600,
      blackouts: [{ from: '00:00', to: '08:00', days: [0, 1, 2, 3, 4, 5, 6] }],
    });
    assert.equal(listOwedFires(calendar, busy, HOST, { after: START - 1, now: START, max: 9 }).next?.fireAt, START + 8 * HOUR);
  });

  it('are owed also when windows keep them back for ever, so that somebody hears of it', () => {
    const plan = makePlan('0 3 * * *', {
      graceMinutes: 30,
      blackouts: [{ from: '00:00', to: '24:00', days: [0, 1, 2, 3, 4, 5, 6] }],
    });
    const owed = listOwedFires(calendar, plan, HOST, { after: START, now: START + 24 * HOUR, max: 9 });
    assert.deepEqual(hoursOf(owed.due, 'deadlineAt'), [3.5]);
  });
});

const fire = (hours: number): OwedFire => ({
  fireAt: START + hours * HOUR,
  dueAt: START + hours * HOUR,
  deadlineAt: START + (hours + 2) * HOUR,
});
const run = (fireHours: number, createdHours = fireHours): FireRun => ({
  id: 'run_a' as RunId,
  fireAt: START + fireHours * HOUR,
  createdAt: START + createdHours * HOUR,
});

const VERDICTS: readonly (readonly [
  string,
  readonly FireRun[],
  boolean,
  number | undefined,
  number | undefined,
  readonly number[],
  number | undefined,
])[] = [
  ['a fire with its run is kept, whatever the host has to tell', [run(1), run(2)], true, undefined, 2, [], undefined],
  ['a run that came days late still answers its fire', [run(1, 90), run(2, 91)], false, undefined, 2, [], undefined],
  ['nothing is decided while the host has something to tell', [], true, undefined, undefined, [], 1],
  ['what the host told before the deadline decides nothing', [], true, 2.9, undefined, [], 1],
  ['without a run the fire is missed once all is told', [], true, 4, 2, [1, 2], undefined],
  ['only what was told of is decided', [], true, 3, 1, [1], 2],
  ['a later run within the grace stands for it', [run(2, 3)], true, undefined, 2, [], undefined],
  ['a later run after the grace stands for nothing', [run(2, 3.1)], true, 4, 2, [1], undefined],
  ['without catching up no run stands for another fire', [run(2)], false, 4, 2, [1], undefined],
  ['a run of a fire before it stands for nothing', [run(0, 2.5)], true, 4, 2, [1, 2], undefined],
];

describe('the judgement of fires', () => {
  for (const [title, runs, catchUp, toldHours, settled, missed, unknown] of VERDICTS) {
    it(title, () => {
      const toldThrough = toldHours === undefined ? undefined : START + toldHours * HOUR;
      const judged = judgeFires([fire(1), fire(2)], runs, { catchUp, toldThrough });
      assert.deepEqual(hoursOf(judged.missed, 'fireAt'), missed);
      assert.equal(judged.settledThrough, settled === undefined ? undefined : START + settled * HOUR);
      assert.equal(judged.unknown?.fireAt, unknown === undefined ? undefined : START + unknown * HOUR);
    });
  }

  it('never misses a fire that has a run and decides each at most once, whatever comes in which order', () => {
    const hour = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(hour, hour), { maxLength: 12 }),
        fc.boolean(),
        fc.option(hour, { nil: undefined }),
        (pairs, catchUp, told) => {
          const runs = pairs.map(([at, delay]) => run(at, at + delay));
          const due = [1, 2, 3, 5, 8, 9].map(fire);
          const toldThrough = told === undefined ? undefined : START + told * HOUR;
          const judged = judgeFires(due, runs, { catchUp, toldThrough });
          const answered = new Set(runs.map((one) => one.fireAt));
          for (const one of judged.missed) {
            assert.ok(!answered.has(one.fireAt));
            assert.ok(toldThrough !== undefined && toldThrough >= one.deadlineAt);
            assert.ok(one.fireAt <= (judged.settledThrough ?? 0));
          }
          if (judged.unknown !== undefined) {
            assert.ok(!answered.has(judged.unknown.fireAt));
            assert.ok((judged.settledThrough ?? 0) < judged.unknown.fireAt);
          } else {
            assert.equal(judged.settledThrough, due.at(-1)?.fireAt);
          }
        },
      ),
    );
  });
});
