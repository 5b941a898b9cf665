import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { coversWeek, createBlackoutCalendar } from './blackout.ts';
import type { Blackout } from './plan.ts';
import { openZone } from './wall-time.ts';

const MINUTE = 60_000;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const window = (from: string, to: string, days: number[] = EVERY_DAY): Blackout => ({ from, to, days });
const at = (text: string): number => Date.parse(text);

function findClear(zone: string, blackouts: readonly Blackout[], text: string): string | undefined {
  const clear = createBlackoutCalendar(blackouts, openZone(zone)).findClear(at(text));
  return clear === undefined ? undefined : new Date(clear).toISOString().slice(0, 16);
}

describe('The end of a blackout window', () => {
  // 20 March 2027 is a Saturday.
  const table: [what: string, zone: string, blackouts: Blackout[], from: string, clear: string][] = [
    ['is the instant itself without a window', 'UTC', [], '2027-03-20T12:00Z', '2027-03-20T12:00'],
    [
      'comes after the last instant of the window',
      'UTC',
      [window('09:00', '17:00')],
      '2027-03-20T16:59:59.999Z',
      '2027-03-20T17:00',
    ],
    ['comes from the first instant of the window on', 'UTC', [window('09:00', '17:00')], '2027-03-20T09:00Z', '2027-03-20T17:00'],
    ['is not asked just before the window', 'UTC', [window('09:00', '17:00')], '2027-03-20T08:59Z', '2027-03-20T08:59'],
    ['is not asked at the end of the window', 'UTC', [window('09:00', '17:00')], '2027-03-20T17:00Z', '2027-03-20T17:00'],
    ['is read in the zone', 'Europe/Berlin', [window('09:00', '17:00')], '2027-03-20T08:00Z', '2027-03-20T16:00'],
    ['may be midnight', 'UTC', [window('22:00', '24:00')], '2027-03-20T23:00Z', '2027-03-21T00:00'],
    ['reaches over midnight', 'UTC', [window('22:00', '06:00', [6])], '2027-03-21T03:00Z', '2027-03-21T06:00'],
    ['is of the day on which the window began', 'UTC', [window('22:00', '06:00', [0])], '2027-03-21T03:00Z', '2027-03-21T03:00'],
    [
      'is that of the last of windows that touch',
      'UTC',
      [window('10:00', '12:00'), window('08:00', '10:00')],
      '2027-03-20T08:30Z',
      '2027-03-20T12:00',
    ],
    [
      'is that of the longest of windows that overlap',
      'UTC',
      [window('08:00', '20:00'), window('09:00', '10:00')],
      '2027-03-20T09:30Z',
      '2027-03-20T20:00',
    ],
    [
      'follows windows over the end of the week',
      'UTC',
      [window('00:00', '24:00', [5, 6, 0, 1])],
      '2027-03-19T01:00Z',
      '2027-03-23T00:00',
    ],
    [
      'comes at once where clocks leave it out',
      'Europe/Berlin',
      [window('01:00', '02:30')],
      '2027-03-28T00:30Z',
      '2027-03-28T01:00',
    ],
    [
      'comes the first time its wall time comes',
      'Europe/Berlin',
      [window('01:00', '02:30')],
      '2027-10-30T23:30Z',
      '2027-10-31T00:30',
    ],
    [
      'comes again the second time its wall time comes',
      'Europe/Berlin',
      [window('01:00', '02:30')],
      '2027-10-31T01:10Z',
      '2027-10-31T01:30',
    ],
    [
      'comes an hour of the clock later on the long night',
      'Europe/Berlin',
      [window('22:00', '06:00')],
      '2027-10-30T21:00Z',
      '2027-10-31T05:00',
    ],
    [
      'skips a day that a zone skipped',
      'Pacific/Apia',
      [window('00:00', '24:00', [4, 5])],
      '2011-12-29T20:00Z',
      '2011-12-30T10:00',
    ],
  ];
  for (const [what, zone, blackouts, from, clear] of table) {
    it(what, () => assert.equal(findClear(zone, blackouts, from), clear));
  }

  it('never comes when windows cover the week, and that is said at once', () => {
    for (const blackouts of [
      [window('00:00', '24:00')],
      [window('12:00', '11:00'), window('10:30', '12:30')],
      [window('00:00', '24:00', [1, 2, 3, 4, 5]), window('00:00', '12:00', [6, 0]), window('11:59', '24:00', [0, 6])],
    ]) {
      assert.equal(coversWeek(blackouts), true);
      assert.equal(createBlackoutCalendar(blackouts, openZone('Europe/Berlin')).coversWeek, true);
      assert.equal(findClear('Europe/Berlin', blackouts, '2027-03-20T12:00Z'), undefined);
    }
  });

  it('comes when one minute of the week is left', () => {
    const blackouts = [window('00:00', '24:00', [1, 2, 3, 4, 5, 6]), window('00:00', '23:59', [0])];
    assert.equal(coversWeek(blackouts), false);
    assert.equal(findClear('UTC', blackouts, '2027-03-22T00:00Z'), '2027-03-28T23:59');
  });

  it('waits a week where clocks leave out the one free minute', () => {
    const blackouts = [
      window('00:00', '24:00', [1, 2, 3, 4, 5, 6]),
      window('02:31', '02:30', [0]),
      window('00:00', '02:30', [0]),
    ];
    assert.equal(findClear('Europe/Berlin', blackouts, '2027-03-27T12:00Z'), '2027-04-04T00:30');
  });
});

