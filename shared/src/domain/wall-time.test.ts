import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openZone } from './wall-time.ts';

const at = (text: string): number => Date.parse(text);
const HOUR = 3_600_000;

describe('openZone', () => {
  it('adds the offset of the instant, daylight saving and odd minutes included', () => {
    assert.equal(openZone('Europe/Berlin').offsetMs(at('2027-01-15T12:00Z')), HOUR);
    assert.equal(openZone('Europe/Berlin').offsetMs(at('2027-07-15T12:00Z')), 2 * HOUR);
    assert.equal(openZone('Asia/Kathmandu').offsetMs(at('2027-07-15T12:00Z')), 5.75 * HOUR);
    assert.equal(openZone('+02:00').offsetMs(at('2027-07-15T12:00Z')), 2 * HOUR);
  });

  it('knows since when a zone has the offset of an instant, the change itself included', () => {
    const { steadySince, offsetMs } = openZone('Europe/Berlin');
    const change = at('2027-03-28T01:00Z');
    assert.equal(steadySince(at('2027-07-15T12:00Z')), change);
    assert.equal(steadySince(change), change);
    assert.equal(steadySince(change - 1), at('2026-10-25T01:00Z'));
    assert.notEqual(offsetMs(change), offsetMs(change - 1));
    assert.equal(openZone('UTC').steadySince(change), Number.NEGATIVE_INFINITY);
  });

  it('reads a wall time that happens once, twice or never', () => {
    const berlin = openZone('Europe/Berlin');
    assert.deepEqual(berlin.readWall(at('2027-01-15T02:30Z')), { kind: 'once', at: at('2027-01-15T01:30Z') });
    assert.deepEqual(berlin.readWall(at('2027-10-31T02:30Z')), {
      kind: 'twice',
      first: at('2027-10-31T00:30Z'),
      second: at('2027-10-31T01:30Z'),
    });
    assert.deepEqual(berlin.readWall(at('2027-03-28T02:30Z')), { kind: 'never', resumesAt: at('2027-03-28T01:00Z') });
  });

  it('finds the end of a gap of a whole day and of half an hour', () => {
    // Samoa left out 30 December 2011 to change the side of the date line.
    assert.deepEqual(openZone('Pacific/Apia').readWall(at('2011-12-30T12:00Z')), {
      kind: 'never',
      resumesAt: at('2011-12-30T10:00Z'),
    });
    assert.deepEqual(openZone('Australia/Lord_Howe').readWall(at('2027-10-03T02:15Z')), {
      kind: 'never',
      resumesAt: at('2027-10-02T15:30Z'),
    });
  });

  it('remembers zones, and begins anew rather than holding every spelling that anybody thinks of', () => {
    const first = openZone('America/Argentina/ComodRivadavia');
    assert.equal(openZone('America/Argentina/ComodRivadavia'), first);
    for (let number = 0; number < 1024; number += 1) {
      const city = [...'comodrivadavia'].map((letter, place) => ((number >> place) & 1 ? letter.toUpperCase() : letter));
      assert.equal(openZone(`America/Argentina/${city.join('')}`).offsetMs(0), first.offsetMs(0));
    }
    assert.notEqual(openZone('America/Argentina/ComodRivadavia'), first);
  });

  for (const zone of ['Mars/Olympus', '', 'Z', '2027-01-01T00:00[Europe/Berlin]', '2027-01-01T00:00Z', 'Europe/Berlin\u0000']) {
    it(`refuses ${JSON.stringify(zone)}`, () => {
      assert.throws(() => openZone(zone), RangeError);
    });
  }
});

describe('every zone of the runtime', () => {
  it('has the offset that Intl shows, in winter, in summer and long ago', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
      for (const instant of [at('2027-01-01T00:00Z'), at('2027-07-01T00:00Z'), at('1995-05-05T05:05Z')]) {
        const shown = format.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value;
        const minutes = openZone(zone).offsetMs(instant) / 60_000;
        const sign = minutes < 0 ? '-' : '+';
        const digits = (number: number) => String(number).padStart(2, '0');
        const offset = `${sign}${digits(Math.floor(Math.abs(minutes) / 60))}:${digits(Math.abs(minutes) % 60)}`;
        assert.equal(shown, `GMT${offset}`, `${zone} at ${instant}`);
      }
    }
  });
});
