import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { RUNS, TEXT } from '@holdfast/shared/limits.ts';
import { createHookEnvironment } from './facts.ts';

const facts = { run: 'run_1' as RunId, plan: 'nightly', host: 'web-1', sources: ['a', 'b'] };

describe('What a hook is told', () => {
  it('has a state only afterwards', () => {
    assert.deepEqual(createHookEnvironment(facts, { phase: 'before' }), {
      HOLDFAST_RUN: 'run_1',
      HOLDFAST_PLAN: 'nightly',
      HOLDFAST_HOST: 'web-1',
      HOLDFAST_PHASE: 'before',
      HOLDFAST_SOURCES: 'a\nb',
      HOLDFAST_SOURCE_COUNT: '2',
    });
    assert.equal(createHookEnvironment(facts, { phase: 'after', state: 'interrupted' })['HOLDFAST_STATE'], 'interrupted');
  });

  it('cannot be made to hold another line or an end by a name', () => {
    const environment = createHookEnvironment({ ...facts, plan: 'a\nb\0c', sources: ['x\ny'] }, { phase: 'before' });
    assert.equal(environment['HOLDFAST_PLAN'], 'a b c');
    assert.equal(environment['HOLDFAST_SOURCES'], 'x y');
  });

  it('fits into what the kernel takes, with the count telling what was left out', () => {
    const sources = Array.from({ length: RUNS.partsPerRun }, () => '漢'.repeat(TEXT.nameChars));
    const environment = createHookEnvironment({ ...facts, sources }, { phase: 'before' });
    const listed = environment['HOLDFAST_SOURCES'] ?? '';
    assert.ok(Buffer.byteLength(listed) <= 64 * 1024);
    assert.ok(listed.split('\n').every((name) => name === sources[0]));
    assert.equal(environment['HOLDFAST_SOURCE_COUNT'], String(RUNS.partsPerRun));
  });
});
