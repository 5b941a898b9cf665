import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createHashGate } from './hash-gate.ts';

it('never runs more at once than allowed, keeps order, and turns away what the line cannot hold', async () => {
  const gate = createHashGate({ concurrent: 2, waiting: 2 });
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const enter = (index: number) =>
    gate.pass(async () => {
      started.push(index);
      await new Promise<void>((resolve) => finish.push(resolve));
      return index;
    });
  const passing = [0, 1, 2, 3].map(enter);
  await assert.rejects(enter(4), { code: 'limit', retry: 'later' });
  assert.deepEqual(started, [0, 1]);

  finish[0]?.();
  assert.equal(await passing[0], 0);
  await new Promise(setImmediate);
  assert.deepEqual(started, [0, 1, 2]);

  for (const index of [1, 2, 3]) {
    finish[index]?.();
    assert.equal(await passing[index], index);
    await new Promise(setImmediate);
  }
  assert.deepEqual(started, [0, 1, 2, 3]);
});

it('a failing piece of work frees its place', async () => {
  const gate = createHashGate({ concurrent: 1, waiting: 0 });
  await assert.rejects(
    gate.pass(() => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await gate.pass(async () => 'next'), 'next');
});
