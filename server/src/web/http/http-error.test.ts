import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError, ERROR_CODES, type ErrorCode } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { API_CODES, createHttpFault, parseInput, toHttpError } from './http-error.ts';

const STATUS: Record<ErrorCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition: 409,
  limit: 429,
  unavailable: 503,
  cancelled: 409,
  tool_failed: 502,
  integrity: 409,
  unsupported: 501,
  internal: 500,
};

describe('The mapping of errors', () => {
  for (const code of ERROR_CODES) {
    it(`answers ${code} with ${STATUS[code]} and ${API_CODES[code]}`, () => {
      assert.equal(toHttpError(new AppError(code, 'text'), 'req_1').status, STATUS[code]);
    });
  }

  it('has one name for each code', () => {
    assert.equal(new Set(Object.values(API_CODES)).size, ERROR_CODES.length);
  });

  it('answers 410 for what has done its work', () => {
    assert.equal(toHttpError(new AppError('conflict', 'used', { details: { gone: true } }), 'req_1').status, 410);
  });

  it('answers 412 for a stale version only where the request named one', () => {
    const stale = new AppError('conflict', 'changed meanwhile', { details: { field: 'version', current: 3 } });
    assert.equal(toHttpError(stale, 'req_1', true).status, 412);
    assert.equal(toHttpError(stale, 'req_1', false).status, 409);
    for (const details of [{ field: 'name' }, {}])
      assert.equal(toHttpError(new AppError('conflict', 'taken', { details }), 'req_1', true).status, 409);
  });

  it('tells nothing of an unknown failure but where to look for it', () => {
    const failure = toHttpError(new Error('password=hunter2 at /srv/secret'), 'req_9');
    assert.equal(failure.status, 500);
    assert.equal(failure.error.code, 'internal');
    assert.match(failure.message, /req_9/);
    assert.doesNotMatch(JSON.stringify([failure.message, failure.details]), /hunter2|srv/);
  });

  it('keeps its own status out of the details', () => {
    const failure = toHttpError(createHttpFault('invalid', 415, 'no'), 'req_1');
    assert.deepEqual([failure.status, failure.details], [415, {}]);
  });

  it('says how long to wait', () => {
    const waitOf = (error: AppError) => toHttpError(error, 'req_1').retryAfterS;
    assert.equal(waitOf(new AppError('limit', 'x', { details: { retryAfterS: 7 } })), 7);
    assert.equal(waitOf(new AppError('unavailable', 'the host is offline')), 10);
    assert.equal(waitOf(new AppError('limit', 'more of them than may be', { retry: 'after_change' })), undefined);
    assert.equal(waitOf(new AppError('conflict', 'taken')), undefined);
    assert.equal(waitOf(createHttpFault('limit', 413, 'the request is larger than this server reads')), undefined);
  });
});

describe('The check of input', () => {
  const schema = z.strictObject({
    name: z.string().min(1, 'is needed'),
    schedule: z.strictObject({ cron: z.string().max(5, 'is too long') }).optional(),
    either: z
      .union([z.strictObject({ a: z.number() }), z.strictObject({ b: z.strictObject({ c: z.number('must be a number') }) })])
      .optional(),
  });
  const refuse = (value: unknown): AppError => {
    try {
      parseInput(schema, value, 'body');
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
    throw new Error('it was accepted');
  };

  it('names each field at fault, and each that is unknown', () => {
    const error = refuse({ name: '', schedule: { cron: '* * * * *', zone: 1 }, evil: 1 });
    assert.equal(error.code, 'invalid');
    assert.equal(error.details['field.name'], 'is needed');
    assert.equal(error.details['field.schedule.cron'], 'is too long');
    assert.equal(error.details['field.schedule.zone'], 'unknown field');
    assert.equal(error.details['field.evil'], 'unknown field');
    assert.match(error.message, /^the body is not accepted: name: is needed; .*evil: unknown field/);
  });

  it('tells of the branch of a union that was meant', () => {
    assert.equal(refuse({ name: 'x', either: { b: { c: 'no' } } }).details['field.either.b.c'], 'must be a number');
  });

  it('stays short whatever is sent', () => {
    const error = refuse(Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`.padEnd(3000, 'x'), 1])));
    assert.ok(JSON.stringify(error.details).length < 20_000);
    assert.ok(error.message.length < 10_000);
  });

  it('names a field that is called like a part of every object', () => {
    const error = refuse(JSON.parse('{"name":"x","__proto__":{"admin":true},"constructor":1}'));
    assert.equal(error.details['field.constructor'], 'unknown field');
    assert.equal(Object.hasOwn(Object.prototype, 'admin'), false);
  });
});
