import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { digest, HOST, makePlan, ScheduledHost, START } from './fixtures/scheduled-host.ts';
import { deriveRunId } from './run-id.ts';
import { createScheduler } from './scheduler.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the scheduler', () => {
  let stateDir: string;
  let host: ScheduledHost;
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'holdfast-scheduler-'));
    host = new ScheduledHost(stateDir);
  });
  afterEach(() => {
    host.crash();
    rmSync(stateDir, { recursive: true });
  });
  const times = () => host.fired.map(({ fireAt }) => new Date(fireAt).toISOString().slice(8, 16));

  it('fires within a few milliseconds of the time, not at the next tick', () => {
    host.plans = [makePlan('a', '7 * * * *')];
    host.start();
    host.pass(2 * HOUR);
    assert.deepEqual(times(), ['20T00:07', '20T01:07']);
    for (const { at, fireAt, late, skipped } of host.fired) {
      assert.ok(at - fireAt < 10 && !late && skipped === 0);
    }
  });

  it('leaves alone disabled plans, plans without a schedule and fires before a plan took effect', () => {
    host.plans = [
      makePlan('off', '* * * * *', { enabled: false }),
      makePlan('by-hand', '* * * * *', { schedule: undefined }),
      makePlan('later', '0 * * * *', { effectiveFrom: START + 2 * HOUR }),
      makePlan('new', '0 * * * *', { effectiveFrom: START + 1 }),
    ];
    host.start();
    host.pass(3 * HOUR);
    assert.deepEqual(
      host.fired.map(({ plan }) => plan),
      ['plan_new', 'plan_later', 'plan_new', 'plan_later', 'plan_new'],
    );
  });

  it('runs a fire of the very instant at which the plan took effect', () => {
    host.plans = [makePlan('a', '0 0 * * *')];
    host.start();
    assert.deepEqual(times(), ['20T00:00']);
  });

  it('follows an edit at once when told, and at the next tick otherwise', () => {
    host.plans = [makePlan('a', '0 12 * * *')];
    host.start();
    host.plans = [makePlan('a', '5 * * * *', { effectiveFrom: START + MINUTE })];
    host.pass(6 * MINUTE);
    assert.deepEqual(times(), ['20T00:05']);
    host.plans = [makePlan('a', '10 * * * *', { effectiveFrom: START + 6 * MINUTE })];
    host.scheduler.refresh();
    assert.equal(host.scheduler.nextFires().get(host.plans[0]?.id as PlanId)?.fireAt, START + 10 * MINUTE);
    host.plans = [];
    host.scheduler.refresh();
    host.pass(DAY);
    assert.equal(host.fired.length, 1);
    assert.equal(host.scheduler.nextFires().size, 0);
  });

  it('catches up once, with the newest fire, after the host was off', () => {
    host.plans = [makePlan('a', '0 * * * *'), makePlan('b', '30 2 * * *')];
    host.start();
    host.pass(90 * MINUTE);
    host.crash();
    host.clock.advance(5 * HOUR);
    host.fired.length = 0;
    host.boot();
    assert.deepEqual(
      host.fired.map(({ plan, fireAt, late, skipped }) => [plan, (fireAt - START) / HOUR, late, skipped]),
      [
        ['plan_a', 6, true, 4],
        ['plan_b', 2.5, true, 0],
      ],
    );
    host.pass(40 * MINUTE);
    assert.equal(host.fired.length, 3);
  });

  it('catches up after sleep, when the wall clock moved and the monotonic one did not', () => {
    host.plans = [makePlan('a', '0 * * * *')];
    host.start();
    host.pass(30 * MINUTE);
    host.clock.set(host.clock.now() + 4 * HOUR);
    host.pass(15_000);
    assert.deepEqual(host.jumps, [4 * HOUR]);
    assert.deepEqual(times(), ['20T00:00', '20T04:00']);
    assert.ok(host.fired[1]?.late && host.fired[1].skipped === 3);
  });

  it('tells of fires beyond the grace and does not run them', () => {
    host.plans = [makePlan('weekly', '0 1 * * 0')];
    host.start();
    host.crash();
    host.clock.advance(3 * DAY);
    host.boot();
    host.pass(HOUR);
    assert.deepEqual(host.fired, []);
    assert.deepEqual(
      host.missed.map(({ at, ...missed }) => missed),
      [{ plan: 'plan_weekly', fireAt: Date.parse('2027-03-21T01:00Z'), count: 1, why: 'too_old' }],
    );
  });

  it('counts fires at the edge of the grace as within it only when they are younger', () => {
    for (const [offset, expected] of [
      [-1, 1],
      [0, 0],
    ] as const) {
      const plan = makePlan(`edge${offset + 1}`, '0 1 * * 6');
      host.plans = [plan];
      host.clock.set(START + HOUR + DAY + offset);
      host.scheduler.refresh();
      host.scheduler.tick();
      assert.equal(host.fired.filter((fired) => fired.plan === plan.id).length, expected);
    }
  });

  it('does not catch up for a plan that does not want it, but tells of it', () => {
    host.plans = [makePlan('a', '0 * * * *', { options: { catchUp: false } })];
    host.start();
    host.crash();
    host.clock.advance(3 * HOUR + 30 * MINUTE);
    host.boot();
    assert.equal(host.fired.length, 1);
    assert.deepEqual(
      host.missed.map(({ at, ...missed }) => missed),
      [{ plan: 'plan_a', fireAt: START + 3 * HOUR, count: 3, why: 'catch_up_off' }],
    );
    host.pass(HOUR);
    assert.equal(host.fired.length, 2);
  });

  it('never repeats a fire when the clock is set back, and goes on with those that were not due yet', () => {
    host.plans = [makePlan('a', '*/10 * * * *')];
    host.start();
    host.pass(2 * HOUR + MINUTE);
    const before = host.fired.length;
    host.clock.set(host.clock.now() - HOUR);
    host.pass(HOUR);
    assert.deepEqual(host.jumps, [-HOUR]);
    assert.equal(host.fired.length, before);
    host.pass(30 * MINUTE);
    assert.equal(host.fired.length, before + 3);
    assert.equal(new Set(host.fired.map(({ fireAt }) => fireAt)).size, host.fired.length);
  });

  it('does not freeze after a clock that was a year ahead is put right', () => {
    host.plans = [makePlan('a', '0 * * * *')];
    host.start();
    host.pass(30 * MINUTE);
    host.clock.set(host.clock.now() + 365 * DAY);
    host.pass(MINUTE);
    host.clock.set(host.clock.now() - 365 * DAY);
    host.fired.length = 0;
    host.pass(3 * HOUR);
    assert.deepEqual(times(), ['20T01:00', '20T02:00', '20T03:00']);
  });

  it('repeats a fire whose run could not be recorded, and makes exactly one run of it', () => {
    host.plans = [makePlan('a', '0 12 * * *'), makePlan('b', '0 12 * * *')];
    host.start();
    let left = 3;
    host.onRecorded = () => {
      left -= 1;
      if (left >= 0) throw new Error('cut in the middle');
    };
    host.pass(13 * HOUR);
    assert.equal(host.errors.length, 3);
    assert.deepEqual(host.fired.map(({ plan }) => plan).sort(), ['plan_a', 'plan_b']);
    assert.equal(host.journal.runs.listOpen().length, 2);
  });

  it('reports a schedule that cannot be read once, and goes on with the others', () => {
    host.plans = [
      { ...makePlan('bad', '0 * * * *'), schedule: { cron: '61 * * * *', zone: 'UTC' } },
      makePlan('good', '30 * * * *'),
    ];
    host.start();
    host.pass(HOUR);
    assert.equal(host.errors.length, 1);
    assert.deepEqual(
      host.fired.map(({ plan }) => plan),
      ['plan_good'],
    );
  });

  it('has no next fire of a schedule that cannot be read or never comes, and looks at it no more', () => {
    host.plans = [
      { ...makePlan('bad', '0 * * * *'), schedule: { cron: '61 * * * *', zone: 'UTC' } },
      makePlan('never', '0 0 31 2 *'),
      makePlan('good', '30 * * * *'),
    ];
    host.start();
    host.pass(HOUR);
    assert.deepEqual([...host.scheduler.nextFires().keys()], ['plan_good']);
  });

  it('fires nothing before there is a spec, and nothing after it was stopped; started twice it fires once', () => {
    const fires: number[] = [];
    let isKnown = false;
    let due: (() => void) | undefined;
    const scheduler = createScheduler({
      clock: host.clock,
      fires: host.journal.fires,
      transact: (effects) => host.journal.transact(effects),
      isUnwritable: () => false,
      plans: () => [makePlan('a', '* * * * *')],
      host: () => (isKnown ? HOST : undefined),
      onFire: (_plan, fireAt) => void fires.push(fireAt),
      onMissed: () => undefined,
      onJump: () => undefined,
      onError: (_plan, error) => assert.fail(String(error)),
      setTimer: (_ms, callback) => {
        assert.equal(due, undefined, 'one timer at a time');
        due = callback;
        return () => {
          due = undefined;
        };
      },
    });
    const wake = () => {
      const callback = due;
      due = undefined;
      host.clock.advance(MINUTE);
      callback?.();
    };
    scheduler.start();
    scheduler.start();
    wake();
    assert.deepEqual([fires, scheduler.nextFires().size], [[], 0]);
    isKnown = true;
    wake();
    wake();
    assert.deepEqual(fires, [START + 2 * MINUTE, START + 3 * MINUTE]);
    scheduler.stop();
    scheduler.stop();
    wake();
    scheduler.refresh();
    assert.equal(fires.length, 2);
  });

  it('goes on firing while the disk refuses writes, once each, and settles them when it takes writes again', () => {
    host.plans = [makePlan('a', '0 * * * *')];
    host.start();
    host.diskFull = true;
    host.pass(3 * HOUR + MINUTE);
    assert.deepEqual(times(), ['20T00:00', '20T01:00', '20T02:00', '20T03:00']);
    assert.equal(host.journal.fires.lastConsidered('plan_a' as PlanId), START);
    host.diskFull = false;
    host.pass(MINUTE);
    assert.equal(host.journal.fires.lastConsidered('plan_a' as PlanId), START + 3 * HOUR);
    host.crash();
    host.boot();
    host.pass(HOUR);
    assert.deepEqual(times().slice(4), ['20T04:00']);
  });
});

