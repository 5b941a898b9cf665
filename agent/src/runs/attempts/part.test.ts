import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { abortForStop } from './agent-stop.ts';
import { endPart, toFailure } from './part.ts';

const SOURCE = 'source_a' as SourceId;

describe('The end of a part whose work threw', () => {
  it('is failed with the code and the reason of the error', () => {
    const part = endPart(SOURCE, createReasonError('repository_locked', 'Somebody holds it'));
    assert.equal(part.state, 'failed');
    assert.equal(part.failure?.code, 'conflict');
    assert.equal(part.failure?.reason, 'repository_locked');
    assert.match(part.failure?.message ?? '', /^Somebody holds it\. Wait for/);
  });

  it('is cancelled when a person asked for it, or the work says so', () => {
    assert.equal(endPart(SOURCE, new AppError('tool_failed', 'x'), AbortSignal.abort()).state, 'cancelled');
    assert.equal(endPart(SOURCE, createReasonError('cancelled', 'x')).state, 'cancelled');
  });

  it('is interrupted when the agent was stopped, whatever the work says of it', () => {
    const controller = new AbortController();
    abortForStop(controller);
    for (const thrown of [createReasonError('cancelled', 'x'), new TypeError('x')]) {
      const { state, failure } = endPart(SOURCE, thrown, AbortSignal.any([controller.signal, new AbortController().signal]));
      assert.deepEqual([state, failure.code, failure.reason], ['failed', 'unavailable', 'interrupted']);
      assert.match(failure.message, /^The agent was stopped in the middle of this run\./);
    }
  });

  it('tells nothing of what an unknown error says', () => {
    const failure = endPart(SOURCE, new TypeError('secret inner words')).failure;
    assert.equal(failure?.code, 'internal');
    assert.equal(failure?.reason, undefined);
  });

  it('has no reason where the error has none', () => {
    assert.deepEqual(toFailure(new AppError('integrity', 'changed')), { code: 'integrity', message: 'changed' });
  });
});
