import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { createAttemptLimiter, groupAddress } from './attempts.ts';

describe('The limit of attempts', () => {
  it('lets as many through as it says, and names the wait to the next', async () => {
    const limiter = createAttemptLimiter('test', 3, 'too many');
    for (let n = 0; n < 3; n += 1) await limiter.take('a');
    await assert.rejects(limiter.take('a'), (error: unknown) => {
      assert.ok(error instanceof AppError && error.code === 'limit');
      const wait = error.details['retryAfterS'];
      assert.ok(typeof wait === 'number' && wait > 0 && wait <= 60);
      return true;
    });
    await limiter.take('b');
  });

  it('counts no more than it needs of a long key', async () => {
    const limiter = createAttemptLimiter('test', 1, 'too many');
    await limiter.take('x'.repeat(100_000));
    await assert.rejects(limiter.take('x'.repeat(100_001)));
  });
});

describe('Addresses of one party', () => {
  for (const [address, group] of [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ] as const) {
    it(`count ${address} as ${group}`, () => assert.equal(groupAddress(address), group));
  }
});
