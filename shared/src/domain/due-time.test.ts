import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../errors.ts';
import { forecastBegins, openDueTimes, type TimedPlan } from './due-time.ts';
import { createFireWalk, type NextWall } from './fire-walk.ts';
import type { HostId, PlanId } from './ids.ts';
import type { Blackout } from './plan.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HOST = 'host_a' as HostId;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const at = (text: string): number => Date.parse(`2027-03-${text}Z`);
const iso = (instant: number): string => new Date(instant).toISOString().slice(8, 16);

const window = (from: string, to: string, days: number[] = EVERY_DAY): Blackout => ({ from, to, days });

/** Fires every so many minutes of the wall clock, from midnight on. */
const every = (minutes: number) => createFireWalk(() => everyWall(minutes)).walkFires;
function everyWall(minutes: number): NextWall {
  const step = minutes * MINUTE;
  return (wall) => Math.floor(wall / step + 1) * step;
}

function makePlan(options: Partial<TimedPlan['options']>, zone = 'UTC'): TimedPlan {
  return {
    id: 'plan_a' as PlanId,
    schedule: { cron: '0 * * * *', zone },
    options: { graceMinutes: 1440, spreadMinutes: 0, blackouts: [], ...options },
  };
}

describe('When a fire begins', () => {
  it('is its own time for a plan without spread and windows', () => {
    assert.equal(openDueTimes(makePlan({}), HOST).findDueAt(at('20T02:00')), at('20T02:00'));
  });

  it('is moved by the spread first and out of the windows then', () => {
    const times = openDueTimes(makePlan({ spreadMinutes: 60, blackouts: [window('02:10', '05:00')] }), HOST);
    assert.ok(times.spreadMs > 10 * MINUTE && times.spreadMs < HOUR, 'this host waits long enough for the case');
    assert.equal(times.findDueAt(at('20T02:00')), at('20T05:00'));
    assert.equal(times.findDueAt(at('20T05:00')), at('20T05:00') + times.spreadMs);
  });

  it('is never when a window keeps it back for longer than the grace, counted from where the spread put it', () => {
    const blackouts = [window('02:00', '03:00')];
    assert.equal(openDueTimes(makePlan({ blackouts, graceMinutes: 60 }), HOST).findDueAt(at('20T02:00')), at('20T03:00'));
    assert.equal(openDueTimes(makePlan({ blackouts, graceMinutes: 59 }), HOST).findDueAt(at('20T02:00')), undefined);
    const spread = openDueTimes(makePlan({ blackouts, graceMinutes: 1, spreadMinutes: 720 }), HOST);
    assert.ok(spread.spreadMs > HOUR);
    assert.equal(spread.findDueAt(at('20T02:00')), at('20T02:00') + spread.spreadMs, 'a spread may be longer than the grace');
  });

  it('is never when windows cover the week', () => {
    const times = openDueTimes(makePlan({ blackouts: [window('00:00', '24:00')], graceMinutes: 7 * 1440 }), HOST);
    assert.equal(times.findDueAt(at('20T02:00')), undefined);
  });

  it('is refused for a zone that cannot be read', () => {
    assert.throws(
      () => openDueTimes(makePlan({}, 'Mars/Olympus'), HOST),
      (error) => error instanceof AppError && error.code === 'invalid',
    );
  });
});

