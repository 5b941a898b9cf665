import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { computeNextFire, listFires, readCron } from './next-fire.ts';

const ZONE = 'Europe/Berlin';
const FROM = Date.UTC(2026, 10, 20, 9);

describe('Expressions that were read once', () => {
  it('say the same for any instant, in any order, whatever was asked before', () => {
    const cron = '*/20 9-17 * * 1-5';
    const list = (after: number) => listFires({ cron, zone: ZONE }, after, after + 30 * 24 * 60 * MINUTE_MS, 200);
    const fires = list(FROM);
    assert.equal(fires.length, 200);
    for (const at of fires.toReversed()) assert.equal(computeNextFire({ cron, zone: ZONE }, at - 1), at);
    assert.deepEqual(list(FROM), fires);
    assert.equal(readCron(cron), readCron(cron));
  });

  it('are forgotten, the oldest first, beyond a thousand', () => {
    const expressions = Array.from({ length: 1000 }, (_, at) => `${at % 60} ${Math.floor(at / 60)} 29 * *`);
    const first = readCron('59 23 28 2 *');
    for (const expression of expressions) readCron(expression);
    assert.notEqual(readCron('59 23 28 2 *'), first);
    assert.equal(computeNextFire({ cron: '59 23 28 2 *', zone: 'UTC' }, FROM), Date.UTC(2027, 1, 28, 23, 59));
  });

  it('throw each time where they cannot be read', () => {
    for (let time = 0; time < 2; time += 1) assert.throws(() => readCron('61 * * * *'));
  });
});