describe('fourteen days with twenty plans and random outages', () => {
  it('misses nothing within the grace, doubles nothing, and agrees with a reading of the calendar', () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-fortnight-'));
    const host = new ScheduledHost(stateDir);
    const random = createRandom(20270320);
    const patterns = makePatterns();
    host.plans = patterns.map(({ cron, zone }, index) => makePlan(`p${index}`, cron, { zone }));
    host.start();
    const outages: { from: number; until: number }[] = [];
    let cuts = 0;
    host.onRecorded = () => {
      if (random() < 0.03) {
        cuts += 1;
        throw new Error('cut before the commit');
      }
    };
    const end = START + 14 * DAY;
    while (host.clock.now() < end) {
      host.pass(Math.floor(random() * 20 * HOUR));
      if (host.clock.now() >= end) break;
      const from = host.clock.now();
      host.crash();
      host.clock.advance(Math.floor(random() ** 2 * 20 * HOUR));
      host.boot();
      // Whatever was cut before its commit is tried again at the next ticks.
      host.pass(2 * MINUTE);
      outages.push({ from, until: host.clock.now() });
    }
    host.onRecorded = () => undefined;
    host.pass(MINUTE);
    const through = host.clock.now();

    for (const [index, pattern] of patterns.entries()) {
      const plan = `plan_p${index}`;
      const due = readCalendar(pattern, START, through);
      const runs = host.fired.filter((fired) => fired.plan === plan);
      const ran = new Set(runs.map(({ fireAt }) => fireAt));
      assert.equal(ran.size, runs.length, `${plan} ran a fire twice`);
      assert.deepEqual(
        [...ran].filter((at) => !due.includes(at)),
        [],
        `${plan} ran what was not due`,
      );
      for (const at of due.filter((fire) => !ran.has(fire))) {
        const outage = outages.find(({ from, until }) => at > from && at <= until);
        assert.ok(outage, `${plan} missed ${new Date(at).toISOString()} while the host was on`);
        const caughtUp = runs.find(({ fireAt }) => fireAt > at && fireAt <= outage.until);
        assert.ok(caughtUp && caughtUp.skipped > 0, `${plan} did not catch up ${new Date(at).toISOString()}`);
      }
      assert.equal(
        runs.reduce((sum, run) => sum + 1 + run.skipped, 0),
        due.length,
        `${plan} lost count`,
      );
    }
    assert.equal(host.journal.runs.listOpen().length, host.fired.length);
    assert.deepEqual(host.missed, []);
    assert.ok(outages.length > 15 && cuts > 10 && host.fired.length > 1000, `${outages.length} ${cuts} ${host.fired.length}`);
    host.crash();
    rmSync(stateDir, { recursive: true });
  });
});

