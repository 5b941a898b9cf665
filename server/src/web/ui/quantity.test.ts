import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatByteChange,
  formatBytes,
  formatBytesOf,
  formatCount,
  formatDuration,
  formatNoun,
  formatPercent,
  formatRate,
  formatSpan,
} from './quantity.ts';

const KIB = 1024;
const MIB = KIB * 1024;
const GIB = MIB * 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Figures use no-break spaces; the tables below are written with plain ones. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

describe('A size', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [KIB, '1 KiB'],
    [1.5 * KIB, '1.5 KiB'],
    [1023.4 * KIB, '1023 KiB'],
    [1023.6 * KIB, '1 MiB'],
    [1.4 * GIB, '1.4 GiB'],
    [3.58 * GIB, '3.58 GiB'],
    [18.2 * GIB, '18.2 GiB'],
    [212 * MIB, '212 MiB'],
    [1.42 * 1024 * GIB, '1.42 TiB'],
    [-3 * GIB, '−3 GiB'],
    [5_000 * 2 ** 60, '5000 EiB'],
  ];
  for (const [bytes, text] of table) it(`of ${bytes} bytes reads ${text}`, () => assert.equal(plain(formatBytes(bytes)), text));

  it('that is not known says so', () => {
    for (const bytes of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(formatBytes(bytes), '—');
  });

  it('never reads 1024 of a unit that has a bigger one, and never breaks a line', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 60, noNaN: true }), (bytes) => {
        const text = formatBytes(bytes);
        assert.match(text, /^\d{1,4}(?:\.\d{1,2})?\u00a0(?:B|[KMGTPE]iB)$/);
        assert.ok(Number.parseFloat(text) < 1024);
      }),
    );
  });

  it('of a whole names the unit once where both share it', () => {
    assert.equal(plain(formatBytesOf(18.2 * GIB, 25.6 * GIB)), '18.2 of 25.6 GiB');
    assert.equal(plain(formatBytesOf(300 * MIB, 25.6 * GIB)), '300 MiB of 25.6 GiB');
    assert.equal(plain(formatBytesOf(0, GIB)), '0 of 1 GiB');
    assert.equal(plain(formatBytesOf(GIB, undefined)), '1 GiB');
    assert.equal(formatBytesOf(undefined, GIB), '—');
  });

  it('that changed carries its sign, and a rate its second', () => {
    assert.equal(plain(formatByteChange(9.1 * GIB)), '+9.1 GiB');
    assert.equal(plain(formatByteChange(-GIB)), '−1 GiB');
    assert.equal(plain(formatByteChange(0)), '0 B');
    assert.equal(plain(formatRate(96 * MIB)), '96 MiB/s');
  });
});

describe('A duration', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0.0 s'],
    [400, '0.4 s'],
    [1_100, '1.1 s'],
    [9_949, '9.9 s'],
    [9_950, '10 s'],
    [41_000, '41 s'],
    [59_600, '1 m'],
    [75_000, '1 m 15 s'],
    [12 * MINUTE + 5 * SECOND, '12 m 05 s'],
    [HOUR - 400, '1 h'],
    [3 * HOUR + 5 * MINUTE, '3 h 05 m'],
    [47 * HOUR, '47 h'],
    [6 * DAY + 4 * HOUR, '6 d 4 h'],
  ];
  for (const [ms, text] of table) it(`of ${ms} ms reads ${text}`, () => assert.equal(plain(formatDuration(ms)), text));

  it('that is negative or not known says so', () => {
    for (const ms of [-1, null, undefined, Number.NaN]) assert.equal(formatDuration(ms), '—');
  });

  it('as an age is one coarse unit, never rounded up to an age not yet reached', () => {
    assert.deepEqual(
      [41_000, 8.9 * MINUTE, 26 * HOUR, 47.9 * HOUR, 6.9 * DAY].map((ms) => plain(formatSpan(ms))),
      ['41 s', '8 min', '26 h', '47 h', '6 days'],
    );
  });
});

describe('A count', () => {
  it('groups its thousands and agrees with its noun', () => {
    assert.equal(formatCount(1_234_567), '1,234,567');
    assert.equal(formatCount(999), '999');
    assert.equal(plain(formatNoun(1, 'host')), '1 host');
    assert.equal(plain(formatNoun(0, 'host')), '0 hosts');
    assert.equal(plain(formatNoun(3, 'entry', 'entries')), '3 entries');
  });
});

describe('A percentage', () => {
  it('says neither done before the end nor nothing once begun', () => {
    assert.deepEqual(
      [0, 0.001, 0.01, 0.714, 0.999, 1].map((ratio) => plain(formatPercent(ratio))),
      ['0 %', '<1 %', '1 %', '71 %', '99 %', '100 %'],
    );
  });
});
