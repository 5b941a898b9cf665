import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tryAgainAlone } from './second-try.ts';
import type { PhaseResult } from './verdicts.ts';

const good: PhaseResult = { passed: 3, failures: [] };
const bad = (title: string): PhaseResult => ({ passed: 2, failures: [{ title, detail: 'too late' }] });

describe('A second try', () => {
  it('is had by files that failed, one after the other, and by no others', async () => {
    const tried: string[] = [];
    const first = new Map([
      ['a', good],
      ['b', bad('b: x')],
      ['c', bad('c: y')],
    ]);
    const result = await tryAgainAlone(first, async (file) => {
      tried.push(file);
      return file === 'b' ? good : bad('c: z');
    });
    assert.deepEqual(tried, ['b', 'c']);
    assert.deepEqual(result, {
      passed: 8,
      failures: [{ title: 'c: y', detail: 'too late' }],
      onlyAlone: [{ title: 'b: x', detail: 'too late' }],
    });
  });

  it('is had by none where so much failed that the crowd is no reason', async () => {
    const first = new Map(Array.from({ length: 7 }, (_, index) => [`f${index}`, bad(`f${index}: x`)] as const));
    const result = await tryAgainAlone(first, async () => assert.fail('nothing is tried again'));
    assert.deepEqual([result.passed, result.failures.length, result.onlyAlone], [14, 7, []]);
  });
});
