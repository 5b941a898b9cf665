import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import type { TreeNode } from '../engines/restic/tree-parse.ts';
import { createTreeCache } from './tree-cache.ts';
import { createTurns } from './turns.ts';

const list = (count: number): TreeNode[] =>
  Array.from({ length: count }, (_, at) => ({ entry: { name: `n${at}`, type: 'dir', sizeBytes: 0 }, treeId: `tree-${at}` }));

function openCache(cachedEntries: number) {
  let now = 0;
  const cache = createTreeCache({ monotonicMs: () => now }, { cachedEntries, cachedMs: 1000 });
  const pass = (ms: number) => {
    now += ms;
  };
  return { cache, pass };
}

describe('Directories that were read a moment ago', () => {
  it('are known by snapshot and path, and lead on to those in them', () => {
    const { cache } = openCache(100);
    cache.of('one').remember('/srv', list(3));
    assert.equal(cache.find('one', '/srv')?.length, 3);
    assert.equal(cache.find('two', '/srv'), undefined);
    assert.equal(cache.of('one').findTreeId('/srv/n1'), 'tree-1');
    assert.equal(cache.of('one').findTreeId('/srv/other'), undefined);
  });

  it('are forgotten after their time', () => {
    const { cache, pass } = openCache(100);
    cache.of('one').remember('/', list(1));
    pass(1000);
    assert.ok(cache.find('one', '/'));
    pass(1);
    assert.equal(cache.find('one', '/'), undefined);
  });

  it('make room for newer ones, the one looked at longest ago first, and never hold more than their limit', () => {
    const { cache } = openCache(10);
    const known = cache.of('one');
    known.remember('/a', list(4));
    known.remember('/b', list(4));
    cache.find('one', '/a');
    known.remember('/c', list(3));
    assert.deepEqual(
      ['/a', '/b', '/c'].map((path) => cache.find('one', path) !== undefined),
      [true, false, true],
    );
    known.remember('/huge', list(50));
    assert.equal(cache.find('one', '/huge'), undefined);
    assert.equal(cache.find('one', '/a'), undefined);
  });
});

describe('Turns', () => {
  it('let so many at a time, the others in order, and refuse what is too much', async () => {
    const takeTurn = createTurns(2, 2);
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const work = (number: number) =>
      takeTurn(() => {
        begun.push(number);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const all = [work(1), work(2), work(3), work(4)];
    await assert.rejects(work(5), (error) => error instanceof AppError && error.code === 'limit');
    assert.deepEqual(begun, [1, 2]);
    ends[0]?.();
    await all[0];
    await Promise.resolve();
    assert.deepEqual(begun, [1, 2, 3]);
    for (let at = 1; at < 4; at += 1) {
      ends[at]?.();
      await all[at];
      await Promise.resolve();
    }
    assert.deepEqual(begun, [1, 2, 3, 4]);
    await assert.rejects(
      takeTurn(() => Promise.reject(new Error('fails'))),
      /fails/,
    );
    assert.equal(await takeTurn(async () => 'free again'), 'free again');
  });
});
