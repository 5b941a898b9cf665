import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { createOwnProcesses } from './own-processes.ts';

describe('the memory of own processes', () => {
  it('knows a process by its pid only within its life', () => {
    const clock = createFixedClock(1_000_000);
    const own = createOwnProcesses(clock);
    own.onStarted({ pid: 7 });
    clock.advance(60_000);
    assert.equal(own.find(7, 1_030_000), 'running');
    own.onEnded({ pid: 7 });
    assert.equal(own.find(7, 1_030_000), 'ended');
    assert.equal(own.find(7, 900_000), undefined, 'a lock from before it started is another’s');
    assert.equal(own.find(7, 1_070_000), undefined, 'a lock from after its end is another’s');
    assert.equal(own.find(8, 1_030_000), undefined);
  });

  it('tells two processes with the same pid apart by time', () => {
    const clock = createFixedClock(0);
    const own = createOwnProcesses(clock);
    own.remember({ pid: 7, startedAt: -100_000, endedAt: -50_000 });
    own.onStarted({ pid: 7 });
    assert.equal(own.find(7, -70_000), 'ended');
    assert.equal(own.find(7, 1000), 'running');
  });

  it('forgets the oldest first', () => {
    const clock = createFixedClock(0);
    const own = createOwnProcesses(clock, 2);
    for (const pid of [1, 2, 3]) own.onStarted({ pid });
    assert.equal(own.find(1, 0), undefined);
    assert.equal(own.find(3, 0), 'running');
  });
});
