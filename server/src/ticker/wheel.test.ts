import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWheel } from './wheel.ts';

const MINUTE_MS = 60_000;

function createLog() {
  const lines: { fields: object; message: string }[] = [];
  const note = (fields: object, message: string) => void lines.push({ fields, message });
  return { lines, log: { info: note, warn: note, error: note } };
}

/** What has settled is noticed in the turn after. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('A task of the ticker', () => {
  it('stands still once its round has not ended for a quarter of an hour, and no longer when it ends', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const round = Promise.withResolvers<void>();
    let rounds = 0;
    const run = () => {
      rounds += 1;
      return rounds === 1 ? round.promise : Promise.resolve();
    };
    const wheel = startWheel({ name: 'fires', everyMs: MINUTE_MS, run }, createLog().log);
    assert.equal(wheel.findStall(), undefined, 'before it began');
    t.mock.timers.tick(15 * MINUTE_MS);
    assert.deepEqual([rounds, wheel.findStall()], [1, undefined], 'never twice at once');
    t.mock.timers.tick(MINUTE_MS);
    assert.equal(wheel.findStall(), 'fires');
    round.resolve();
    await settle();
    assert.equal(wheel.findStall(), undefined);
    t.mock.timers.tick(MINUTE_MS);
    assert.equal(rounds, 2, 'it goes on');
    wheel.stop();
  });

  it('that fails is no stall: it is logged under its name, and begins again', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { lines, log } = createLog();
    const wheel = startWheel({ name: 'drills', everyMs: MINUTE_MS, run: () => Promise.reject(new Error('no')) }, log);
    for (let n = 0; n < 20; n += 1) {
      t.mock.timers.tick(MINUTE_MS);
      await settle();
    }
    assert.equal(wheel.findStall(), undefined);
    assert.equal(lines.length, 20);
    const [first] = lines;
    assert.deepEqual(
      [{ ...first?.fields, err: undefined }, first?.message],
      [{ area: 'scheduler', task: 'drills', err: undefined }, 'a periodic task failed'],
    );
    wheel.stop();
  });
});
