import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WIRE } from '@holdfast/shared/limits.ts';
import { createConnectionEnd, noteAnswer } from './connection-end.ts';
import { startSessionRig } from './fixtures/server-rig.ts';
import { chooseWaitMs } from './session.ts';

describe('A server that has too many agents at once', () => {
  it('is dialled again within the time it names, drawn over all of it, and never later than the longest wait', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    let refusals = 0;
    rig.admit.status = () => {
      refusals += 1;
      return refusals <= 2 ? 503 : 101;
    };
    rig.admit.retryAfterS = 20;
    line.socket.terminate();
    await (await rig.accept()).welcome();
    // The rig draws the middle: half of twenty seconds after the shortest wait.
    assert.deepEqual(rig.waits, [chooseWaitMs(0, 0.5), WIRE.reconnectMinMs + 10_000, WIRE.reconnectMinMs + 10_000]);
    assert.equal(chooseWaitMs(1, 0, 20_000), WIRE.reconnectMinMs);
    assert.equal(chooseWaitMs(5, 1, 2000), WIRE.reconnectMinMs + 2000, 'it is there: no reason to stay away longer');
    assert.equal(chooseWaitMs(50, 1, 2000), WIRE.reconnectMaxMs, 'whatever answers in its place for hours is asked rarely');
    assert.equal(chooseWaitMs(1, 1, 3_600_000), WIRE.reconnectMaxMs);
  });

  it('is not believed when it names no time that is one', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    let refusals = 0;
    rig.admit.status = () => {
      refusals += 1;
      return refusals <= 1 ? 503 : 101;
    };
    rig.admit.retryAfterS = -5;
    line.socket.terminate();
    await (await rig.accept()).welcome();
    assert.deepEqual(
      rig.waits,
      [1, 2].map((failures) => chooseWaitMs(failures, 0.5)),
    );
  });
});

describe('An answer that is no upgrade', () => {
  for (const [status, isProxy] of [
    [303, true],
    [400, true],
    [404, true],
    [426, true],
    [502, false],
    [503, false],
  ] as const)
    it(`is ${isProxy ? '' : 'not '}taken for that of a proxy which passes no WebSockets on: ${status}`, () => {
      const end = createConnectionEnd();
      noteAnswer(end, status, undefined);
      assert.match(end.why, new RegExp(`^the server answered ${status}`, 'u'));
      assert.equal(/a proxy before it may not pass WebSockets/u.test(end.why), isProxy);
    });
});

describe('A frame of the server', () => {
  /** A frame of an unknown type, which an agent ignores, in so many fragments. */
  const sendInPieces = (socket: { send(text: string, options: { fin: boolean }): void }, pieces: number) => {
    const text = JSON.stringify({ v: 1, id: 'f_pieces', type: 'of.a.newer.server', at: 1, body: { pad: 'x'.repeat(400) } });
    const size = Math.floor(text.length / pieces);
    for (let n = 0; n < pieces; n += 1)
      socket.send(n === pieces - 1 ? text.slice(n * size) : text.slice(n * size, (n + 1) * size), { fin: n === pieces - 1 });
  };

  it('may come in as many pieces as the limit; in one more it ends the connection, and the agent dials again', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    sendInPieces(line.socket, WIRE.fragmentsPerFrame);
    // Taken and ignored; the line goes on.
    line.ask('source.test', { ref: 'r', draft: { kind: 'postgres', config: {} }, notAfter: 2 ** 45 });
    await line.take('error');
    sendInPieces(line.socket, WIRE.fragmentsPerFrame + 1);
    assert.equal(await line.closed, 1008);
    await (await rig.accept()).welcome();
  });

  it('that is above the limit ends the connection before the rest of it is read', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    line.socket.send('x'.repeat(WIRE.frameBytes + 1), { fin: false });
    assert.equal(await line.closed, 1009);
    await (await rig.accept()).welcome();
  });

  it('is never compressed, also where the server would', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    assert.equal(line.socket.extensions, '');
  });
});
