import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { AppError, ERROR_CODES } from '../errors.ts';
import { TEXT, WIRE } from '../limits.ts';
import { decodeAgentFrame, encodeFrame } from './codec.ts';
import { toFrameError } from './wire-error.ts';

function send(error: AppError) {
  const text = encodeFrame({ v: 1, id: 'f_1', type: 'error', at: 1, body: toFrameError(error, 'req_1') }, WIRE);
  const decoded = decodeAgentFrame(new TextEncoder().encode(text), WIRE);
  assert.ok(decoded.type === 'error');
  return decoded.body;
}

describe('An error on its way into a frame', () => {
  it('keeps what fits as it is', () => {
    const body = send(new AppError('conflict', 'taken', { details: { field: 'name', names: ['a', 'b'], expected: 3 } }));
    assert.deepEqual(body, {
      code: 'conflict',
      message: 'taken',
      retry: 'after_change',
      details: { field: 'name', names: ['a', 'b'], expected: 3 },
    });
  });

  it('is cut at the limit of the schema, never through a surrogate pair', () => {
    const body = send(new AppError('invalid', `${'x'.repeat(TEXT.errorChars - 1)}😀`));
    assert.equal(body.message, 'x'.repeat(TEXT.errorChars - 1));
  });

  it('fits a frame whatever was thrown', () => {
    const text = fc.oneof(
      fc.string({ unit: ANY_CHARACTER }),
      fc.constant('\u0000'.repeat(300_000)),
      fc.constant('😀'.repeat(9000)),
    );
    const details = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text)), {
      noNullPrototype: true,
      maxKeys: 3,
    });
    fc.assert(
      fc.property(fc.constantFrom(...ERROR_CODES), text, details, (code, message, some) => {
        assert.equal(send(new AppError(code, message, { details: some })).code, code);
      }),
      { numRuns: 50 },
    );
  });

  it('says nothing of an internal error but where to look', () => {
    const body = send(new AppError('internal', 'password=geheim', { details: { path: '/root' } }));
    assert.deepEqual(body, { code: 'internal', message: 'internal error, see the log under req_1', retry: 'later' });
  });
});
