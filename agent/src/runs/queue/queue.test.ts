import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Priority } from '@holdfast/shared/domain/plan.ts';
import type { Hold } from './hold.ts';
import { createQueue, type NextAttempt } from './queue.ts';

const run = (n: number) => `run_${n}` as RunId;

function setUp(concurrency = 2) {
  const started: number[] = [];
  const aborted: number[] = [];
  const finish = new Map<number, (next?: NextAttempt) => void>();
  const limit = { concurrency };
  const timers = new Map<() => void, number>();
  const holds = new Map<number, Hold>();
  const told: string[] = [];
  const queue = createQueue({
    concurrency: () => limit.concurrency,
    repositoryConcurrency: (id) => (id === 'repo_narrow' ? 1 : Number.POSITIVE_INFINITY),
    findHold: (job) => holds.get(Number(job.run.slice('run_'.length))),
    setTimer(ms, callback) {
      timers.set(callback, ms);
      return () => void timers.delete(callback);
    },
  });
  /** Lets the time of everything that waits aside come. */
  const passTime = () => {
    const due = [...timers.keys()];
    timers.clear();
    for (const callback of due) callback();
  };
  type Wishes = {
    sources?: string[];
    priority?: Priority;
    repository?: string;
    afterMs?: number;
    isExclusive?: boolean;
    needsNoSlot?: boolean;
  };
  const add = (
    n: number,
    { sources = [], priority = 'normal', repository = 'repo_wide', afterMs, isExclusive, needsNoSlot }: Wishes = {},
  ) =>
    queue.enqueue(
      {
        run: run(n),
        kind: 'backup',
        priority,
        repository: repository as RepositoryId,
        sources: sources as SourceId[],
        isExclusive,
        needsNoSlot,
        onHeld: (hold) => void told.push(`${n} waits: ${hold.message}`),
        onReleased: () => void told.push(`${n} begins`),
        execute(signal) {
          started.push(n);
          return new Promise<NextAttempt | undefined>((resolve) => {
            finish.set(n, resolve);
            const stop = () => {
              aborted.push(n);
              resolve(undefined);
            };
            if (signal.aborted) stop();
            else signal.addEventListener('abort', stop);
          });
        },
      },
      afterMs,
    );
  const end = async (n: number, next?: NextAttempt) => {
    finish.get(n)?.(next);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, add, end, started, aborted, limit, timers, passTime, holds, told };
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

  it('knows which repositories something goes on in', async () => {
    const { queue, add, end } = setUp(1);
    const isBusy = () => ['repo_a', 'repo_b'].map((id) => queue.isBusy(id as RepositoryId));
    assert.deepEqual(isBusy(), [false, false]);
    add(1, { repository: 'repo_a' });
    add(2, { repository: 'repo_b' });
    assert.deepEqual(isBusy(), [true, false], 'what waits is not going on');
    await end(1);
    assert.deepEqual(isBusy(), [false, true]);
    await end(2);
    assert.deepEqual(isBusy(), [false, false]);
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

  it('takes the higher priority first, and within one the order they came', async () => {
    const { add, end, started } = setUp(1);
    add(1);
    add(2, { priority: 'low' });
    add(3);
    add(4, { priority: 'high' });
    add(5, { priority: 'high' });
    for (const n of [1, 4, 5, 3]) await end(n);
    assert.deepEqual(started, [1, 4, 5, 3, 2]);
  });

  it('never reads one source twice at once, and lets others pass meanwhile', async () => {
    const { add, end, started } = setUp(3);
    add(1, { sources: ['src_a', 'src_b'] });
    add(2, { sources: ['src_b'] });
    add(3, { sources: ['src_c'] });
    assert.deepEqual(started, [1, 3]);
    await end(3);
    assert.deepEqual(started, [1, 3]);
    await end(1);
    assert.deepEqual(started, [1, 3, 2]);
  });

  it('gives a repository no more runs at once than it allows', async () => {
    const { add, end, started } = setUp(3);
    add(1, { repository: 'repo_narrow' });
    add(2, { repository: 'repo_narrow' });
    add(3, { repository: 'repo_wide' });
    assert.deepEqual(started, [1, 3]);
    await end(1);
    assert.deepEqual(started, [1, 3, 2]);
  });

  it('begins what others may wait for whatever else runs, and leaves them every slot', async () => {
    const { add, end, started } = setUp(1);
    add(1, { repository: 'repo_narrow', isExclusive: true });
    add(2, { repository: 'repo_narrow' });
    add(3, { repository: 'repo_narrow', needsNoSlot: true });
    assert.deepEqual(started, [1, 3]);
    await end(1);
    assert.deepEqual(started, [1, 3, 2], 'it keeps nobody from beginning');
  });

  it('lets what removes snapshots have its repository to itself, and others pass elsewhere', async () => {
    const { queue, add, started, end } = setUp(5);
    add(1);
    add(2, { isExclusive: true });
    add(3);
    add(4, { isExclusive: true, repository: 'repo_other' });
    add(5, { repository: 'repo_other' });
    assert.deepEqual(started, [1, 3, 4]);
    await end(1);
    assert.deepEqual(started, [1, 3, 4]);
    await end(3);
    assert.deepEqual(started, [1, 3, 4, 2]);
    add(6);
    await end(4);
    assert.deepEqual(started, [1, 3, 4, 2, 5]);
    await end(2);
    assert.deepEqual(started, [1, 3, 4, 2, 5, 6]);
    assert.equal(queue.waiting, 0);
  });

  it('says once to whom a repository belongs that somebody waits for, and nothing to those who do not', async () => {
    const { add, end, told } = setUp(5);
    add(1);
    add(2, { isExclusive: true });
    assert.deepEqual(told, [], 'who wants it for itself hears of nobody in particular');
    await end(1);
    add(3, { priority: 'high' });
    add(4, { repository: 'repo_other' });
    add(5, { isExclusive: true });
    const words = 'waits: backup run_2 of this host has the repository to itself';
    assert.deepEqual(told, [`3 ${words}`, `5 ${words}`]);
    await end(4);
    assert.equal(told.length, 2);
    await end(2);
    assert.deepEqual(told.slice(2), ['3 begins']);
    await end(3);
    assert.deepEqual(told.slice(3), ['5 begins']);
  });

  it('keeps a job that is to be tried again aside, without a slot, until its time has come', async () => {
    const { queue, add, end, started, timers, passTime } = setUp(1);
    add(1, { sources: ['src_a'] });
    add(2);
    await end(1, { afterMs: 60_000 });
    assert.deepEqual([started, [...timers.values()]], [[1, 2], [60_000]]);
    assert.deepEqual([queue.active, queue.waiting, [...queue.listBusySources()]], [1, 1, ['src_a']]);
    passTime();
    assert.deepEqual(started, [1, 2]);
    await end(2);
    assert.deepEqual(started, [1, 2, 1]);
    await end(1);
    assert.deepEqual(queue.listRuns(), []);
  });

  it('begins a job that is enqueued for later at its time, and cancels it at once before', () => {
    const { queue, add, started, aborted, timers, passTime } = setUp(2);
    add(1, { afterMs: 1000 });
    add(2, { afterMs: 1000 });
    assert.deepEqual(started, []);
    assert.equal(queue.cancel(run(2)), true);
    assert.deepEqual([started, aborted, timers.size], [[2], [2], 1]);
    passTime();
    assert.deepEqual(started, [2, 1]);
  });

  it('does not keep a cancelled job waiting for another attempt', async () => {
    const { queue, add, started, timers } = setUp(1);
    let attempts = 0;
    queue.enqueue({
      run: run(7),
      kind: 'backup',
      onHeld: () => undefined,
      onReleased: () => undefined,
      priority: 'normal',
      repository: 'repo_wide' as RepositoryId,
      sources: [],
      execute: (signal) => {
        attempts += 1;
        // The attempt fails as the cancel arrives: it does not see the signal any more.
        return attempts > 1 || !signal.aborted
          ? Promise.resolve(attempts > 1 ? undefined : { afterMs: 60_000 })
          : Promise.resolve(undefined);
      },
    });
    queue.cancel(run(7));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([attempts, timers.size, queue.listRuns()], [2, 0, []]);
    add(1);
    assert.deepEqual(started, [1]);
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

  it('lets others pass what is held, and begins it in its old place when nothing holds it any more', async () => {
    const { queue, add, end, started, holds, told } = setUp(1);
    holds.set(1, { reason: 'secrets', message: 'the server is not there' });
    for (const n of [1, 2, 3]) add(n);
    assert.deepEqual([started, queue.waiting], [[2], 2]);
    queue.reconsider();
    assert.deepEqual(told, ['1 waits: the server is not there']);
    holds.clear();
    queue.reconsider();
    assert.deepEqual(started, [2]);
    await end(2);
    assert.deepEqual([started, told.slice(1)], [[2, 1], ['1 begins']]);
  });

  it('tells a run of every reason it is held for once, even while no slot is free', async () => {
    const { queue, add, end, started, holds, told } = setUp(1);
    add(1);
    holds.set(2, { reason: 'draining', message: 'drained until six' });
    add(2);
    holds.set(2, { reason: 'draining', message: 'drained until seven' });
    queue.reconsider();
    holds.set(2, { reason: 'secrets', message: 'nobody has the key' });
    queue.reconsider();
    assert.deepEqual(told, ['2 waits: drained until six', '2 waits: nobody has the key']);
    holds.clear();
    await end(1);
    assert.deepEqual([started, told.at(-1)], [[1, 2], '2 begins']);
  });

  it('says nothing of a wait where nothing was held', async () => {
    const { queue, add, end, told } = setUp(1);
    add(1);
    add(2);
    await end(1);
    queue.reconsider();
    assert.deepEqual(told, []);
  });

  it('cancels what is held at once: it only records its end', () => {
    const { queue, add, started, aborted, holds, told } = setUp(1);
    holds.set(1, { reason: 'draining', message: 'drained' });
    add(1);
    assert.equal(queue.cancel(run(1)), true);
    assert.deepEqual([started, aborted, told], [[1], [1], ['1 waits: drained']]);
  });

  it('holds an attempt that is due while the host is drained, and says so again', async () => {
    const { queue, add, end, started, passTime, holds, told } = setUp(1);
    holds.set(1, { reason: 'draining', message: 'drained' });
    add(1);
    holds.clear();
    queue.reconsider();
    await end(1, { afterMs: 1000 });
    holds.set(1, { reason: 'draining', message: 'drained again' });
    passTime();
    assert.deepEqual([started, queue.waiting], [[1], 1]);
    holds.clear();
    queue.reconsider();
    assert.deepEqual(
      [started, told],
      [
        [1, 1],
        ['1 waits: drained', '1 begins', '1 waits: drained again', '1 begins'],
      ],
    );
  });

  it('begins nothing while it is paused, not even what is looked at again, and everything afterwards', () => {
    const { queue, add, started } = setUp(2);
    queue.pause();
    add(1);
    queue.reconsider();
    assert.deepEqual([started, queue.listWaiting()], [[], [run(1)]]);
    queue.resume();
    assert.deepEqual(started, [1]);
  });

  it('begins nothing that was held once it is stopped', async () => {
    const { queue, add, started, holds } = setUp(1);
    holds.set(1, { reason: 'draining', message: 'drained' });
    add(1);
    await queue.drain();
    holds.clear();
    queue.reconsider();
    assert.deepEqual([started, queue.listRuns()], [[], [run(1)]]);
  });

  it('names the sources of everything that waits or runs', async () => {
    const { queue, add, end } = setUp(1);
    add(1, { sources: ['src_a'] });
    add(2, { sources: ['src_b', 'src_c'] });
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

  it('drains without waiting for what is to be tried again later', async () => {
    const { queue, add, end, timers, passTime, started } = setUp(1);
    add(1);
    await end(1, { afterMs: 5 });
    await queue.drain();
    assert.deepEqual([timers.size, queue.listRuns()], [0, [run(1)]]);
    passTime();
    assert.deepEqual(started, [1]);
  });

  it('aborts everything that runs', () => {
    const { queue, add, aborted } = setUp(2);
    for (const n of [1, 2, 3]) add(n);
    queue.abortAll();
    assert.deepEqual(aborted, [1, 2]);
  });
});
