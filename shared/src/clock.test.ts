import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock, systemClock, systemRandomBytes } from './clock.ts';

describe('The fixed clock', () => {
  it('stands still until it is told otherwise', () => {
    const clock = createFixedClock(1000);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1000, 0]);
    clock.advance(50);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1050, 50]);
  });

  it('jumps like the clock of a machine: the wall clock only', () => {
    const clock = createFixedClock(1000);
    clock.set(500);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [500, 0]);
  });
});

describe('The system clock', () => {
  it('counts whole milliseconds since 1970 and durations that never go back', () => {
    assert.ok(Number.isInteger(systemClock.now()));
    let last = systemClock.monotonicMs();
    for (let n = 0; n < 1000; n += 1) {
      const next = systemClock.monotonicMs();
      assert.ok(next >= last);
      last = next;
    }
  });
});

describe('System randomness', () => {
  it('fills the asked number of bytes, differently each time', () => {
    const [a, b] = [systemRandomBytes(32), systemRandomBytes(32)];
    assert.equal(a.length, 32);
    assert.notDeepEqual(a, b);
    assert.equal(systemRandomBytes(0).length, 0);
  });
});
