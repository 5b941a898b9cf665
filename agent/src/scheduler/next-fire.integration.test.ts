import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import fc from 'fast-check';
import { computeNextFire, listFires } from './next-fire.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (text: string): number => Date.parse(text);
const iso = (instants: readonly number[]): string[] => instants.map((instant) => new Date(instant).toISOString().slice(0, 16));

function list(cron: string, zone: string, from: string, through: string): string[] {
  return iso(listFires({ cron, zone }, at(from) - 1, at(through), 1000));
}

describe('computeNextFire', () => {
  const table: [string, string, string, string | undefined][] = [
    ['0 2 * * *', 'UTC', '2027-01-01T00:00:00Z', '2027-01-01T02:00'],
    ['0 2 * * *', 'UTC', '2027-01-01T02:00:00Z', '2027-01-02T02:00'],
    ['0 2 * * *', 'UTC', '2027-01-01T01:59:59.999Z', '2027-01-01T02:00'],
    ['0 2 * * *', 'UTC', '2027-01-01T02:00:00.001Z', '2027-01-02T02:00'],
    ['0 2 * * *', 'Europe/Berlin', '2027-01-01T00:00:00Z', '2027-01-01T01:00'],
    ['0 2 * * *', 'Asia/Kathmandu', '2027-01-01T00:00:00Z', '2027-01-01T20:15'],
    ['0 0 29 2 *', 'UTC', '2027-03-01T00:00:00Z', '2028-02-29T00:00'],
    ['0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', '2104-02-29T00:00'],
    ['0 0 31 * *', 'UTC', '2027-01-31T00:00:00Z', '2027-03-31T00:00'],
    ['0 0 31 2 *', 'UTC', '2027-01-01T00:00:00Z', undefined],
    ['0 0 30 2 *', 'Europe/Berlin', '2027-01-01T00:00:00Z', undefined],
    ['0 0 31 4,6,9,11 *', 'UTC', '2027-01-01T00:00:00Z', undefined],
    ['0 0 13 * 5', 'UTC', '2027-01-02T00:00:00Z', '2027-01-08T00:00'],
    ['0 0 * * 7', 'UTC', '2027-01-01T00:00:00Z', '2027-01-03T00:00'],
    ['0 0 L * *', 'UTC', '2027-02-01T00:00:00Z', '2027-02-28T00:00'],
    ['  0   2 * *\t* ', 'UTC', '2027-01-01T00:00:00Z', '2027-01-01T02:00'],
  ];
  for (const [cron, zone, after, expected] of table) {
    it(`finds ${expected ?? 'nothing'} after ${after} for "${cron}" in ${zone}`, () => {
      const found = computeNextFire({ cron, zone }, at(after));
      assert.equal(found === undefined ? undefined : new Date(found).toISOString().slice(0, 16), expected);
    });
  }

  it('refuses an expression or a zone that cannot be read', () => {
    for (const schedule of [
      { cron: '61 * * * *', zone: 'UTC' },
      { cron: '* * * *', zone: 'UTC' },
      { cron: '0 0 0 * * *', zone: 'UTC' },
      { cron: '5-1 * * * *', zone: 'UTC' },
      { cron: '0 2 * * *', zone: 'Mars/Olympus' },
    ]) {
      assert.throws(
        () => computeNextFire(schedule, 0),
        (error) => error instanceof AppError && error.code === 'invalid',
      );
    }
  });

  it('answers for impossible dates without a long search', () => {
    const before = process.cpuUsage().user;
    assert.equal(computeNextFire({ cron: '* * 31 2 *', zone: 'Europe/Berlin' }, at('2027-01-01T00:00:00Z')), undefined);
    assert.ok((process.cpuUsage().user - before) / 1000 < 500);
  });
});

describe('the nights on which clocks change', () => {
  it('a daily 02:30 is due at 03:00 on the night without 02:30, and the next night at 02:30 again', () => {
    assert.deepEqual(list('30 2 * * *', 'Europe/Berlin', '2027-03-27T00:00Z', '2027-03-29T23:00Z'), [
      '2027-03-27T01:30',
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ]);
  });
  it('a daily 02:30 is due once, the first time, on the night with two', () => {
    assert.deepEqual(list('30 2 * * *', 'Europe/Berlin', '2027-10-30T22:00Z', '2027-10-31T22:00Z'), ['2027-10-31T00:30']);
  });
  it('several times in the gap make one fire at its end', () => {
    assert.deepEqual(list('0,20,40 2,3 * * *', 'Europe/Berlin', '2027-03-28T00:00Z', '2027-03-28T04:00Z'), [
      '2027-03-28T01:00',
      '2027-03-28T01:20',
      '2027-03-28T01:40',
    ]);
  });
  it('a gap that ends at midnight moves the fire to the next day', () => {
    assert.deepEqual(list('30 23 * * *', 'America/Nuuk', '2027-03-27T12:00Z', '2027-03-29T12:00Z'), [
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ]);
  });
  it('a schedule of every hour keeps its interval through both nights', () => {
    for (const [from, through] of [
      ['2027-03-27T20:00Z', '2027-03-28T06:00Z'],
      ['2027-10-30T20:00Z', '2027-10-31T06:00Z'],
    ] as const) {
      for (const cron of ['0 * * * *', '*/20 * * * *', '* * * * *', '0 0-23 * * *']) {
        const fires = listFires({ cron, zone: 'Europe/Berlin' }, at(from) - 1, at(through), 1000);
        const step = (fires[1] ?? 0) - (fires[0] ?? 0);
        assert.equal(fires.length, (at(through) - at(from)) / step + 1);
        assert.ok(fires.every((fire, index) => index === 0 || fire - (fires[index - 1] ?? 0) === step));
      }
    }
  });
  it('finds the same fires whatever instant of the fold it starts from', () => {
    const schedule = { cron: '*/15 * * * *', zone: 'Europe/Berlin' };
    const end = at('2027-10-31T03:00Z');
    const all = listFires(schedule, at('2027-10-30T22:00Z') - 1, end, 1000);
    for (const start of all) {
      assert.deepEqual(
        listFires(schedule, start, end, 1000),
        all.filter((fire) => fire > start),
      );
    }
  });
});

