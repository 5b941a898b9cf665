import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openRunRig } from '../fixtures/run-rig.ts';
import type { HalfRestored } from '../journaled-run.ts';
import { dependsOnServer } from './restore-inquiry.ts';

describe('A restore that was cut off', () => {
  it('waits for its database server only where that knows how it ended', () => {
    const halves: [HalfRestored | undefined, boolean][] = [
      [undefined, false],
      [{ made: ['scratch'] }, false],
      [{ made: [], roles: 'take_back' }, false],
      [{ made: [], change: {} }, false],
      [{ made: [], change: { mark: '42' } }, true],
      [{ made: [], change: { isDone: true } }, true],
      [{ made: ['scratch'], swap: { target: 'shop', aside: 'old' } }, true],
    ];
    for (const [half, waits] of halves) assert.equal(dependsOnServer(half), waits, JSON.stringify(half));
  });
});

describe('Somebody who cancels a run that is open and in no queue', () => {
  /** With a restore that an earlier life of the agent left open. */
  const openCut = async (t: TestContext) => {
    const { executor, workbench } = await openRunRig(t);
    const run = workbench.createId('run');
    workbench.journal.runs.record({ run, kind: 'restore', body: null });
    return { executor, run };
  };

  it('is heard once by whoever finds out how it ended', async (t) => {
    const { executor, run } = await openCut(t);
    let heard = 0;
    const stop = executor.awaitCancel(run, () => {
      heard += 1;
      stop();
    });
    assert.equal(executor.cancel(run), true);
    assert.equal(executor.cancel(run), true);
    assert.equal(heard, 1);
  });

  it('is heard also where that was before anybody listened, and not by those who have stopped', async (t) => {
    const { executor, run } = await openCut(t);
    executor.cancel(run);
    const { promise, resolve } = Promise.withResolvers<void>();
    executor.awaitCancel(run, resolve)();
    executor.cancel(run);
    executor.awaitCancel(run, resolve);
    await promise;
  });
});
