import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openDueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import type { Blackout, PlanOptions, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { HOST, makePlan, ScheduledHost, START } from './fixtures/scheduled-host.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const window = (from: string, to: string, days: number[] = EVERY_DAY): Blackout => ({ from, to, days });
const clockOf = (instant: number): string => new Date(instant).toISOString().slice(8, 16);
const spreadOf = (plan: SpecPlan): number =>
  openDueTimes({ ...plan, schedule: { cron: '* * * * *', zone: 'UTC' } }, HOST).spreadMs;

describe('When the fires of a plan begin on its host', () => {
  let stateDir: string;
  let host: ScheduledHost;
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'holdfast-beginnings-'));
    host = new ScheduledHost(stateDir);
  });
  afterEach(() => {
    host.crash();
    rmSync(stateDir, { recursive: true });
  });
  const run = (cron: string, options: Partial<PlanOptions>, hours: number): SpecPlan => {
    const plan = makePlan('a', cron, { options });
    host.plans = [plan];
    host.start();
    host.pass(hours * HOUR);
    return plan;
  };
  /** The plan's options change, and the scheduler is told. */
  const edit = (plan: SpecPlan, options: Partial<PlanOptions>): SpecPlan => {
    const edited = { ...plan, options: { ...plan.options, ...options } };
    host.plans = [edited];
    host.scheduler.refresh();
    return edited;
  };
  const restart = (offMs: number): void => {
    host.crash();
    host.clock.advance(offMs);
    host.boot();
  };
  /** Fire, instant at which it was acted on, and what it stands for. */
  const runs = () =>
    host.fired.map(
      ({ fireAt, at, late, skipped }) =>
        `${clockOf(fireAt)} at ${clockOf(at)}${late ? ' late' : ''}${skipped ? ` +${skipped}` : ''}`,
    );
  const misses = () => host.missed.map(({ fireAt, count, why, at }) => `${clockOf(fireAt)} x${count} ${why} at ${clockOf(at)}`);

  const table: [what: string, cron: string, options: Partial<PlanOptions>, hours: number, runs: string[], misses: string[]][] = [
    ['at the fire itself without spread and windows', '0 2 * * *', {}, 30, ['20T02:00 at 20T02:00', '21T02:00 at 21T02:00'], []],
    [
      'at the end of the window around the fire',
      '0 2 * * *',
      { blackouts: [window('01:00', '05:30')] },
      24,
      ['20T02:00 at 20T05:30'],
      [],
    ],
    [
      'at the end of a window over midnight',
      '0 2 * * *',
      { blackouts: [window('22:00', '03:00', [5])] },
      30,
      ['20T02:00 at 20T03:00', '21T02:00 at 21T02:00'],
      [],
    ],
    [
      'after windows that touch',
      '0 2 * * *',
      { blackouts: [window('01:00', '03:00'), window('03:00', '04:00')] },
      24,
      ['20T02:00 at 20T04:00'],
      [],
    ],
    [
      'once for all that waited, by the newest',
      '30 * * * *',
      { blackouts: [window('01:00', '05:00')] },
      6,
      ['20T00:30 at 20T00:30', '20T04:30 at 20T05:00 +3', '20T05:30 at 20T05:30'],
      [],
    ],
    [
      'once for those that waited and the fire of that very instant',
      '0 * * * *',
      { blackouts: [window('01:00', '05:00')] },
      6,
      ['20T00:00 at 20T00:00', '20T05:00 at 20T05:00 +4', '20T06:00 at 20T06:00'],
      [],
    ],
    [
      'also for a plan that catches nothing up, because a window is no outage',
      '0 2 * * *',
      { catchUp: false, blackouts: [window('01:00', '05:00')] },
      24,
      ['20T02:00 at 20T05:00'],
      [],
    ],
    [
      'at the very edge of the grace',
      '0 2 * * *',
      { graceMinutes: 180, blackouts: [window('01:00', '05:00')] },
      24,
      ['20T02:00 at 20T05:00'],
      [],
    ],
    [
      'never beyond the grace, which is told when the fire comes',
      '0 2 * * *',
      { graceMinutes: 179, blackouts: [window('01:00', '05:00')] },
      24,
      [],
      ['20T02:00 x1 blackout at 20T02:00'],
    ],
    [
      'never beyond the grace, while younger fires run',
      '0 * * * *',
      { graceMinutes: 60, blackouts: [window('01:00', '05:00')] },
      6,
      ['20T00:00 at 20T00:00', '20T05:00 at 20T05:00 +1', '20T06:00 at 20T06:00'],
      ['20T01:00 x1 blackout at 20T01:00', '20T02:00 x1 blackout at 20T02:00', '20T03:00 x1 blackout at 20T03:00'],
    ],
    [
      'never where windows cover the week',
      '0 2 * * *',
      { blackouts: [window('00:00', '24:00')] },
      48,
      [],
      ['20T02:00 x1 blackout at 20T02:00', '21T02:00 x1 blackout at 21T02:00'],
    ],
  ];
  for (const [what, cron, options, hours, expectedRuns, expectedMisses] of table) {
    it(`is ${what}`, () => {
      run(cron, options, hours);
      assert.deepEqual(runs(), expectedRuns);
      assert.deepEqual(misses(), expectedMisses);
      assert.ok(
        host.fired.every(({ at, dueAt }) => at - dueAt < 10),
        'not at the next tick',
      );
      assert.deepEqual(host.errors, []);
    });
  }

  it("is delayed by this host's part of the spread, while the run keeps the name of its fire", () => {
    const plan = run('0 * * * *', { spreadMinutes: 60 }, 5);
    const spreadMs = spreadOf(plan);
    assert.ok(spreadMs > MINUTE && spreadMs < HOUR);
    assert.deepEqual(
      host.fired.map(({ fireAt, at, late }) => [fireAt - START, Math.floor((at - fireAt - spreadMs) / 10), late]),
      [0, 1, 2, 3, 4].map((hour) => [hour * HOUR, 0, false]),
    );
  });

  it('is known before it comes, and after it came for the next one', () => {
    const plan = run('0 2 * * *', { spreadMinutes: 60, blackouts: [window('02:30', '04:00')] }, 0);
    const spreadMs = spreadOf(plan);
    const next = () => host.scheduler.nextFires().get(plan.id);
    const expected = spreadMs >= 30 * MINUTE ? START + 4 * HOUR : START + 2 * HOUR + spreadMs;
    for (const passMs of [0, 2 * HOUR + 5 * MINUTE]) {
      host.pass(passMs);
      assert.deepEqual(next(), { fireAt: START + 2 * HOUR, dueAt: expected });
    }
    host.pass(2 * HOUR);
    assert.equal(host.fired.length, 1);
    assert.equal(next()?.fireAt, START + 26 * HOUR);
  });

  it('is not asked of a plan of which nothing can begin', () => {
    const plan = run('0 2 * * *', { graceMinutes: 1, blackouts: [window('01:00', '05:00')] }, 1);
    assert.equal(host.scheduler.nextFires().get(plan.id), undefined);
  });

  describe('is neither lost nor doubled', () => {
    const spread = { spreadMinutes: 720 };
    const windows = { blackouts: [window('01:00', '09:00')] };
    for (const [what, options] of [
      ['spread', spread],
      ['window', windows],
      ['spread of a plan that catches nothing up', { ...spread, catchUp: false }],
      ['window of a plan that catches nothing up', { ...windows, catchUp: false }],
    ] as const) {
      it(`by restarts during the wait of a ${what}`, () => {
        const plan = run('0 2 * * *', options, 3);
        const dueAt = 'spreadMinutes' in options ? START + 2 * HOUR + spreadOf(plan) : START + 9 * HOUR;
        assert.ok(dueAt > START + 5 * HOUR, 'this host waits long enough for the case');
        for (let restarts = 0; restarts < 5; restarts += 1) {
          restart(MINUTE);
          host.pass(10 * MINUTE);
        }
        assert.deepEqual(runs(), []);
        host.pass(20 * HOUR);
        restart(MINUTE);
        host.pass(HOUR);
        assert.deepEqual(runs(), [`20T02:00 at ${clockOf(dueAt)}`]);
        assert.deepEqual(misses(), []);
      });
    }

    it('by a host that was off as it came due', () => {
      const plan = run('0 2 * * *', { spreadMinutes: 720 }, 3);
      restart(spreadOf(plan));
      host.pass(HOUR);
      assert.equal(host.fired.length, 1);
      assert.equal(host.fired[0]?.late, true);
    });

    it('by a host that comes back inside a window: what is late waits for its end too', () => {
      run('0 2 * * *', { blackouts: [window('08:00', '12:00')] }, 1);
      restart(8 * HOUR);
      assert.equal(host.scheduler.nextFires().get('plan_a' as PlanId)?.dueAt, START + 12 * HOUR);
      host.pass(8 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T12:00 late']);
      assert.deepEqual(misses(), []);
    });

    it('by a host that comes back inside a window that is longer than the grace', () => {
      run('0 2 * * *', { graceMinutes: 480, blackouts: [window('08:00', '12:00')] }, 1);
      restart(8 * HOUR);
      host.pass(8 * HOUR);
      assert.deepEqual(runs(), []);
      assert.deepEqual(misses(), ['20T02:00 x1 blackout at 20T09:00']);
    });

    it('by a clock that is set back during the wait', () => {
      run('0 2 * * *', windows, 8);
      host.clock.set(host.clock.now() - 7 * HOUR);
      host.pass(12 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T09:00']);
    });

    it('by a clock that is set back after it was acted on', () => {
      run('0 2 * * *', windows, 10);
      host.clock.set(host.clock.now() - 9 * HOUR);
      host.pass(12 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T09:00']);
    });

    it('by a disk that refuses writes during the wait and after it', () => {
      run('0 2 * * *', { graceMinutes: 400, ...windows }, 8);
      host.diskFull = true;
      host.pass(30 * HOUR);
      host.diskFull = false;
      host.pass(MINUTE);
      restart(MINUTE);
      assert.deepEqual(runs(), []);
      assert.deepEqual(misses(), ['20T02:00 x1 blackout at 20T02:00', '21T02:00 x1 blackout at 21T02:00']);
    });
  });

  describe('follows an edit of the plan', () => {
    const held = { blackouts: [window('01:00', '09:00')] };
    it('that takes the window away: what waited begins at once and is not late', () => {
      const plan = run('0 2 * * *', held, 5);
      edit(plan, { blackouts: [] });
      host.pass(20 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T05:00']);
    });

    it('that takes the window away, with a grace that has passed since the fire', () => {
      const plan = run('0 2 * * *', { ...held, graceMinutes: 430 }, 5);
      edit(plan, { blackouts: [], graceMinutes: 1, catchUp: false });
      host.pass(20 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T05:00']);
      assert.deepEqual(misses(), []);
    });

    it('that ends the spread: what waited begins at once', () => {
      const plan = run('0 2 * * *', { spreadMinutes: 720, graceMinutes: 30 }, 4);
      assert.ok(spreadOf(plan) > 2 * HOUR);
      edit(plan, { spreadMinutes: 0 });
      host.pass(20 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T04:00']);
    });

    it('that gives more grace to a fire that was to be missed', () => {
      const plan = run('0 2 * * *', { spreadMinutes: 720, graceMinutes: 1, blackouts: [window('03:00', '20:00')] }, 2.5);
      edit(plan, { graceMinutes: 1440 });
      host.pass(20 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T20:00']);
      assert.deepEqual(misses(), []);
    });

    it('that makes the window longer, as often as it is made longer', () => {
      let plan = run('0 2 * * *', held, 8);
      for (const end of ['10:00', '11:00', '12:00']) {
        plan = edit(plan, { blackouts: [window('01:00', end)] });
        host.pass(HOUR);
      }
      host.pass(4 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T12:00']);
    });

    it('that leaves no time to begin within the grace: it is told', () => {
      const plan = run('0 2 * * *', held, 5);
      edit(plan, { graceMinutes: 10 });
      host.pass(20 * HOUR);
      assert.deepEqual(runs(), []);
      assert.deepEqual(misses(), ['20T02:00 x1 blackout at 20T05:00']);
    });

    it('that adds a spread or a window after the fire was acted on: it is not acted on again', () => {
      const plan = run('0 2 * * *', {}, 3);
      const spread = edit(plan, { spreadMinutes: 720 });
      host.pass(HOUR);
      edit(spread, held);
      restart(MINUTE);
      host.pass(18 * HOUR);
      assert.deepEqual(runs(), ['20T02:00 at 20T02:00']);
    });

    it('of what was late all the same: it stays late', () => {
      const plan = run('0 2 * * *', { blackouts: [window('08:00', '12:00')] }, 1);
      restart(8 * HOUR);
      edit(plan, { blackouts: [] });
      assert.deepEqual(runs(), ['20T02:00 at 20T09:00 late']);
    });
  });
});
