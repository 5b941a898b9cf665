import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from '@holdfast/shared/domain/plan.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import fc from 'fast-check';
import { checkCron, describeCron, listClockChanges, listFires, listNextBegins, listNextFires, MAX_PREVIEW } from './fires.ts';

const DAY = 24 * 3_600_000;
const FROM = Date.parse('2027-01-01T00:00:00Z');
const berlin = (cron: string) => ({ cron, zone: 'Europe/Berlin' });
const iso = (instants: readonly number[]) => instants.map((at) => new Date(at).toISOString().slice(0, 16));

describe('listNextFires', () => {
  it('lists the next fires in the zone of the plan', () => {
    assert.deepEqual(iso(listNextFires(berlin('30 2 * * *'), Date.parse('2027-03-27T00:00Z'), 3)), [
      '2027-03-27T01:30',
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ]);
  });
  it('lists none for a date that never comes, and at most its limit', () => {
    assert.deepEqual(listNextFires(berlin('0 0 31 2 *'), FROM, 5), []);
    assert.deepEqual(listNextFires(berlin('* * * * *'), FROM, 0), []);
    assert.equal(listNextFires(berlin('* * * * *'), FROM, 5000).length, MAX_PREVIEW);
  });
  it('refuses what cannot be read with a typed error', () => {
    assert.throws(
      () => listNextFires(berlin('nonsense'), FROM, 5),
      (error) => error instanceof AppError && error.code === 'invalid',
    );
  });
});

describe('A zone by its older name', () => {
  const names = [
    ['US/Pacific', 'America/Los_Angeles'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['Australia/ACT', 'Australia/Sydney'],
    ['GB', 'Europe/London'],
    ['NZ-CHAT', 'Pacific/Chatham'],
  ] as const;
  for (const [alias, zone] of names) {
    it(`fires as by its newer one, also where the clocks change: ${alias}`, () => {
      for (const cron of ['30 2 * * *', '30 1 * * *', '45 2 * * *', '0 * * * *'])
        for (let from = FROM; from < FROM + 365 * DAY; from += 90 * DAY)
          assert.deepEqual(listNextFires({ cron, zone: alias }, from, 100), listNextFires({ cron, zone }, from, 100), cron);
    });
  }
});

describe('checkCron', () => {
  it('accepts every preset and the usual spellings', () => {
    const usual = ['*/5 8-18 * * MON-FRI', '0 0 29 2 *', '0 0 L * *', '15,45 * 1-7 JAN,JUL sun', '0 0 * * 5#3'];
    for (const cron of [...SCHEDULE_PRESETS.map((preset) => preset.cron), ...usual]) {
      assert.deepEqual(checkCron(cron, 'Europe/Berlin', FROM), { ok: true }, cron);
    }
  });

  const wrong: [string, string, 'cron' | 'zone', RegExp][] = [
    ['60 * * * *', 'UTC', 'cron', /"60" is no minute: it takes 0 to 59/],
    ['0 24 * * *', 'UTC', 'cron', /"24" is no hour/],
    ['0 0 0 * *', 'UTC', 'cron', /"0" is no day of month/],
    ['0 0 * FOO *', 'UTC', 'cron', /"FOO" is no month/],
    ['0 0 * * 8', 'UTC', 'cron', /"8" is no day of week/],
    ['5-1 * * * *', 'UTC', 'cron', /"5-1" is no minute/],
    ['*/0 * * * *', 'UTC', 'cron', /is no minute/],
    ['0 0 31 2 *', 'UTC', 'cron', /never comes/],
    ['@daily', 'UTC', 'cron', /write five fields/],
    ['0 0 2 * * *', 'UTC', 'cron', /6 were given; seconds are not used/],
    ['', 'UTC', 'cron', /five fields are needed/],
    ['0 2 * * *', 'Mars/Olympus', 'zone', /not a time zone/],
    ['0 2 * * *', '', 'zone', /not a time zone/],
  ];
  for (const [cron, zone, field, message] of wrong) {
    it(`says what is wrong with "${cron}" in "${zone}"`, () => {
      const check = checkCron(cron, zone, FROM);
      assert.ok(!check.ok && check.field === field);
      assert.match(check.message, message);
    });
  }

  it('answers any text without throwing, and what it accepts has a next fire', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 250 }),
      fc
        .array(fc.string({ unit: fc.constantFrom(...'0123456789*/,-?LW#'), maxLength: 6 }), { minLength: 4, maxLength: 6 })
        .map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(text, (cron) => {
        const check = checkCron(cron, 'Europe/Berlin', FROM);
        if (check.ok) assert.equal(listNextFires(berlin(cron.trim()), FROM, 1).length, 1);
        else assert.ok(check.message.length > 0);
      }),
      { numRuns: 400 },
    );
  });
});

