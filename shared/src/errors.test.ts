import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError, ERROR_CODES, fromWireError, toAppError, toWireError } from './errors.ts';

describe('An error', () => {
  it('knows whether trying again can help', () => {
    const expected: Record<(typeof ERROR_CODES)[number], string> = {
      invalid: 'after_change',
      unauthenticated: 'after_change',
      forbidden: 'never',
      not_found: 'after_change',
      conflict: 'after_change',
      precondition: 'after_change',
      limit: 'later',
      unavailable: 'later',
      cancelled: 'never',
      tool_failed: 'later',
      integrity: 'never',
      unsupported: 'never',
      internal: 'later',
    };
    assert.deepEqual(Object.fromEntries(ERROR_CODES.map((code) => [code, new AppError(code, 'x').retry])), expected);
  });

  it('of integrity is never retried, whatever is asked for or arrives', () => {
    assert.equal(new AppError('integrity', 'x', { retry: 'later' }).retry, 'never');
    assert.equal(fromWireError({ code: 'integrity', message: 'x', retry: 'later' }).retry, 'never');
  });

  it('keeps its cause, and has none when none is given', () => {
    const cause = new Error('root');
    assert.equal(new AppError('internal', 'x', { cause }).cause, cause);
    assert.equal('cause' in new AppError('internal', 'x'), false);
  });

  it('crosses the wire and comes back the same', () => {
    for (const code of ERROR_CODES.filter((one) => one !== 'internal')) {
      const error = new AppError(code, 'what happened', { details: { field: 'name', names: ['a'], n: 1, yes: true, no: null } });
      const back = fromWireError(toWireError(error, 'req_1'));
      assert.deepEqual(
        [back.code, back.message, back.retry, back.details],
        [error.code, error.message, error.retry, error.details],
      );
    }
  });

  it('that is internal keeps its text at home and gives its reference', () => {
    const wire = toWireError(new AppError('internal', 'password=geheim', { details: { path: '/x' } }), 'req_7');
    assert.deepEqual(wire, { code: 'internal', message: 'internal error, see the log under req_7', retry: 'later' });
  });

  it('is made of whatever was thrown', () => {
    const known = new AppError('limit', 'x');
    assert.equal(toAppError(known), known);
    for (const thrown of [new TypeError('boom'), 'boom', undefined, null, { toString: () => 'boom' }]) {
      const error = toAppError(thrown);
      assert.equal(error.code, 'internal');
      assert.equal(error.cause, thrown);
    }
  });
});
