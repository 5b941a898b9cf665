import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findRange, readTypedDays } from './day-range.ts';

const NOW = Date.UTC(2026, 10, 20, 9);
const hours = (range: ReturnType<typeof findRange>) =>
  'problem' in range ? range.problem : ((range.until ?? 0) - (range.since ?? 0)) / 3_600_000;
const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

describe('Days that a page is narrowed to', () => {
  it('are whole days of the zone, the last one included', () => {
    const range = findRange({ from: '2026-11-01', to: '2026-11-02' }, 'Europe/Berlin', NOW);
    assert.ok(!('problem' in range));
    assert.deepEqual([iso(range.since), iso(range.until)], ['2026-10-31T23:00:00.000Z', '2026-11-02T23:00:00.000Z']);
  });

  it('have 23 and 25 hours where the clocks are changed, and begin late where midnight does not exist', () => {
    const of = (day: string, zone = 'Europe/Berlin') => hours(findRange({ from: day, to: day }, zone, NOW));
    assert.deepEqual([of('2026-03-29'), of('2026-10-25'), of('2026-10-26')], [23, 25, 24]);
    const chile = findRange({ from: '2026-09-06', to: '2026-09-06' }, 'America/Santiago', NOW);
    assert.ok(!('problem' in chile));
    assert.deepEqual([iso(chile.since), hours(chile)], ['2026-09-06T04:00:00.000Z', 23]);
  });

  it('may be open at either end', () => {
    assert.deepEqual(findRange({ from: '2026-11-01' }, 'UTC', NOW), { since: Date.UTC(2026, 10, 1), until: undefined });
    assert.deepEqual(findRange({ to: '2026-11-01' }, 'UTC', NOW), { since: undefined, until: Date.UTC(2026, 10, 2) });
    assert.deepEqual(findRange({}, 'no zone', NOW), { since: undefined, until: undefined });
  });

  it('are cut to what is recent enough, by whole minutes', () => {
    const HOUR = 3_600_000;
    assert.deepEqual(findRange({}, 'UTC', NOW + 7, 2 * HOUR), { since: NOW - 2 * HOUR, until: undefined });
    assert.deepEqual(findRange({ from: '2026-11-20' }, 'UTC', NOW, 2 * HOUR), { since: NOW - 2 * HOUR, until: undefined });
    assert.deepEqual(findRange({ from: '2026-11-20' }, 'UTC', NOW, 48 * HOUR), { since: NOW - 9 * HOUR, until: undefined });
  });

  it('say in words what is wrong with them', () => {
    const problem = (from: string | undefined, to?: string) => hours(findRange({ from, to }, 'UTC', NOW));
    for (const text of ['2026-02-30', '2026-13-01', 'yesterday', '0000-01-01', '20261-01-01', '2026-1-1', '<b>'])
      assert.equal(problem(text), `From: “${text}” is no day; write it as 2026-11-21.`);
    assert.equal(problem('2026-11-01', '2026-02-29'), 'To: “2026-02-29” is no day; write it as 2026-11-21.');
    assert.equal(problem('2026-11-03', '2026-11-01'), 'The days are the wrong way round: 2026-11-03 is after 2026-11-01.');
    assert.equal(problem('2026-11-21'), 'From: 2026-11-21 has not begun yet.');
    assert.equal(problem('2026-11-20'), (0 - Date.UTC(2026, 10, 20)) / 3_600_000, 'today has');
  });

  it('are read from an address, where an empty field is none', () => {
    assert.deepEqual(readTypedDays({ query: { from: '2026-11-01', to: '' } }), { from: '2026-11-01', to: undefined });
    assert.equal(readTypedDays({ query: { from: 'x'.repeat(500) } }).from?.length, 40);
    assert.deepEqual(readTypedDays({ query: { from: '0202-11-01', to: '2026-11-02' } }), { from: undefined, to: '2026-11-02' });
  });
});