describe('describeCron', () => {
  const words: [string, string][] = [
    ['0 2 * * *', 'every day at 02:00'],
    ['0 * * * *', 'every hour'],
    ['15 * * * *', 'every hour at 15 minutes past'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['* * * * *', 'every minute'],
    ['0 3 * * 0', 'every Sunday at 03:00'],
    ['0 3 * * 7', 'every Sunday at 03:00'],
    ['0 4 1 * *', 'on day 1 of every month at 04:00'],
    ['0 4 1,15 1,7 *', 'on day 1 and 15 of January and July at 04:00'],
    ['30 2 * * MON-FRI', 'Monday to Friday at 02:30'],
    ['0 */6 * * *', 'every day at 00:00, 06:00, 12:00 and 18:00'],
    ['*/10 8-18 * * 1-5', 'Monday to Friday every 10 minutes, in the hours 08 to 18'],
    ['0 0 13 * 5', 'on day 13 of the month and also every Friday at 00:00'],
    ['0 2 * 6 *', 'every day in June at 02:00'],
    ['0 0 L * *', 'by the expression "0 0 L * *"'],
  ];
  for (const [cron, text] of words) {
    it(`says "${text}" for "${cron}"`, () => assert.equal(describeCron(berlin(cron)), `${text}, Europe/Berlin`));
  }
});

describe('listClockChanges', () => {
  it('tells the night without the time and the night with two of it', () => {
    assert.deepEqual(
      listClockChanges(berlin('30 2 * * *'), FROM, FROM + 365 * DAY).map((note) => note.text),
      [
        'On 28 March 2027 02:30 does not exist in Europe/Berlin: fires at 03:00.',
        'On 31 October 2027 02:30 comes twice in Europe/Berlin: fires the first time only.',
      ],
    );
  });
  it('names the day when the gap ends on the next one', () => {
    const [note] = listClockChanges({ cron: '30 23 * * *', zone: 'America/Nuuk' }, FROM, FROM + 180 * DAY);
    assert.equal(note?.text, 'On 27 March 2027 23:30 does not exist in America/Nuuk: fires at 00:00 on 28 March 2027.');
  });
  it('has nothing to say of other hours, of every hour, and of zones whose clocks stay', () => {
    const through = FROM + 365 * DAY;
    assert.deepEqual(listClockChanges(berlin('0 4 * * *'), FROM, through), []);
    assert.deepEqual(listClockChanges(berlin('*/30 * * * *'), FROM, through), []);
    assert.deepEqual(listClockChanges({ cron: '30 2 * * *', zone: 'Asia/Tokyo' }, FROM, through), []);
  });
  it('names an instant at which the schedule is really due, in every zone', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const schedule = { cron: '30 2 * * *', zone };
      for (const { at } of listClockChanges(schedule, FROM, FROM + 365 * DAY)) {
        assert.deepEqual(listFires(schedule, at - 1, at, 2), [at], zone);
      }
    }
  });
});

describe('listNextBegins', () => {
  const host = 'host_a' as HostId;
  const makePlan = (cron: string, options: Partial<PlanOptions>) => ({
    id: 'plan_a' as PlanId,
    schedule: berlin(cron),
    options: { ...DEFAULT_PLAN_OPTIONS, ...options },
    effectiveFrom: FROM,
  });

  it('delays the fires of a host by its part of the spread, always the same', () => {
    const { spreadMs, begins } = listNextBegins(makePlan('0 2 * * *', { spreadMinutes: 60 }), host, FROM, 3);
    assert.ok(spreadMs > 0 && spreadMs < 3_600_000);
    assert.deepEqual(
      begins.map(({ dueAt, fireAt }) => dueAt - fireAt),
      [spreadMs, spreadMs, spreadMs],
    );
    const other = listNextBegins(makePlan('0 2 * * *', { spreadMinutes: 60 }), 'host_b' as HostId, FROM, 1);
    assert.notEqual(other.spreadMs, spreadMs);
  });

  it('moves them out of blackout windows, and names those that are kept back for too long', () => {
    const blackouts = [{ from: '01:00', to: '06:00', days: [1, 2, 3, 4, 5] }];
    const moved = listNextBegins(makePlan('0 2 * * *', { blackouts }), host, FROM, 3);
    assert.deepEqual(iso(moved.begins.map(({ dueAt }) => dueAt)), ['2027-01-01T05:00', '2027-01-02T01:00', '2027-01-03T01:00']);
    const kept = listNextBegins(makePlan('0 2 * * *', { blackouts, graceMinutes: 60 }), host, FROM, 2);
    assert.deepEqual(iso(kept.begins.map(({ dueAt }) => dueAt)), ['2027-01-02T01:00', '2027-01-03T01:00']);
    assert.deepEqual(iso(kept.missed), ['2027-01-01T01:00']);
  });

  it('knows no fire of the time before the plan took effect, and no more than a preview', () => {
    const plan = { ...makePlan('* * * * *', {}), effectiveFrom: FROM + DAY };
    const { begins } = listNextBegins(plan, host, FROM, 5000);
    assert.equal(begins.length, MAX_PREVIEW);
    assert.equal(begins[0]?.fireAt, FROM + DAY);
  });
});
