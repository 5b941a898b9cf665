import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DRAIN } from '../limits.ts';
import { drainMinutesSchema, isDraining } from './drain.ts';

const NOON = Date.UTC(2027, 2, 20, 12);
const HOUR = 3_600_000;

describe('A drain', () => {
  it('holds until its end, and not at it', () => {
    const drain = { since: NOON, until: NOON + 2 * HOUR };
    assert.equal(isDraining(drain, NOON), true);
    assert.equal(isDraining(drain, NOON + 2 * HOUR - 1), true);
    assert.equal(isDraining(drain, NOON + 2 * HOUR), false);
    assert.equal(isDraining(undefined, NOON), false);
  });

  it('holds on a host whose clock is a little behind, and never on one that would keep it longer than any drain lasts', () => {
    const longest = { since: NOON, until: NOON + DRAIN.minutesMax * 60_000 };
    assert.equal(isDraining(longest, NOON - DRAIN.clockApartMs), true);
    assert.equal(isDraining(longest, NOON - DRAIN.clockApartMs - 1), false);
    assert.equal(isDraining({ since: NOON, until: NOON + HOUR }, Date.UTC(1970, 0, 1)), false);
  });

  it('lasts a minute at least and seven days at most', () => {
    for (const [minutes, fits] of [
      [0, false],
      [1, true],
      [1.5, false],
      [7 * 24 * 60, true],
      [7 * 24 * 60 + 1, false],
    ] as const)
      assert.equal(drainMinutesSchema.safeParse(minutes).success, fits, String(minutes));
  });
});
