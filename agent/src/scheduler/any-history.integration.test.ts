import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { Blackout, PlanOptions, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import fc from 'fast-check';
import { HOST, makePlan, ScheduledHost, START } from './fixtures/scheduled-host.ts';
import { listFires } from './next-fire.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICK = MINUTE;
const CATCH_UP_WINDOW = 10 * MINUTE;
/** Nothing keeps a fire back: what waited begins. */
const PLAIN = { spreadMinutes: 0, blackouts: [], graceMinutes: 7 * 1440, catchUp: true };

/** What happens to a host. */
type Step =
  | { kind: 'pass'; ms: number }
  | { kind: 'off'; ms: number }
  | { kind: 'jump'; ms: number }
  | { kind: 'edit'; plan: number; options: Partial<PlanOptions> }
  /** So many runs are cut before their commit. */
  | { kind: 'cut'; times: number };

const hours = (least: number, most: number) =>
  fc.integer({ min: least * 60, max: most * 60 }).map((minutes) => minutes * MINUTE + 500);
const time = fc.nat(47).map((half) => `${String(Math.floor(half / 2)).padStart(2, '0')}:${half % 2 === 0 ? '00' : '30'}`);
const anyWindow = fc
  .record({ from: time, to: time, days: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 7 }) })
  .filter(({ from, to }) => from !== to);
const anyOptions = fc.record({
  catchUp: fc.boolean(),
  graceMinutes: fc.constantFrom(5, 90, 600, 1440, 4000),
  spreadMinutes: fc.constantFrom(0, 1, 45, 300),
  blackouts: fc.array(anyWindow, { maxLength: 2 }),
});
const anyPlan = fc.record({
  cron: fc.constantFrom('0 * * * *', '*/20 * * * *', '30 2 * * *', '0 */6 * * *', '15 8 * * 1-5'),
  zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York'),
  options: anyOptions,
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: hours(0, 15) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('off' as const), ms: hours(0, 40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('edit' as const), plan: fc.nat(2), options: anyOptions }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), times: fc.integer({ min: 1, max: 3 }) }) },
);
const anyJump: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('jump' as const), ms: hours(-60, 60) });
const anyPlans = fc.array(anyPlan, { minLength: 3, maxLength: 3 });