describe('The beginnings to come', () => {
  const forecast = (minutes: number, plan: TimedPlan, after: number, count = 3, firesAfter = 0) =>
    forecastBegins(every(minutes), plan.schedule, openDueTimes(plan, HOST), { after, firesAfter, count });
  const list = (...of: Parameters<typeof forecast>) =>
    forecast(...of).begins.map(({ dueAt, fireAt, standsFor }) => `${iso(dueAt)} ${iso(fireAt)} ${standsFor}`);

  it('are the fires themselves without spread and windows', () => {
    assert.deepEqual(list(60, makePlan({}), at('20T02:00')), [
      '20T03:00 20T03:00 0',
      '20T04:00 20T04:00 0',
      '20T05:00 20T05:00 0',
    ]);
  });

  it('hold a fire whose time has come and whose delay has not passed', () => {
    const plan = makePlan({ spreadMinutes: 120 });
    const { spreadMs } = openDueTimes(plan, HOST);
    assert.ok(spreadMs > 15 * MINUTE);
    const [first] = forecast(60, plan, at('20T02:10')).begins;
    assert.ok(first && first.dueAt - first.fireAt === spreadMs);
    assert.ok(first.dueAt > at('20T02:10') && first.dueAt <= at('20T03:10') && first.fireAt <= at('20T02:00'));
  });

  it('are one at the end of a window for all fires that waited there, named by the newest', () => {
    const plan = makePlan({ blackouts: [window('09:00', '12:00')] });
    for (const now of ['20T08:30', '20T09:00', '20T11:59']) {
      const [first, second, third] = list(60, plan, at(now), 3);
      const rest = now === '20T08:30' ? [first, second] : [first, second];
      assert.deepEqual(rest, ['20T12:00 20T12:00 3', '20T13:00 20T13:00 0'], now);
      assert.equal(third, '20T14:00 20T14:00 0');
    }
    assert.deepEqual(list(60, plan, at('20T12:00'), 1), ['20T13:00 20T13:00 0']);
  });

  it('remember fires that came up long before the present instant in the same window', () => {
    const plan = makePlan({ blackouts: [window('00:00', '24:00', [6, 0, 1])] });
    assert.deepEqual(list(1440, plan, at('22T23:00'), 1), ['23T00:00 23T00:00 1'], 'two fires are beyond the grace of a day');
    assert.deepEqual(
      forecast(1440, { ...plan, options: { ...plan.options, graceMinutes: 4 * 1440 } }, at('22T23:00'), 1).begins,
      [{ dueAt: at('23T00:00'), fireAt: at('23T00:00'), standsFor: 3 }],
    );
  });

  it('are not those of fires before the plan took effect', () => {
    const plan = makePlan({ blackouts: [window('09:00', '12:00')] });
    assert.deepEqual(list(60, plan, at('20T11:30'), 1, at('20T11:00')), ['20T12:00 20T12:00 0']);
  });

  it('leave out fires that windows keep back for too long, and name them', () => {
    const plan = makePlan({ graceMinutes: 60, blackouts: [window('09:00', '12:00')] });
    const { begins, missed } = forecast(60, plan, at('20T08:30'), 2);
    assert.deepEqual(
      begins.map(({ fireAt, standsFor }) => [iso(fireAt), standsFor]),
      [
        ['20T12:00', 1],
        ['20T13:00', 0],
      ],
    );
    assert.deepEqual(missed.map(iso), ['20T09:00', '20T10:00']);
  });

  it('say nothing of what windows had kept back for too long before the present instant', () => {
    const plan = makePlan({ graceMinutes: 60, blackouts: [window('09:00', '12:00')] });
    const { begins, missed } = forecast(30, plan, at('20T10:15'), 1);
    assert.deepEqual(begins, [{ dueAt: at('20T12:00'), fireAt: at('20T12:00'), standsFor: 2 }]);
    assert.deepEqual(missed.map(iso), ['20T10:30']);
  });

  it('end where nothing can ever begin, with the first fires that are missed', () => {
    const noon = makePlan({ graceMinutes: 1, blackouts: [window('23:00', '01:00')] });
    assert.deepEqual(forecast(1440, noon, at('20T12:00'), 3).begins, []);
    assert.deepEqual(forecast(1440, noon, at('20T12:00'), 3).missed.map(iso), ['21T00:00', '22T00:00', '23T00:00']);
    const never = makePlan({ blackouts: [window('00:00', '24:00')] });
    assert.deepEqual(forecast(1, never, at('20T12:00'), 2), {
      spreadMs: 0,
      begins: [],
      missed: [at('20T12:01'), at('20T12:02')],
    });
    assert.deepEqual(forecast(1, makePlan({}), 0, 0), { spreadMs: 0, begins: [], missed: [] });
  });

  it('agree with a reading of each fire by itself, whatever the options', () => {
    const time = fc.nat(23).map((hour) => `${String(hour).padStart(2, '0')}:00`);
    const windows = fc
      .tuple(time, time, fc.uniqueArray(fc.nat(6), { minLength: 1 }))
      .filter(([from, to]) => from !== to)
      .map(([from, to, days]) => window(from, to, days));
    const anyPlan = fc.record({
      graceMinutes: fc.constantFrom(1, 60, 600, 1440, 4320),
      spreadMinutes: fc.constantFrom(0, 1, 60, 720),
      blackouts: fc.array(windows, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(anyPlan, fc.constantFrom(15, 60, 720, 1440), fc.nat(14 * 24 * 4), (options, minutes, quarter) => {
        const plan = makePlan(options, 'Europe/Berlin');
        const times = openDueTimes(plan, HOST);
        const after = at('20T00:00') + quarter * 15 * MINUTE;
        const { begins } = forecastBegins(every(minutes), plan.schedule, times, { after, firesAfter: after - 9 * DAY, count: 4 });
        const expected = new Map<number, number[]>();
        for (const fireAt of every(minutes)(plan.schedule, after - 9 * DAY)) {
          const dueAt = times.findDueAt(fireAt);
          if (fireAt > after + 12 * DAY || expected.size > 4) break;
          if (dueAt !== undefined && dueAt > after) expected.set(dueAt, [...(expected.get(dueAt) ?? []), fireAt]);
        }
        // Fires behind the last that was read may begin with it; those before it are whole, as none begins before an earlier one.
        const wanted = [...expected].slice(0, Math.min(4, Math.max(0, expected.size - 1))).map(([dueAt, fires]) => ({
          dueAt,
          fireAt: fires.at(-1),
          standsFor: fires.length - 1,
        }));
        assert.deepEqual(begins.slice(0, wanted.length), wanted);
        assert.ok(begins.every(({ dueAt }, index) => dueAt > (begins[index - 1]?.dueAt ?? after)));
      }),
      { numRuns: 150 },
    );
  });
});
