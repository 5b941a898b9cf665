import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { DAY_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import { startTimeLimit } from './time-limit.ts';

const START = Date.UTC(2026, 10, 22, 2);
const MINUTES = 60;

/** The limit of a run that was started at `START`, on a host whose clock shows `now`, and what its timer was set to. */
function openLimit(now: number) {
  const clock = createFixedClock(now);
  const waits: number[] = [];
  let callback: (() => void) | undefined;
  const setTimer = (ms: number, onTime: () => void) => {
    waits.push(ms);
    callback = onTime;
    return () => undefined;
  };
  const limit = startTimeLimit({ clock, setTimer }, START, MINUTES, new AbortController().signal);
  return { clock, limit, waits, ring: () => callback?.() };
}

describe('The time limit of a run', () => {
  it('goes by a clock that does not jump, whatever the one on the wall is set to meanwhile', () => {
    const { clock, limit, waits, ring } = openLimit(START);
    assert.deepEqual(waits, [MINUTES * MINUTE_MS]);
    clock.advance(30 * MINUTE_MS);
    for (const wall of [clock.now(), START + 365 * DAY_MS, START - 365 * DAY_MS]) {
      clock.set(wall);
      assert.deepEqual([limit.allows(29 * MINUTE_MS), limit.allows(30 * MINUTE_MS)], [true, false]);
    }
    assert.equal(limit.signal.aborted, false);
    ring();
    assert.equal(limit.signal.aborted, true);
  });

  it('has what is left of it after a restart: never more than the whole, and nothing where all of it has passed', () => {
    const leftAt = (now: number) => openLimit(now).waits;
    assert.deepEqual(leftAt(START + 20 * MINUTE_MS), [40 * MINUTE_MS]);
    assert.deepEqual(leftAt(START - DAY_MS), [MINUTES * MINUTE_MS]);
    assert.deepEqual(leftAt(START + DAY_MS), [0]);
  });
});