describe('Whatever happens to a host', () => {
  it('each fire is run once, stood for once or recorded as missed once, and nothing begins in a window or beyond the grace', () => {
    const steps = fc.array(anyStep, { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(anyPlans, steps, (plans, history) => {
        const life = live(plans, history);
        life.settle();
        for (const plan of life.plans()) {
          life.checkRuns(plan);
          assert.equal(life.countAccounted(plan), countFires(plan, START - 1, life.now()), `${plan.id} lost count`);
        }
        life.end();
      }),
      { numRuns: 25 },
    );
  });

  it('no fire becomes two runs while the clock jumps, none is lost, and all goes on afterwards', () => {
    const steps = fc.array(fc.oneof(anyStep, anyJump), { minLength: 3, maxLength: 10 });
    fc.assert(
      fc.property(anyPlans, steps, (plans, history) => {
        const life = live(plans, history);
        life.settle();
        for (const plan of life.plans()) {
          life.checkRuns(plan);
          assert.ok(life.countAccounted(plan) >= countFires(plan, START - 1, life.now()), `${plan.id} lost a fire`);
        }
        const latest = life.latest();
        life.host.pass(latest - life.now());
        const before = life.plans().map(life.countAccounted);
        life.host.pass(DAY);
        for (const [index, plan] of life.plans().entries()) {
          const fresh = life.countAccounted(plan) - (before[index] ?? 0);
          assert.equal(fresh, countFires(plan, latest, latest + DAY), `${plan.id} did not go on`);
        }
        life.end();
      }),
      { numRuns: 20 },
    );
  });
});

function live(made: readonly { cron: string; zone: string; options: Partial<PlanOptions> }[], history: readonly Step[]) {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
  const host = new ScheduledHost(stateDir, TICK, CATCH_UP_WINDOW);
  const { clock } = host;
  /** Plans as they were when each run was recorded. */
  const then = new Map<string, SpecPlan>();
  let cuts = 0;
  let latest = clock.now();
  host.plans = made.map(({ cron, zone, options }, index) => makePlan(`p${index}`, cron, { zone, options }));
  host.onRecorded = () => {
    if (cuts > 0) {
      cuts -= 1;
      throw new Error('cut before the commit');
    }
  };
  const noteRuns = () => {
    for (const { plan, fireAt } of host.fired) {
      const key = `${plan} ${fireAt}`;
      const now = host.plans.find(({ id }) => id === plan);
      if (!then.has(key) && now) then.set(key, now);
    }
    latest = Math.max(latest, clock.now());
  };
  const edit = (index: number, options: Partial<PlanOptions>) => {
    host.plans = host.plans.map((plan, place) =>
      place === index ? { ...plan, options: { ...plan.options, ...options } } : plan,
    );
  };
  const take = (step: Step): void => {
    if (step.kind === 'pass') host.pass(step.ms);
    else if (step.kind === 'cut') cuts += step.times;
    else if (step.kind === 'jump') {
      clock.set(Math.max(clock.now() + step.ms, START));
      latest = Math.max(latest, clock.now());
      host.pass(TICK);
    } else if (step.kind === 'off') {
      host.crash();
      clock.advance(step.ms);
      host.boot();
    } else {
      edit(step.plan, step.options);
      host.scheduler.refresh();
    }
    noteRuns();
  };
  host.start();
  noteRuns();
  for (const step of history) take(step);

  return {
    host,
    plans: () => host.plans,
    now: () => clock.now(),
    latest: () => latest,
    /** What was cut is tried again, then nothing is kept back any more. */
    settle(): void {
      host.pass(5 * TICK);
      noteRuns();
      cuts = 0;
      host.pass(2 * TICK + CATCH_UP_WINDOW);
      noteRuns();
      for (const index of host.plans.keys()) edit(index, PLAIN);
      host.scheduler.refresh();
      host.pass(2 * TICK + CATCH_UP_WINDOW);
      noteRuns();
    },
    countAccounted(plan: SpecPlan): number {
      const ran = host.fired.filter((fired) => fired.plan === plan.id).reduce((sum, { skipped }) => sum + 1 + skipped, 0);
      return host.missed.filter((missed) => missed.plan === plan.id).reduce((sum, { count }) => sum + count, ran);
    },
    checkRuns(plan: SpecPlan): void {
      const runs = host.fired.filter((fired) => fired.plan === plan.id);
      assert.equal(new Set(runs.map(({ fireAt }) => fireAt)).size, runs.length, `${plan.id} ran a fire twice`);
      for (const { fireAt, at, dueAt, late } of runs) {
        const { options } = then.get(`${plan.id} ${fireAt}`) ?? plan;
        const what = `${plan.id} ${new Date(fireAt).toISOString()} at ${new Date(at).toISOString()}`;
        assert.equal(countFires(plan, fireAt - 1, fireAt), 1, `${what}: no such fire`);
        assert.ok(at >= dueAt && dueAt >= fireAt + spreadOf(plan, options), `${what}: before its time`);
        assert.ok(at - dueAt < options.graceMinutes * MINUTE, `${what}: beyond the grace`);
        assert.ok(!isInside(options.blackouts, at, scheduleOf(plan).zone), `${what}: inside a window`);
        assert.equal(late, at - dueAt > 2 * MINUTE, `${what}: late`);
        assert.ok(options.catchUp || !late, `${what}: caught up against the plan's wish`);
      }
    },
    end(): void {
      // The tick repeats what was cut, and nothing else went wrong.
      assert.ok(host.errors.every((error) => error instanceof Error && /cut before/u.test(error.message)));
      assert.equal(host.journal.runs.listOpen().length, host.fired.length);
      host.crash();
      rmSync(stateDir, { recursive: true });
    },
  };
}

function scheduleOf(plan: SpecPlan): Schedule {
  assert.ok(plan.schedule);
  return plan.schedule;
}

function countFires(plan: SpecPlan, after: number, through: number): number {
  return listFires(scheduleOf(plan), after, through, 100_000).length;
}

function spreadOf(plan: SpecPlan, options: PlanOptions): number {
  return openDueTimes({ id: plan.id, schedule: scheduleOf(plan), options }, HOST).spreadMs;
}

/** Windows as a person with a clock on the wall reads them. */
function isInside(blackouts: readonly Blackout[], at: number, zone: string): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const [, name = '', clock = ''] = /^(\w{3})\D+(\d{2}:\d{2})$/u.exec(parts.format(at)) ?? [];
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(name);
  return blackouts.some(({ from, to, days }) => {
    if (from < to) return days.includes(day) && clock >= from && clock < to;
    return (days.includes(day) && clock >= from) || (days.includes((day + 6) % 7) && clock < to);
  });
}
