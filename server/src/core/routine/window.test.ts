import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBlackoutCalendar } from '@holdfast/shared/domain/blackout.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import fc from 'fast-check';
import { findOpening } from './window.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
/** A Friday. */
const NOON = Date.UTC(2026, 10, 20, 12);

describe('The next opening', () => {
  it('is now without windows, and inside one', () => {
    assert.equal(findOpening({ windows: [], zone: 'UTC' }, NOON), NOON);
    const windows = [{ from: '11:00', to: '13:00', days: [5] }];
    assert.equal(findOpening({ windows, zone: 'UTC' }, NOON), NOON);
  });

  it('is the beginning of the nearest window, over midnight and over the week', () => {
    const open = (from: string, to: string, days: number[], at = NOON) =>
      findOpening({ windows: [{ from, to, days }], zone: 'UTC' }, at);
    assert.equal(open('22:00', '06:00', EVERY_DAY), NOON + 10 * HOUR);
    assert.equal(open('22:00', '06:00', EVERY_DAY, NOON - 7 * HOUR), NOON - 7 * HOUR);
    assert.equal(open('12:00', '13:00', [5], NOON + HOUR), NOON + 7 * 24 * HOUR);
    assert.equal(open('03:00', '04:00', [6]), NOON + 15 * HOUR);
  });

  it('goes by the clocks of the zone, and skips an hour that does not come', () => {
    const berlin = { windows: [{ from: '13:30', to: '14:00', days: EVERY_DAY }], zone: 'Europe/Berlin' };
    assert.equal(findOpening(berlin, NOON), NOON + HOUR / 2);
    const night = { windows: [{ from: '02:15', to: '02:45', days: EVERY_DAY }], zone: 'Europe/Berlin' };
    const before = Date.UTC(2026, 2, 28, 23, 30);
    assert.equal(findOpening(night, before), Date.UTC(2026, 2, 30, 0, 15));
  });

  it('equals a walk over the minutes, in any zone and over changes of its clocks', () => {
    const time = fc
      .integer({ min: 0, max: 95 })
      .map((q) => `${String(Math.floor(q / 4)).padStart(2, '0')}:${String((q % 4) * 15).padStart(2, '0')}`);
    const window = fc
      .record({ from: time, to: time, days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }) })
      .filter(({ from, to }) => from !== to);
    const at = fc.integer({ min: 0, max: 365 * 24 * 4 }).map((quarters) => Date.UTC(2026, 0, 1) + quarters * 15 * MINUTE);
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York');
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 3 }), at, zones, (windows, from, zone) => {
        const calendar = createBlackoutCalendar(windows, openZone(zone));
        let walked = from;
        while (calendar.findClear(walked) === walked) walked += 15 * MINUTE;
        assert.equal(findOpening({ windows, zone }, from), walked);
      }),
      { numRuns: 60, seed: 14 },
    );
  });
});
