import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { createQueue } from './queue.ts';

const run = (n: number) => `run_${n}` as RunId;

function setUp(concurrency = 2, waiting = 10) {
  const started: number[] = [];
  const aborted: number[] = [];
  const finish = new Map<number, () => void>();
  const limit = { concurrency };
  const queue = createQueue({ concurrency: () => limit.concurrency, waiting });
  const add = (n: number, sources: string[] = []) =>
    queue.enqueue({
      run: run(n),
      sources: sources as SourceId[],
      execute(signal) {
        started.push(n);
        return new Promise<void>((resolve) => {
          finish.set(n, resolve);
          const stop = () => {
            aborted.push(n);
            resolve();
          };
          if (signal.aborted) stop();
          else signal.addEventListener('abort', stop);
        });
      },
    });
  const end = async (n: number) => {
    finish.get(n)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, add, end, started, aborted, limit };
}

describe('The queue of a host', () => {
  it('runs so many at once and the rest in the order they came', async () => {
    const { queue, add, end, started } = setUp(2);
    for (const n of [1, 2, 3, 4]) add(n);
    assert.deepEqual(started, [1, 2]);
    assert.deepEqual([queue.active, queue.waiting], [2, 2]);
    assert.deepEqual(queue.listRuns(), [1, 2, 3, 4].map(run));
    await end(2);
    assert.deepEqual(started, [1, 2, 3]);
    await end(1);
    assert.deepEqual(started, [1, 2, 3, 4]);
    await end(3);
    await end(4);
    assert.deepEqual([queue.active, queue.waiting, queue.listRuns()], [0, 0, []]);
  });

  it('takes a higher concurrency at the next chance, and a lower one without stopping anything', async () => {
    const { add, end, started, limit } = setUp(1);
    for (const n of [1, 2, 3, 4]) add(n);
    limit.concurrency = 3;
    await end(1);
    assert.deepEqual(started, [1, 2, 3, 4]);
    limit.concurrency = 1;
    add(5);
    await end(2);
    await end(3);
    assert.deepEqual(started, [1, 2, 3, 4]);
    await end(4);
    assert.deepEqual(started, [1, 2, 3, 4, 5]);
  });

  it('refuses with a typed error when too many wait', () => {
    const { add, queue } = setUp(1, 2);
    for (const n of [1, 2, 3]) add(n);
    assert.throws(
      () => add(4),
      (error) => error instanceof AppError && error.code === 'limit',
    );
    assert.equal(queue.waiting, 2);
  });

  it('cancels what waits at once: it takes no slot and records its end with its signal aborted', async () => {
    const { queue, add, end, started, aborted } = setUp(1);
    for (const n of [1, 2, 3]) add(n);
    assert.equal(queue.cancel(run(2)), true);
    assert.deepEqual([started, aborted], [[1, 2], [2]]);
    await end(2);
    assert.deepEqual(queue.listRuns(), [run(1), run(3)]);
    await end(1);
    assert.deepEqual(started, [1, 2, 3]);
  });

  it('cancels what runs by its signal, and the next one follows', async () => {
    const { queue, add, end, started, aborted } = setUp(1);
    add(1);
    add(2);
    assert.equal(queue.cancel(run(1)), true);
    assert.deepEqual(aborted, [1]);
    await end(1);
    assert.deepEqual(started, [1, 2]);
  });

  it('knows nothing of a run that is not here or has ended', async () => {
    const { queue, add, end } = setUp();
    assert.equal(queue.cancel(run(9)), false);
    add(1);
    await end(1);
    assert.equal(queue.cancel(run(1)), false);
  });

  it('names the sources of everything that waits or runs', async () => {
    const { queue, add, end } = setUp(1);
    add(1, ['src_a']);
    add(2, ['src_b', 'src_c']);
    assert.deepEqual([...queue.listBusySources()].sort(), ['src_a', 'src_b', 'src_c']);
    await end(1);
    assert.deepEqual([...queue.listBusySources()].sort(), ['src_b', 'src_c']);
  });

  it('drains: what runs may end, what waits stays where it is', async () => {
    const { queue, add, end, started } = setUp(1);
    add(1);
    add(2);
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(drained, false);
    await end(1);
    await draining;
    assert.deepEqual(started, [1]);
    assert.deepEqual(queue.listRuns(), [run(2)]);
  });

  it('aborts everything that runs', () => {
    const { queue, add, aborted } = setUp(2);
    for (const n of [1, 2, 3]) add(n);
    queue.abortAll();
    assert.deepEqual(aborted, [1, 2]);
  });
});
