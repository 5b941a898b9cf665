import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClock, readFires } from './clock-reading.ts';
import { checkAllZones, findFaults } from './fires.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const iso = (instants: readonly number[]) => instants.map((instant) => new Date(instant).toISOString().slice(0, 16));

describe('The independent reading of the rules', () => {
  const clock = readClock('Europe/Berlin', Date.UTC(2027, 0, 1), Date.UTC(2028, 0, 1));
  const read = (hours: number[] | undefined, minutes: number[], from: string, until: string) =>
    iso(readFires({ cron: '', minutes, hours, isDay: () => true }, clock, at(from), at(until)));

  it('sees the jumps of a zone to the minute', () => {
    assert.deepEqual(
      clock.map(({ from, offsetMs }) => [new Date(from).toISOString().slice(0, 16), offsetMs / 3_600_000]),
      [
        ['2027-01-01T00:00', 1],
        ['2027-03-28T01:00', 2],
        ['2027-10-31T01:00', 1],
      ],
    );
    const [, jump] = readClock('Australia/Lord_Howe', Date.UTC(2027, 8, 1), Date.UTC(2027, 10, 1));
    assert.deepEqual([jump?.from, (jump?.offsetMs ?? 0) / 60_000], [at('2027-10-02T15:30'), 660]);
  });

  it('puts a wall time that is left out at the first instant after, and one that comes twice at its first', () => {
    assert.deepEqual(read([2], [10, 50], '2027-03-27T12:00', '2027-03-28T12:00'), ['2027-03-28T01:00']);
    assert.deepEqual(read([2], [30], '2027-10-30T12:00', '2027-10-31T12:00'), ['2027-10-31T00:30']);
  });

  it('keeps an interval through both nights', () => {
    assert.equal(read(undefined, [0], '2027-03-27T23:00', '2027-03-28T05:00').length, 6);
    assert.equal(read(undefined, [0], '2027-10-30T23:00', '2027-10-31T05:00').length, 6);
  });
});

describe('The comparison of fires', () => {
  it('names what was skipped, doubled, or fired without reason', () => {
    assert.deepEqual(findFaults([1, 2, 3, 4], [1, 2, 3, 4]), []);
    assert.deepEqual(findFaults([0, 1000, 2000], [0, 0, 2000, 3000]), [
      'skipped 1970-01-01T00:00:01.000Z',
      'fired without reason 1970-01-01T00:00:03.000Z',
      'doubled or out of order 1970-01-01T00:00:00.000Z',
    ]);
  });

  it('finds nothing in two years of zones whose clocks are odd', () => {
    const zones = ['Europe/Berlin', 'Australia/Lord_Howe', 'America/Nuuk', 'Africa/Casablanca', 'Africa/Cairo', 'Asia/Kathmandu'];
    const { tried, bad, findings } = checkAllZones({ years: 2, zones });
    assert.deepEqual([bad, findings], [0, []]);
    assert.ok(tried > 100_000, `only ${tried} fires were compared`);
  });
});
