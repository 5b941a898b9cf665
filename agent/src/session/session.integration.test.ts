import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import fc from 'fast-check';
import { TOKENS } from './fixtures/agent-rig.ts';
import { startSessionRig } from './fixtures/server-rig.ts';
import { chooseWaitMs, toSocketUrl } from './session.ts';

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('The wait before dialling again', () => {
  it('is never shorter than the shortest and never longer than the longest', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fraction, (failures, random) => {
        const waitMs = chooseWaitMs(failures, random);
        return Number.isInteger(waitMs) && waitMs >= WIRE.reconnectMinMs && waitMs <= WIRE.reconnectMaxMs;
      }),
    );
  });

  it('is spread over its whole range, so that a restarted server is not stormed', () => {
    for (const failures of [0, 1, 3, 10, 1000]) {
      assert.equal(chooseWaitMs(failures, 0), WIRE.reconnectMinMs);
      assert.ok(chooseWaitMs(failures, 0.999999) >= 1.9 * WIRE.reconnectMinMs, `after ${failures} failures`);
    }
    assert.ok(chooseWaitMs(20, 0.999999) > 0.99 * WIRE.reconnectMaxMs);
  });

  it('grows with failures, up to the cap', () => {
    const longest = Array.from({ length: 12 }, (_, failures) => chooseWaitMs(failures, 0.999999));
    assert.deepEqual(
      longest,
      [...longest].sort((a, b) => a - b),
    );
    assert.deepEqual(longest.slice(0, 4), [2000, 4000, 8000, 16_000]);
  });
});

describe('The address to dial', () => {
  it('follows the server’s, with its path and its encryption', () => {
    assert.equal(toSocketUrl('http://127.0.0.1:8080'), 'ws://127.0.0.1:8080/ws/agent');
    assert.equal(toSocketUrl('https://backup.example.com/base/'), 'wss://backup.example.com/base/ws/agent');
  });
});

describe('A session', () => {
  it('dials again after the line broke, each time with a counter that is higher', async (t) => {
    const rig = await startSessionRig(t);
    const counters: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const line = await rig.accept();
      counters.push((await line.welcome()).body.counter);
      await line.take('heartbeat');
      line.socket.terminate();
    }
    assert.deepEqual(counters, [1, 2, 3, 4]);
  });

  it('waits longer after each failure, and starts again from the shortest once it was welcomed', async (t) => {
    const rig = await startSessionRig(t);
    for (let n = 0; n < 3; n += 1) (await rig.accept()).socket.terminate();
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    line.socket.terminate();
    await rig.accept();
    assert.deepEqual(
      rig.waits,
      [1, 2, 3, 0].map((failures) => chooseWaitMs(failures, 0.5)),
    );
  });

  it('stops for good when the server says so, with the server’s words', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    line.send('goodbye', {
      error: { code: 'forbidden', message: 'this host was revoked by an operator', retry: 'never' },
      reconnect: false,
    });
    line.socket.close(1000);
    const error = await rig.ended;
    assert.ok(error instanceof AppError);
    assert.deepEqual([error.code, error.message], ['forbidden', 'this host was revoked by an operator']);
    assert.equal(rig.presented.length, 1);
  });

  it('comes back after a goodbye that allows it', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    line.send('goodbye', {
      error: { code: 'unavailable', message: 'the server is going down', retry: 'later' },
      reconnect: true,
    });
    line.socket.close(1000);
    await (await rig.accept()).welcome();
    assert.ok(rig.logged.some((entry) => entry.includes('the server is going down')));
  });

  it('tries its other token when one is not known, and keeps the one that was welcomed', async (t) => {
    const rig = await startSessionRig(t, async ({ credentials, admit }) => {
      await credentials.rotateToken(TOKENS.second);
      admit.status = (token) => (token === TOKENS.first ? 101 : 401);
    });
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    assert.deepEqual(rig.presented, [TOKENS.second, TOKENS.first]);
    assert.deepEqual(rig.credentials.listTokens(), [TOKENS.first, TOKENS.second]);
    assert.deepEqual(rig.waits, [], 'both tokens are one attempt');
  });

  it('tries the old token last once the new one was welcomed', async (t) => {
    const rig = await startSessionRig(t, async ({ credentials }) => {
      await credentials.rotateToken(TOKENS.second);
    });
    const line = await rig.accept();
    assert.equal(line.token, TOKENS.second);
    assert.deepEqual(rig.credentials.listTokens(), [TOKENS.second, TOKENS.first]);
    await line.welcome();
    await line.take('heartbeat');
    assert.deepEqual(rig.credentials.get().previousToken, undefined);
    assert.deepEqual(rig.credentials.listTokens(), [TOKENS.second, TOKENS.first]);
  });

  for (const [status, what] of [
    [401, 'its token is not known'],
    [403, 'it is quarantined'],
  ] as const) {
    it(`dials rarely, but goes on, while the server says that ${what}: a person may put it right`, async (t) => {
      const rig = await startSessionRig(t);
      const line = await rig.accept();
      let refusals = 0;
      rig.admit.status = () => {
        refusals += 1;
        return refusals <= 3 ? status : 101;
      };
      line.socket.terminate();
      await (await rig.accept()).welcome();
      assert.deepEqual(rig.waits.slice(1), Array(3).fill(WIRE.reconnectMaxMs));
      assert.ok(rig.logged.some((entry) => entry.startsWith('error: not admitted by the server')));
    });
  }

  it('is told of its quarantine on an open line and dials rarely from then on', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    line.send('goodbye', { error: { code: 'conflict', message: 'this host was quarantined', retry: 'never' }, reconnect: false });
    line.socket.close(1000);
    await rig.accept();
    assert.deepEqual(rig.waits, [WIRE.reconnectMaxMs]);
  });

  it('goes on trying a server that is broken or behind a broken proxy', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    let refusals = 0;
    rig.admit.status = () => {
      refusals += 1;
      return refusals <= 5 ? ([500, 502, 503, 404, 302][refusals - 1] ?? 500) : 101;
    };
    line.socket.terminate();
    await (await rig.accept()).welcome();
    assert.equal(refusals, 6);
  });

  it('ends without an error when the agent stops', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    rig.stop();
    assert.equal(await rig.ended, undefined);
    assert.equal(await line.closed, 1000);
  });

  it('is connected only while it is welcomed', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.take('hello');
    assert.equal(rig.session.isConnected, false);
    line.send('welcome', { version: 1, serverEpoch: 1, serverTime: 1, hostName: 'x', acknowledged: 0 });
    await line.take('heartbeat');
    assert.equal(rig.session.isConnected, true);
    rig.stop();
    await rig.ended;
    assert.equal(rig.session.isConnected, false);
  });
});