describe('Blackout windows over two years', () => {
  const days = fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 7 });
  const time = fc.oneof(fc.nat(1439), fc.constantFrom(0, 60, 90, 119, 120, 150, 180, 1380));
  const anyWindow = fc
    .tuple(time, fc.oneof(time, fc.constant(1440)), days)
    .filter(([from, to]) => from !== to)
    .map(([from, to, chosen]) => window(writeTime(from), writeTime(to), chosen));

  for (const [zone, year] of [
    ['Europe/Berlin', 2026],
    ['America/New_York', 2026],
    ['Australia/Lord_Howe', 2026],
    ['Pacific/Apia', 2010],
    ['Asia/Kathmandu', 2026],
  ] as const) {
    it(`end where a reading of the clock minute by minute says, in ${zone}`, () => {
      const walls = readWalls(zone, Date.UTC(year), Date.UTC(year + 2));
      fc.assert(
        fc.property(fc.array(anyWindow, { minLength: 1, maxLength: 4 }), (blackouts) => {
          const calendar = createBlackoutCalendar(blackouts, openZone(zone));
          const week = Array.from({ length: 7 * 1440 }, (_, minute) => isInside(blackouts, minute));
          const black = walls.map((minute) => week[minute] === true);
          for (let index = black.length - 1, clear = -1; index >= 0; index -= 1) {
            if (!black[index]) clear = index;
            // Each minute at which something changes, and some between.
            const isEdge = black[index] !== black[index + 1] || black[index] !== black[index - 1] || index % 977 === 0;
            // Before the end of what is read the answer may lie beyond it.
            if (!isEdge || clear < 0) continue;
            const instant = Date.UTC(year) + index * MINUTE;
            const found = calendar.findClear(instant);
            if (found !== Date.UTC(year) + clear * MINUTE) {
              assert.fail(`${new Date(instant).toISOString()} is clear at ${found && new Date(found).toISOString()}`);
            }
            const lastClear = black.lastIndexOf(false, index - 1);
            if (index > 0 && lastClear >= 0)
              assert.equal(calendar.findBlackSince(instant), Date.UTC(year) + (lastClear + 1) * MINUTE);
          }
        }),
        { numRuns: 12 },
      );
    });
  }
});

function writeTime(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** What a clock on the wall shows at each minute, in minutes since Sunday 00:00. */
function readWalls(zone: string, from: number, until: number): number[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  const found: number[] = [];
  for (let instant = from; instant < until; instant += MINUTE) {
    const [, name = '', hour, minute] = /^(\w{3})\D+(\d{2}):(\d{2})$/.exec(format.format(instant)) ?? [];
    found.push(names.indexOf(name) * 1440 + Number(hour) * 60 + Number(minute));
  }
  return found;
}

/** The rule in its plainest words: a window is open on its days from its beginning, and in the early hours of the day after. */
function isInside(blackouts: readonly Blackout[], minuteOfWeek: number): boolean {
  const weekday = Math.floor(minuteOfWeek / 1440);
  const minute = minuteOfWeek % 1440;
  return blackouts.some(({ from, to, days }) => {
    const [begin = 0, end = 0] = [from, to].map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));
    if (begin < end) return days.includes(weekday) && minute >= begin && minute < end;
    return (days.includes(weekday) && minute >= begin) || (days.includes((weekday + 6) % 7) && minute < end);
  });
}
