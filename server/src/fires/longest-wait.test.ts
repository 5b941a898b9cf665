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

const PAUSES: readonly (readonly [string, string, number])[] = [
  ['working hours wait over the night', '0 9-17 * * *', 16 * HOUR_MS],
  ['two fires a working day wait over the week-end', '0 9,17 * * 1-5', 64 * HOUR_MS],
  ['every quarter of working hours waits over the week-end', '*/15 9-16 * * 1-5', 64.25 * HOUR_MS],
];

for (const [title, cron, wait] of PAUSES) {
  test(`${title}, whenever it is asked`, () => {
    for (let hour = 0; hour < 168; hour += 17)
      assert.equal(findLongestWait(listNextFires, { cron, zone: 'UTC' }, FRIDAY + hour * HOUR_MS), wait, String(hour));
  });
}

test('a schedule that is the same every day is read off a few fires', () => {
  const asked: number[] = [];
  const listFires: typeof listNextFires = (schedule, after, count) => {
    asked.push(count);
    return listNextFires(schedule, after, count);
  };
  assert.equal(findLongestWait(listFires, { cron: '*/5 * * * *', zone: 'UTC' }, FRIDAY), HOUR_MS / 12);
  assert.deepEqual(asked, [8]);
});

test('a schedule nobody can read promises nothing', () => {
  assert.equal(findLongestWait(listNextFires, { cron: 'every other day', zone: 'UTC' }, FRIDAY), undefined);
});
