import assert from 'node:assert/strict';
import test from 'node:test';
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import { listNextFires } from './fires.ts';

const HOUR_MS = 3_600_000;
const FRIDAY = Date.UTC(2026, 10, 20, 9);

const WAITS: readonly (readonly [string, string, number])[] = [
  ['a daily schedule waits a day', '0 2 * * *', 24 * HOUR_MS],
  ['an hourly schedule waits an hour', '0 * * * *', HOUR_MS],
  ['working days wait over the week-end', '0 2 * * 1-5', 72 * HOUR_MS],
  ['a weekly schedule waits a week', '0 3 * * 0', 7 * 24 * HOUR_MS],
  ['two fires a day wait for the longer half', '0 2,8 * * *', 18 * HOUR_MS],
];

for (const [title, cron, wait] of WAITS) {
  test(title, () => {
    assert.equal(findLongestWait(listNextFires, { cron, zone: 'UTC' }, FRIDAY), wait);
  });
}

test('a schedule nobody can read promises nothing', () => {
  assert.equal(findLongestWait(listNextFires, { cron: 'every other day', zone: 'UTC' }, FRIDAY), undefined);
});