describe('every time zone', () => {
  it('agrees with a reading of the clock in every zone around every change of 2026 and 2027', () => {
    let changes = 0;
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const read = createClockReading(zone);
      for (const change of findChanges(read)) {
        changes += 1;
        const from = change - 36 * HOUR;
        const through = change + 36 * HOUR;
        const instants = Array.from({ length: (through - from) / (15 * MINUTE) + 1 }, (_, index) => from + index * 15 * MINUTE);
        const readings = instants.map((instant) => ({ instant, text: read(instant) }));
        const hourly = readings.filter(({ text }) => text.endsWith(':00')).map(({ instant }) => instant);
        assert.deepEqual(iso(listFires({ cron: '0 * * * *', zone }, from - 1, through, 1000)), iso(hourly), `hourly in ${zone}`);
        const daily = readDaily(readings, '02:30');
        assert.deepEqual(
          iso(listFires({ cron: '30 2 * * *', zone }, (daily[0] ?? 0) - 1, daily.at(-1) ?? 0, 1000)),
          iso(daily),
          `daily in ${zone}`,
        );
      }
    }
    assert.ok(changes > 400, `only ${changes} changes were found`);
  });

  it('lists rising fires without a gap between pages, for any schedule', () => {
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Africa/Cairo',
      'UTC',
      'America/Nuuk',
    );
    const minute = fc.oneof(fc.constant('*'), fc.nat(59).map(String), fc.constantFrom('*/7', '0,30', '5-25/10'));
    const hour = fc.oneof(fc.constant('*'), fc.nat(23).map(String), fc.constantFrom('*/2', '0-5', '1,2,3', '22,23,0'));
    fc.assert(
      fc.property(minute, hour, zones, fc.nat(700 * 24), (minutes, hours, zone, start) => {
        const schedule = { cron: `${minutes} ${hours} * * *`, zone };
        const from = at('2026-01-01T00:00Z') + start * HOUR;
        const all = listFires(schedule, from, from + 2 * DAY, 5000);
        const paged: number[] = [];
        for (let next = computeNextFire(schedule, from); next !== undefined && next <= from + 2 * DAY; ) {
          paged.push(next);
          if (paged.length >= 40) break;
          next = computeNextFire(schedule, next);
        }
        assert.deepEqual(paged, all.slice(0, paged.length));
        assert.ok(all.every((fire, index) => fire > (all[index - 1] ?? from) && fire % MINUTE === 0));
      }),
      { numRuns: 150 },
    );
  });
});

/** What a clock on the wall shows, as `YYYY-MM-DD HH:MM`. */
function createClockReading(zone: string): (instant: number) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  return (instant) => format.format(instant);
}

/** The instants of 2026 and 2027 (to 15 minutes) at which a clock on the wall jumps. */
function findChanges(read: (instant: number) => string): number[] {
  const shift = (instant: number) => Date.parse(`${read(instant).replace(' ', 'T')}Z`) - instant;
  const found: number[] = [];
  for (let day = at('2026-01-01T00:00Z'); day < at('2028-01-01T00:00Z'); day += DAY) {
    if (shift(day) === shift(day + DAY)) continue;
    let instant = day;
    while (shift(instant) === shift(day)) instant += 15 * MINUTE;
    found.push(instant);
  }
  return found;
}

/** For each whole day that is read: the first instant that shows the time, or the first that shows a later one. */
function readDaily(readings: readonly { instant: number; text: string }[], time: string): number[] {
  const days = [...new Set(readings.map(({ text }) => text.slice(0, 10)))].slice(1, -1);
  return days.map((day) => {
    const wanted = `${day} ${time}`;
    const shown = readings.find(({ text }) => text === wanted) ?? readings.find(({ text }) => text > wanted);
    return shown?.instant ?? Number.NaN;
  });
}
