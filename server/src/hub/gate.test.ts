import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { createAddressReader } from '../web/http/address.ts';
import { attachHub } from './accept.ts';
import { startHubRig } from './fixtures/hub-rig.ts';
import { createGate } from './gate.ts';

/** A gate over a clock that is moved by hand. */
function openGate(perSecond: number) {
  let nowMs = 0;
  const gate = createGate({ monotonicMs: () => nowMs }, perSecond);
  return {
    gate,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

describe('The gate for agents that come all at once', () => {
  it('lets two seconds’ worth in and tells the others to spread over as long as their number needs', () => {
    const { gate } = openGate(100);
    const answers = Array.from({ length: 500 }, () => gate.turnAway());
    assert.deepEqual(answers.slice(0, 200), Array(200).fill(undefined));
    assert.deepEqual([answers[200], answers[299], answers[300], answers[499]], [2, 2, 3, 4]);
  });

  it('lets a fleet of five thousand in within what the rate needs and half as long again, never more than the rate', () => {
    const { gate, pass } = openGate(500);
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed / 0x80000000;
    };
    // As agents do: a first wait of one to two seconds, then over the time they are told.
    let coming = Array.from({ length: 5000 }, () => 1000 + random() * 1000);
    const perSecond = new Map<number, number>();
    let last = 0;
    for (let now = 0; coming.length > 0 && now < 120_000; now += 10, pass(10)) {
      const due = coming.filter((at) => at <= now);
      coming = coming.filter((at) => at > now);
      for (const _ of due) {
        const retryAfterS = gate.turnAway();
        if (retryAfterS !== undefined) coming.push(now + 1000 + random() * retryAfterS * 1000);
        else {
          last = now;
          perSecond.set(Math.floor(now / 1000), (perSecond.get(Math.floor(now / 1000)) ?? 0) + 1);
        }
      }
    }
    assert.equal(coming.length, 0);
    assert.ok(last <= 16_000, `${last} ms`);
    for (const [second, count] of perSecond) assert.ok(count <= 1500, `${count} in second ${second}`);
  });

  it('never tells anybody to stay away longer than a minute, and forgets those it turned away', () => {
    const { gate, pass } = openGate(1);
    const answers = Array.from({ length: 1000 }, () => gate.turnAway() ?? 0);
    assert.equal(Math.max(...answers), 60);
    pass(3_600_000);
    assert.deepEqual([gate.turnAway(), gate.turnAway(), gate.turnAway()], [undefined, undefined, 2]);
  });

  it('answers 503 with the time to come back, to hosts of ours only, and lets them in afterwards', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const server = createServer();
    const hub = attachHub(server, '/ws/agent', rig.context, {
      directory: rig.directory,
      readAddress: createAddressReader(0),
      gate: createGate(rig.clock, 1),
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/agent`;
    const knock = (token: string) =>
      new Promise<{ status: number; retryAfter: string | undefined }>((resolve, reject) => {
        const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
        socket.on('open', () => {
          socket.on('close', () => resolve({ status: 101, retryAfter: undefined }));
          socket.terminate();
        });
        socket.on('error', reject);
        socket.on('unexpected-response', (request, response) => {
          resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
          request.destroy();
        });
      });
    t.after(async () => {
      hub.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    for (let n = 0; n < 5; n += 1) assert.equal((await knock('nobody')).status, 401);
    for (let n = 0; n < 2; n += 1) assert.equal((await knock(agent.token)).status, 101);
    assert.deepEqual(await knock(agent.token), { status: 503, retryAfter: '2' });
    rig.clock.shift(1000);
    assert.equal((await knock(agent.token)).status, 101);
  });
});
