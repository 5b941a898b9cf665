import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError, ERROR_CODES } from '../errors.ts';
import { TEXT } from '../limits.ts';
import { createReasonError, findReason, getAdvice, REASON_NAMES } from './reason.ts';
import { failureSchema } from './run.ts';

describe('A reason', () => {
  for (const reason of REASON_NAMES) {
    it(`is a known word with a code and advice in whole sentences: ${reason}`, () => {
      assert.match(reason, /^[a-z]+(_[a-z]+)*$/);
      const advice = getAdvice(reason);
      assert.match(advice, /^[A-Z].{10,}\.$/u);
      const error = createReasonError(reason, 'something happened');
      assert.ok(ERROR_CODES.includes(error.code));
      assert.equal(error.message, `something happened. ${advice}`);
      assert.equal(findReason(error), reason);
      assert.ok(failureSchema.safeParse({ code: error.code, message: error.message, reason }).success);
    });
  }

  it('that casts doubt on a backup is never retried by itself', () => {
    for (const reason of ['repository_damaged', 'size_below_floor', 'evidence_failed'] as const) {
      const error = createReasonError(reason, 'x');
      assert.equal(error.code, 'integrity');
      assert.equal(error.retry, 'never');
    }
  });

  it('that the same run would meet again waits for a change', () => {
    for (const reason of ['memory_limit', 'source_missing', 'repository_missing'] as const)
      assert.equal(createReasonError(reason, 'x').retry, 'after_change', reason);
  });

  it('covers each fault an operator must tell apart', () => {
    const needed = [
      'dump_failed',
      'database_unreachable',
      'database_authentication',
      'repository_unreachable',
      'repository_password',
      'repository_missing',
      'repository_locked',
      'repository_full',
      'files_unreadable',
      'disk_full',
      'tool_missing',
      'target_not_empty',
      'cancelled',
      'interrupted',
      'stalled',
      'expired',
    ];
    assert.deepEqual(
      needed.filter((reason) => !(REASON_NAMES as string[]).includes(reason)),
      [],
    );
  });

  it('keeps the punctuation of the tool’s own words', () => {
    assert.match(createReasonError('dump_failed', 'no!').message, /^no! Read/);
    assert.match(createReasonError('dump_failed', 'why?').message, /^why\? Read/);
    assert.match(createReasonError('dump_failed', 'done.').message, /^done\. Read/);
  });

  it('is found only where it was put', () => {
    assert.equal(findReason(new AppError('internal', 'x')), undefined);
    for (const reason of ['no_such_reason', 'toString', '__proto__', 7, null] as const)
      assert.equal(findReason(new AppError('internal', 'x', { details: { reason } })), undefined, String(reason));
  });

  it('leaves room for the words of the tool', () => {
    for (const reason of REASON_NAMES) assert.ok(getAdvice(reason).length < TEXT.errorChars / 10);
  });
});