describe('deriveRunId', () => {
  it('gives one id for one fire of one plan on one host, and another for anything else', () => {
    const plan = 'plan_a' as PlanId;
    const id = deriveRunId(plan, HOST, START, digest);
    assert.match(id, /^run_[0-9a-z]{26}$/);
    assert.equal(deriveRunId(plan, HOST, START, digest), id);
    const others = [
      deriveRunId('plan_b' as PlanId, HOST, START, digest),
      deriveRunId(plan, 'host_other' as HostId, START, digest),
      deriveRunId(plan, HOST, START + MINUTE, digest),
    ];
    assert.equal(new Set([id, ...others]).size, 4);
  });
});

interface Pattern {
  cron: string;
  zone: string;
  /** Whether a clock on the wall that shows this is at a fire. */
  shows(hour: number, minute: number, weekday: string): boolean;
}

function makePatterns(): Pattern[] {
  const zones = ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'];
  return Array.from({ length: 20 }, (_, index): Pattern => {
    const zone = zones[index % zones.length] ?? 'UTC';
    const minute = (index * 7) % 60;
    // Hours at which no clock of these zones changes in this fortnight.
    const hour = 4 + ((index * 5) % 19);
    if (index < 5) return { cron: `${minute} * * * *`, zone, shows: (_h, m) => m === minute };
    if (index < 7) return { cron: '*/30 * * * *', zone, shows: (_h, m) => m % 30 === 0 };
    if (index < 9) return { cron: `${minute} 6,12,18 * * *`, zone, shows: (h, m) => m === minute && [6, 12, 18].includes(h) };
    if (index < 12) {
      return { cron: `${minute} ${hour} * * 1-5`, zone, shows: (h, m, day) => m === minute && h === hour && !/^S/.test(day) };
    }
    return { cron: `${minute} ${hour} * * *`, zone, shows: (h, m) => m === minute && h === hour };
  });
}

function readCalendar({ zone, shows }: Pattern, from: number, through: number): number[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const found: number[] = [];
  for (let at = from; at <= through; at += MINUTE) {
    const match = /^(\w{3})\D+(\d{2}):(\d{2})$/.exec(format.format(at));
    assert.ok(match);
    if (shows(Number(match[2]), Number(match[3]), match[1] ?? '')) found.push(at);
  }
  return found;
}

/** A small generator with a seed, so that a failure can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
