import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeMissingDates } from './fires.ts';

const tell = (cron: string) => describeMissingDates({ cron, zone: 'Europe/Berlin' });

describe('A schedule that names dates which some months do not have', () => {
  it('says in which months it does not fire, and how long that may be', () => {
    assert.equal(
      tell('0 2 31 * *'),
      'No fire comes in February, April, June, September and November: there is no such day. Up to 61 days pass between two fires. Write L for the last day of each month.',
    );
    assert.match(tell('0 2 30 * *') ?? '', /^No fire comes in February: there is no such day\. Up to 60 days pass/);
    assert.match(tell('0 2 29 * *') ?? '', /^No fire comes in February, but for leap years: .* Up to 59 days pass/);
    assert.match(tell('0 2 31 3,4,5 *') ?? '', /^No fire comes in April: there is no such day\. Up to 305 days pass/);
  });

  it('says of the leap day alone how many years may pass', () => {
    assert.equal(
      tell('0 0 29 2 *'),
      'No fire comes in February, but for leap years: there is no such day. Up to 8 years pass between two fires.',
    );
  });

  it('says nothing where each month has one of its days, or the days of the week fill in', () => {
    for (const cron of [
      '0 2 * * *',
      '0 2 28 * *',
      '0 2 1,31 * *',
      '0 2 31 * 1',
      '0 2 31 1,3 *',
      '0 2 L * *',
      '0 9-17 * * 1-5',
      'nonsense',
    ])
      assert.equal(tell(cron), undefined, cron);
  });
});
