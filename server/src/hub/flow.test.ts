import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import fc from 'fast-check';
import { createFlow } from './flow.ts';

describe('The flow of one host', () => {
  it('lets a burst of two seconds through, then asks for a pause that pays for each frame', () => {
    const clock = createFixedClock(0);
    const flow = createFlow(clock, 10, 1_000_000);
    for (let n = 0; n < 20; n += 1) assert.equal(flow.take(1), 0);
    assert.equal(flow.take(1), 100);
    assert.equal(flow.take(1), 200);
  });

  it('counts bytes as well as frames, whichever is dearer', () => {
    const flow = createFlow(createFixedClock(0), 1000, 100);
    assert.equal(flow.take(200), 0);
    assert.equal(flow.take(50), 500);
  });

  it('fills up again with time, but never above the burst', () => {
    const clock = createFixedClock(0);
    const flow = createFlow(clock, 10, 1000);
    for (let n = 0; n < 20; n += 1) flow.take(0);
    clock.advance(500);
    for (let n = 0; n < 5; n += 1) assert.equal(flow.take(0), 0);
    assert.ok(flow.take(0) > 0);
    clock.advance(3_600_000);
    for (let n = 0; n < 20; n += 1) assert.equal(flow.take(0), 0);
    assert.ok(flow.take(0) > 0);
  });

  it('is not fooled by a wall clock that jumps', () => {
    const clock = createFixedClock(0);
    const flow = createFlow(clock, 10, 1000);
    for (let n = 0; n < 20; n += 1) flow.take(0);
    clock.set(10 ** 12);
    assert.ok(flow.take(0) > 0);
  });

  it('never lets more through than burst and rate, if its pauses are kept', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }), (sizes) => {
        const clock = createFixedClock(0);
        const flow = createFlow(clock, 50, 1000);
        let bytes = 0;
        for (const size of sizes) {
          bytes += size;
          clock.advance(flow.take(size));
        }
        const seconds = clock.monotonicMs() / 1000;
        return bytes <= 2000 + 1000 * seconds + 1 && sizes.length <= 100 + 50 * seconds + 1;
      }),
    );
  });
});
