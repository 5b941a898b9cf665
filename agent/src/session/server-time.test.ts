import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { startSessionRig } from './fixtures/server-rig.ts';

const HOUR_MS = 3_600_000;
const LEFT_MS = 600_000;
/** A few frames over loopback on a busy machine. */
const LINE_MS = 5000;

describe('An order that ends by the clock of the server', () => {
  for (const [where, aheadMs] of [
    ['two hours ahead of it', 2 * HOUR_MS],
    ['two hours behind it', -2 * HOUR_MS],
  ] as const) {
    it(`has as much time left on a host whose clock is ${where}`, async (t) => {
      const rig = await startSessionRig(t);
      const ends: number[] = [];
      rig.handlers['run.start'] = ({ notAfter }) => {
        ends.push(notAfter - rig.clock.now());
        throw new Error('only its time is looked at');
      };
      const line = await rig.accept();
      await line.take('hello');
      const serverTime = rig.clock.now() - aheadMs;
      line.send('welcome', { version: 1, serverEpoch: 1, serverTime, hostName: 'db-1', acknowledged: 0 });
      await line.take('heartbeat');
      for (const leftMs of [LEFT_MS, -LEFT_MS]) {
        line.ask('run.start', {
          run: 'run_1' as RunId,
          plan: 'plan_1' as PlanId,
          trigger: 'manual',
          requestedBy: 'ada',
          notAfter: serverTime + leftMs,
        });
        await line.take('error');
      }
      const [inTime = 0, tooLate = 0] = ends;
      assert.ok(Math.abs(inTime - LEFT_MS) < LINE_MS, `${inTime} ms left of ${LEFT_MS}`);
      assert.ok(tooLate < 0, `${tooLate} ms left of an order that ended`);
    });
  }
});

describe('A hello', () => {
  it('names the edition of the time zone rules that fires are computed by', async (t) => {
    const rig = await startSessionRig(t);
    const hello = await (await rig.accept()).welcome();
    assert.match(hello.body.zoneRules ?? '', /^\d{4}[a-z]/u);
    assert.equal(hello.body.zoneRules, process.versions['tz']);
  });
});
