import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { findCatchUpAt } from '@holdfast/shared/domain/spread.ts';
import { HOST, makePlan, ScheduledHost, START } from './fixtures/scheduled-host.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WINDOW = 10 * MINUTE;
const placeOf = (plan: string, now: number) => findCatchUpAt(HOST, `plan_${plan}` as PlanId, WINDOW, now);

describe('A host that comes back', () => {
  let stateDir: string;
  let host: ScheduledHost;
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'holdfast-catch-up-'));
    host = new ScheduledHost(stateDir, undefined, WINDOW);
  });
  afterEach(() => {
    host.crash();
    rmSync(stateDir, { recursive: true });
  });
  /** Off from 00:30 on; back after so long. */
  const beOff = (ms: number) => {
    host.start();
    host.pass(30 * MINUTE);
    host.crash();
    host.clock.advance(ms);
    host.fired.length = 0;
    host.boot();
  };

  it('catches its plans up one after another within ten minutes, each at its own moment and once', () => {
    const names = Array.from({ length: 40 }, (_, n) => `p${n}`);
    host.plans = names.map((name) => makePlan(name, '15 1 * * *'));
    beOff(72 * HOUR);
    const back = host.clock.now();
    assert.equal(host.fired.length, 0, 'nothing begins at the very return');
    host.pass(WINDOW);
    assert.equal(host.fired.length, names.length);
    for (const { plan, at, late, skipped, fireAt } of host.fired) {
      assert.deepEqual([late, skipped, fireAt], [true, 2, START + 2 * 24 * HOUR + 75 * MINUTE]);
      assert.equal(at, placeOf(plan.slice('plan_'.length), back), 'its own moment');
    }
    const minutes = new Map<number, number>();
    for (const { at } of host.fired)
      minutes.set(Math.floor((at - back) / MINUTE), (minutes.get(Math.floor((at - back) / MINUTE)) ?? 0) + 1);
    assert.ok(minutes.size >= 8 && Math.max(...minutes.values()) <= 12, JSON.stringify([...minutes]));
    host.pass(30 * MINUTE);
    assert.equal(host.fired.length, names.length);
  });

  it('says when it will, and finds the same moment again after a restart before it', () => {
    host.plans = [makePlan('a', '15 1 * * *')];
    beOff(5 * HOUR);
    const at = placeOf('a', host.clock.now());
    assert.deepEqual(host.scheduler.nextFires().get('plan_a' as PlanId), { fireAt: START + 75 * MINUTE, dueAt: at });
    host.pass((at - host.clock.now()) / 2);
    host.crash();
    host.boot();
    assert.equal(host.scheduler.nextFires().get('plan_a' as PlanId)?.dueAt, at);
    host.pass(at - host.clock.now() - 1);
    assert.equal(host.fired.length, 0);
    host.pass(1);
    assert.deepEqual(
      host.fired.map((fired) => fired.at),
      [at],
    );
  });

  it('begins a fire that comes due meanwhile on time, and it stands for those that wait', () => {
    host.plans = [makePlan('a', '0 * * * *')];
    // Back so shortly before a full hour that the plan's own moment lies after it.
    const at = placeOf('a', START + 5 * HOUR - 1000);
    assert.ok(at > START + 5 * HOUR);
    beOff(4 * HOUR + 30 * MINUTE - 1000);
    host.pass(2 * HOUR - MINUTE);
    assert.deepEqual(
      host.fired.map(({ at: began, late, skipped }) => [began - START, late, skipped]),
      [
        [5 * HOUR, false, 4],
        [6 * HOUR, false, 0],
      ],
    );
  });

  it('waits a tenth of a short grace at most, and not at all where waiting would cost the fire', () => {
    const options = { graceMinutes: 60 };
    // By the whole window some of so many would begin later.
    host.plans = Array.from({ length: 12 }, (_, n) => makePlan(`short${n}`, '15 1 * * *', { options }));
    beOff(65 * MINUTE);
    host.pass(6 * MINUTE);
    assert.equal(host.fired.length, 12);
    host.fired.length = 0;
    host.plans = [makePlan('edge', '15 1 * * *', { options, effectiveFrom: START + MINUTE })];
    host.crash();
    host.clock.set(START + 75 * MINUTE + HOUR - 1);
    host.boot();
    assert.deepEqual([host.fired.length, host.missed], [1, []]);
  });

  it('does not wait into a blackout window that outlasts the grace', () => {
    const blackouts = [{ from: '02:01', to: '12:00', days: [0, 1, 2, 3, 4, 5, 6] }];
    const options = { graceMinutes: 180, blackouts };
    // Of many plans some have their moment within the minute before the window, and the others begin at once.
    host.plans = Array.from({ length: 12 }, (_, n) => makePlan(`p${n}`, '15 1 * * *', { options }));
    beOff(90 * MINUTE);
    host.pass(MINUTE - 1);
    assert.deepEqual([host.fired.length, host.missed], [12, []]);
  });

  it('does not wait longer when the clock is set back meanwhile', () => {
    host.plans = [makePlan('a', '15 1 * * *')];
    beOff(5 * HOUR);
    host.clock.set(host.clock.now() - 2 * HOUR);
    host.pass(WINDOW + MINUTE);
    assert.equal(host.fired.length, 1);
  });

  it('tells fires of a plan that does not want to be caught up as missed, without waiting', () => {
    host.plans = [makePlan('a', '15 1 * * *', { options: { catchUp: false } })];
    beOff(5 * HOUR);
    assert.deepEqual([host.fired.length, host.missed.map(({ why }) => why)], [0, ['catch_up_off']]);
  });
});
