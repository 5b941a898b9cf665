import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRate } from './rate.ts';

describe('The rate of a transfer', () => {
  it('is nothing at first, then bytes a second over the looks of the last ten seconds', () => {
    let at = 0;
    const rate = createRate({ monotonicMs: () => at });
    const look = (atMs: number, bytes: number) => {
      at = atMs;
      return rate.look(bytes);
    };
    assert.equal(look(0, 0), 0);
    assert.equal(look(1000, 500), 500);
    assert.equal(look(2000, 2000), 1000);
    // The first look is eleven seconds old and no longer counts.
    assert.equal(look(11_000, 2000), 150);
    assert.equal(look(30_000, 9000), 0);
  });

  it('is never below zero, whatever the tool counts', () => {
    let at = 0;
    const rate = createRate({ monotonicMs: () => at });
    rate.look(1000);
    at = 1000;
    assert.equal(rate.look(10), 0);
  });
});
