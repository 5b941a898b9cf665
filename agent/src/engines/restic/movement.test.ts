import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { readRecording } from './fixtures/recordings.ts';
import { createMovementWatch, createRetryWatch } from './movement.ts';

describe('the watch over movement', () => {
  const watch = (stallMs: number | undefined) => {
    const clock = createFixedClock(0);
    let stalls = 0;
    const movement = createMovementWatch(clock, stallMs, () => {
      stalls += 1;
    });
    return { clock, movement, stalls: () => stalls };
  };

  it('does not take status lines and the runtime’s own few bytes for movement', () => {
    const { clock, movement, stalls } = watch(300_000);
    for (let second = 1; second <= 400; second += 1) {
      clock.advance(1000);
      movement.onBytes(1_000_000 + second * 308, second * 300);
      movement.onAdvance('the same');
    }
    assert.equal(stalls(), 1, 'told once');
  });

  it('lets a slow line go on as long as bytes leave', () => {
    const { clock, movement, stalls } = watch(300_000);
    for (let second = 1; second <= 3000; second += 1) {
      clock.advance(1000);
      movement.onBytes(second * 1000, 0);
    }
    assert.equal(stalls(), 0);
  });

  it('counts files that are only looked at as movement', () => {
    const { clock, movement, stalls } = watch(300_000);
    for (let second = 1; second <= 1000; second += 1) {
      clock.advance(1000);
      movement.onAdvance(`files ${second}`);
      movement.onBytes(0, 0);
    }
    assert.equal(stalls(), 0);
  });

  it('never ends what has no limit', () => {
    const { clock, movement, stalls } = watch(undefined);
    clock.advance(10 ** 9);
    movement.onBytes(0, 0);
    assert.equal(stalls(), 0);
  });
});

describe('the watch over retries', () => {
  const feed = (lines: readonly string[], patience: Parameters<typeof createRetryWatch>[1], gapMs = 1000, advance = false) => {
    const clock = createFixedClock(0);
    let gaveUpAt: number | undefined;
    let line = 0;
    const watch = createRetryWatch(clock, patience, () => {
      assert.equal(gaveUpAt, undefined, 'told once');
      gaveUpAt = line;
    });
    for (const text of lines) {
      line += 1;
      clock.advance(gapMs);
      watch.onStderrLine(text);
      if (advance) watch.onAdvance();
    }
    return gaveUpAt;
  };
  const refused = readRecording('0.18', 'http-connection-refused').stderr.split('\n');
  const forbidden = readRecording('0.14', 'local-readonly').stderr.split('\n');

  it('gives up after the allowed number', () => {
    assert.equal(feed(refused, { retries: 3 }), 3);
    assert.equal(feed(refused, { retries: 100 }), undefined);
  });

  it('gives up after the allowed time without an advance', () => {
    const many = Array.from({ length: 100 }, () => refused[0] ?? '');
    assert.equal(feed(many, { retryMs: 30_000 }), 31);
    assert.equal(feed(many, { retryMs: 30_000 }, 1000, true), undefined, 'each advance starts the time anew');
  });

  it('gives up at the third retry of what waiting does not help', () => {
    assert.equal(feed(forbidden, {}), 3);
    assert.equal(feed(refused, {}), undefined);
  });

  it('does not count other lines', () => {
    assert.equal(
      feed(['Warning: x', '{"message_type":"status"}', 'retrying after 1s: permission denied', ''], { retries: 1 }),
      undefined,
    );
  });
});
