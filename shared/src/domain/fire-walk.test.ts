import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../errors.ts';
import { createFireWalk, isEveryHour, type NextWall } from './fire-walk.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A calendar of a time of day, written `HH:MM`. */
const daily = (text: string): NextWall => {
  const [hours, minutes] = text.split(':').map(Number) as [number, number];
  const offset = hours * HOUR + minutes * 60_000;
  return (wall) => Math.floor((wall - offset) / DAY + 1) * DAY + offset;
};
const hourly: NextWall = (wall) => Math.floor(wall / HOUR + 1) * HOUR;
const list = (next: NextWall, cron: string, zone: string, from: string, through: string) =>
  createFireWalk(() => next)
    .listFires({ cron, zone }, Date.parse(from) - 1, Date.parse(through), 100)
    .map((at) => new Date(at).toISOString().slice(0, 16));

describe('fires over any calendar', () => {
  it('puts a time of day that clocks skip at the first instant after the gap', () => {
    assert.deepEqual(list(daily('02:30'), '30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00Z', '2027-03-29T12:00Z'), [
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ]);
  });

  it('fires once for a time of day that happens twice', () => {
    assert.deepEqual(list(daily('02:30'), '30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00Z', '2027-11-01T12:00Z'), [
      '2027-10-31T00:30',
      '2027-11-01T01:30',
    ]);
  });

  it('keeps an interval through the hour that happens twice, in rising order', () => {
    assert.deepEqual(list(hourly, '0 * * * *', 'Europe/Berlin', '2027-10-30T23:00Z', '2027-10-31T03:00Z'), [
      '2027-10-30T23:00',
      '2027-10-31T00:00',
      '2027-10-31T01:00',
      '2027-10-31T02:00',
      '2027-10-31T03:00',
    ]);
  });

  it('ends where the calendar ends, stands still or is too far away', () => {
    const walk = (next: NextWall) => createFireWalk(() => next).computeNextFire({ cron: '0 2 * * *', zone: 'UTC' }, 0);
    assert.equal(
      walk(() => undefined),
      undefined,
    );
    assert.equal(
      walk((wall) => wall),
      undefined,
    );
    assert.equal(
      walk((wall) => wall + 10 * 366 * DAY),
      undefined,
    );
    assert.equal(
      walk((wall) => wall + DAY),
      DAY,
    );
  });

  it('ends in the middle of the hour that happens twice, with each pass that is left', () => {
    const once: NextWall = (wall) => (wall < Date.parse('2027-10-31T02:30Z') ? Date.parse('2027-10-31T02:30Z') : undefined);
    const evening = '2027-10-30T20:00Z';
    assert.deepEqual(list(once, '30 2 31 10 *', 'Europe/Berlin', evening, '2028-10-31T00:00Z'), ['2027-10-31T00:30']);
    assert.deepEqual(list(once, '30 * 31 10 *', 'Europe/Berlin', evening, '2028-10-31T00:00Z'), [
      '2027-10-31T00:30',
      '2027-10-31T01:30',
    ]);
    assert.deepEqual(list(once, '30 * 31 10 *', 'Europe/Berlin', '2027-10-31T01:00Z', '2028-10-31T00:00Z'), ['2027-10-31T01:30']);
  });

  it('lists no more than it is asked for, and nothing over a span that is none', () => {
    const { listFires } = createFireWalk(() => hourly);
    const every = { cron: '0 * * * *', zone: 'UTC' };
    assert.deepEqual(listFires(every, 0, DAY, 2), [HOUR, 2 * HOUR]);
    assert.deepEqual(listFires(every, 0, DAY, 0), []);
    assert.deepEqual(listFires(every, DAY, DAY, 10), []);
    assert.deepEqual(listFires(every, DAY, 0, 10), []);
  });

  it('says invalid for whatever the calendar or the zone throws', () => {
    const invalid = (error: unknown) => error instanceof AppError && error.code === 'invalid';
    const broken = createFireWalk(() => {
      throw new TypeError('no such field');
    });
    assert.throws(() => broken.computeNextFire({ cron: 'x', zone: 'UTC' }, 0), invalid);
    const fine = createFireWalk(() => hourly);
    assert.throws(() => fine.computeNextFire({ cron: '0 * * * *', zone: 'Nowhere/Land' }, 0), invalid);
  });
});

describe('isEveryHour', () => {
  for (const [cron, expected] of [
    ['0 * * * *', true],
    ['0,30 */1 * * *', true],
    ['0 0-23 * * *', true],
    ['0 */2 * * *', false],
    ['0 8 * * *', false],
    ['0', false],
  ] as const) {
    it(`is ${expected} for "${cron}"`, () => assert.equal(isEveryHour({ cron, zone: 'UTC' }), expected));
  }
});
