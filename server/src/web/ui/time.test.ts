import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Clockface,
  dayTime,
  formatClock,
  formatDay,
  formatRelative,
  formatStamp,
  formatZone,
  relativeTime,
} from './time.ts';

const NOW = Date.UTC(2026, 10, 20, 8, 0, 0);
const BERLIN: Clockface = { now: NOW, zone: 'Europe/Berlin' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

describe('An instant', () => {
  it('reads relative to now, and as a date when long past', () => {
    const table: readonly (readonly [number, string])[] = [
      [0, 'now'],
      [-4_000, 'now'],
      [-41_000, '41 s ago'],
      [8 * MINUTE, 'in 8 min'],
      [-26 * HOUR, '26 h ago'],
      [-6 * DAY, '6 days ago'],
      [-200 * DAY, '2026-05-04'],
    ];
    for (const [offset, text] of table) assert.equal(plain(formatRelative(NOW + offset, BERLIN)), text);
  });

  it('carries the exact moment and its zone for the pointer, and for machines', () => {
    const markup = relativeTime(NOW - 8 * MINUTE, BERLIN).toString();
    assert.match(markup, /datetime="2026-11-20T07:52:00\.000Z"/);
    assert.match(markup, /title="2026-11-20 08:52:00 UTC\+1"/);
  });

  it('names the day where it is near', () => {
    assert.equal(formatDay(NOW, BERLIN), 'today 09:00:00');
    assert.equal(formatDay(NOW - DAY, BERLIN), 'yesterday 09:00:00');
    assert.equal(formatDay(NOW + DAY, BERLIN), 'tomorrow 09:00:00');
    assert.equal(formatDay(NOW - 3 * DAY, BERLIN), '2026-11-17 09:00:00');
  });

  it('shows the offset that held then, not the one that holds now', () => {
    assert.equal(formatStamp(Date.UTC(2026, 6, 1, 12), 'Europe/Berlin'), '2026-07-01 14:00:00 UTC+2');
    assert.equal(formatStamp(Date.UTC(2026, 0, 1, 12), 'America/St_Johns'), '2026-01-01 08:30:00 UTC-3:30');
    assert.equal(formatStamp(NOW, 'UTC'), '2026-11-20 08:00:00 UTC');
  });

  it('in a log shows its milliseconds', () => {
    assert.equal(formatClock(NOW + 412, 'Europe/Berlin'), '09:00:00.412');
  });

  it('that is missing or impossible reads as the word given, never as a date', () => {
    for (const at of [null, undefined, Number.NaN, 9e15]) {
      assert.equal(relativeTime(at, BERLIN, 'never').toString(), '<span class="quiet">never</span>');
      assert.equal(dayTime(at, BERLIN).toString(), '<span class="quiet">—</span>');
      assert.equal(formatStamp(at, 'UTC'), '—');
    }
  });
});

describe('A zone', () => {
  it('is shown with its offset and city', () => {
    assert.equal(formatZone(BERLIN), 'UTC+1 · Berlin');
    assert.equal(formatZone({ now: NOW, zone: 'America/New_York' }), 'UTC-5 · New York');
    assert.equal(formatZone({ now: NOW, zone: 'UTC' }), 'UTC');
  });

  it('that nobody knows falls back to UTC', () => {
    assert.equal(formatStamp(NOW, 'Mars/Olympus'), '2026-11-20 08:00:00 UTC');
  });
});
