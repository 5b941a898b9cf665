import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSkewWatch } from './skew.ts';

const lag = fc.integer({ min: 0, max: 5000 });

describe('The skew of a host’s clock', () => {
  it('is measured to within half the time on the line, however long the host thinks', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e10, max: 1e10 }), lag, lag, lag, (skewMs, there, thinks, back) => {
        const sent = 1_700_000_000_000;
        const arrived = sent + there + thinks + back;
        const measured = createSkewWatch().greet({
          challengeSentAt: sent,
          challengedAt: sent + there + skewMs,
          helloSentAt: sent + there + thinks + skewMs,
          helloArrivedAt: arrived,
        });
        assert.ok(Math.abs(measured - skewMs) <= (there + back) / 2 + 1);
      }),
    );
  });

  it('stays as it was measured while single frames are late', () => {
    const watch = createSkewWatch();
    watch.greet({ challengeSentAt: 0, challengedAt: 7000, helloSentAt: 7000, helloArrivedAt: 0 });
    for (const delay of [10, 4000, 9000, 20, 30_000, 8000, 5])
      assert.equal(watch.beat(7000 + 100_000, 100_000 + delay), undefined, `a delay of ${delay} ms`);
  });

  for (const stepMs of [90_000, -90_000]) {
    it(`follows within three frames when the clock is set by ${stepMs} ms`, () => {
      const watch = createSkewWatch();
      watch.greet({ challengeSentAt: 0, challengedAt: 0, helloSentAt: 0, helloArrivedAt: 0 });
      const seen: (number | undefined)[] = [];
      for (let n = 0; n < 3; n += 1) watch.beat(1000, 1005);
      for (let n = 0; n < 4; n += 1) seen.push(watch.beat(1000 + stepMs, 1005));
      assert.equal(seen.filter((one) => one !== undefined).length, 1);
      assert.equal(
        seen.find((one) => one !== undefined),
        stepMs - 5,
      );
    });
  }
});
