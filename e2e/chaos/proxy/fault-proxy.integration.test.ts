import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeed } from '../seed.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Faults } from './faults.ts';
import { createBytes, hash, openLineRig, until } from './fixtures/line-rig.ts';
import { DIRECTION_BYTES_MAX } from './limits.ts';

const MIB = 1024 * 1024;

describe('The proxy without faults', () => {
  it('carries every byte both ways, and the goodbye of one side while the other still talks', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    const [question, answer] = [createBytes(2 * MIB), createBytes(3 * MIB)];
    near.socket.end(question);
    await until('the question and its end', () => far.hasEnded);
    assert.equal(hash(far.received()), hash(question));
    far.socket.end(answer);
    await until('the answer and its end', () => near.hasEnded);
    assert.equal(hash(near.received()), hash(answer));
    await until('the connection to be forgotten', () => rig.proxy.connections.length === 0);
    assert.deepEqual([near.error, far.error], [undefined, undefined]);
    assert.deepEqual(rig.injections, []);
  });

  it('passes a reset on, either way', async (t) => {
    const rig = await openLineRig(t);
    const first = await rig.open();
    first.near.socket.resetAndDestroy();
    await until('the target to be reset', () => first.far.error === 'ECONNRESET');
    const second = await rig.open();
    second.far.socket.resetAndDestroy();
    await until('the client to be reset', () => second.near.error === 'ECONNRESET');
    await until('both to be forgotten', () => rig.proxy.connections.length === 0);
  });

  it('resets a client whose target cannot be dialled and says so, until it is sent elsewhere', async (t) => {
    const rig = await openLineRig(t);
    const elsewhere = await openLineRig(t);
    const target = { port: elsewhere.proxy.port };
    await elsewhere.proxy.close();
    rig.proxy.retarget(target);
    const near = rig.dial();
    await until('the client to be reset', () => near.error === 'ECONNRESET');
    assert.deepEqual(
      rig.injections.map(({ fault, detail }) => [fault, detail['code']]),
      [['unreachable', 'ECONNREFUSED']],
    );
    assert.equal(rig.countAccepted(), 0);
  });

  it('is refused a port that is taken', async (t) => {
    const rig = await openLineRig(t);
    const start = startFaultProxy({
      target: { port: 1 },
      port: rig.proxy.port,
      seed: createSeed(1),
      record: () => undefined,
    });
    await assert.rejects(start, { code: 'EADDRINUSE' });
  });
});

describe('Delay', () => {
  it('makes each way later by its time', async (t) => {
    const rig = await openLineRig(t, { faults: { delay: { ms: 120 } } });
    const { near, far } = await rig.open();
    const sentAt = performance.now();
    near.socket.write('ping');
    await until('the question', () => far.receivedBytes === 4);
    const thereMs = performance.now() - sentAt;
    far.socket.write('pong');
    await until('the answer', () => near.receivedBytes === 4);
    const backMs = performance.now() - sentAt;
    assert.ok(thereMs >= 119 && thereMs < 1_000, `there in ${thereMs} ms`);
    assert.ok(backMs >= 239 && backMs < 2_000, `back in ${backMs} ms`);
  });

  it('of one direction leaves the other alone', async (t) => {
    const rig = await openLineRig(t, { faults: { delay: { ms: 60_000, direction: 'down' } } });
    const { near, far } = await rig.open();
    near.socket.write('ping');
    far.socket.write('pong');
    await until('the question', () => far.receivedBytes === 4);
    assert.equal(near.receivedBytes, 0);
  });

  it('that varies never changes the order of bytes', async (t) => {
    const rig = await openLineRig(t, { faults: { delay: { ms: [0, 20] } } });
    const { near, far } = await rig.open();
    const bytes = createBytes(200_000);
    for (let at = 0; at < bytes.length; at += 1_000) {
      near.socket.write(bytes.subarray(at, at + 1_000));
      await new Promise(setImmediate);
    }
    await until('all bytes', () => far.receivedBytes === bytes.length);
    assert.equal(hash(far.received()), hash(bytes));
  });
});

describe('Throttle', () => {
  it('lets through about as many bytes a second as it says', async (t) => {
    const rig = await openLineRig(t, { faults: { throttle: { bytesPerSecond: 100_000 } } });
    const { near, far } = await rig.open();
    const startedAt = performance.now();
    near.socket.write(createBytes(50_000));
    await until('all bytes', () => far.receivedBytes === 50_000);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > 400 && tookMs < 1_500, `50000 bytes at 100000 a second took ${tookMs} ms`);
    assert.equal(hash(far.received()), hash(createBytes(50_000)));
  });

  it('pushes back on the sender instead of keeping what it sends', async (t) => {
    const rig = await openLineRig(t, { faults: { throttle: { bytesPerSecond: 1_000, direction: 'up' } } });
    const { near } = await rig.open();
    const [connection] = rig.proxy.connections;
    near.socket.write(createBytes(16 * MIB));
    await until('the sender to be pushed back', () => connection?.isPushingBack('up') === true);
    assert.ok((connection?.heldBytes('up') ?? 0) <= DIRECTION_BYTES_MAX);
  });
});

describe('A stall', () => {
  it('keeps back one direction, loses nothing and holds little, until it is resumed', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    rig.proxy.stall('up');
    const bytes = createBytes(24 * MIB);
    near.socket.write(bytes);
    const [connection] = rig.proxy.connections;
    await until('the sender to be pushed back', () => connection?.isPushingBack('up') === true);
    far.socket.write('the other way');
    await until('the other way', () => near.receivedBytes === 13);
    assert.equal(far.receivedBytes, 0);
    assert.ok((connection?.heldBytes('up') ?? 0) <= DIRECTION_BYTES_MAX);
    rig.proxy.resume('up');
    await until('all bytes', () => far.receivedBytes === bytes.length);
    assert.equal(hash(far.received()), hash(bytes));
    assert.deepEqual(rig.listFaults(), ['stall', 'resume']);
  });

  it('holds new connections too, and clearing all faults ends it', async (t) => {
    const rig = await openLineRig(t);
    rig.proxy.stall();
    const { near, far } = await rig.open();
    near.socket.write('late');
    const [connection] = rig.proxy.connections;
    await until('the words to be held', () => connection?.heldBytes('up') === 4);
    rig.proxy.clear();
    await until('the words', () => far.receivedBytes === 4);
  });
});

describe('Memory', () => {
  it('stays bounded when a reader stands still, and every byte is there when it goes on', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    far.socket.pause();
    const [connection] = rig.proxy.connections;
    const bytes = createBytes(32 * MIB);
    let mostHeld = 0;
    let wasStuck = false;
    let sentBytes = 0;
    while (sentBytes < bytes.length) {
      const hasRoom = near.socket.write(bytes.subarray(sentBytes, sentBytes + 65_536));
      sentBytes += 65_536;
      if (!hasRoom) {
        const isStuck = (): boolean => connection?.isPushingBack('up') === true && near.socket.writableNeedDrain;
        await until('room, or the sender to be stuck', () => !near.socket.writableNeedDrain || isStuck());
        mostHeld = Math.max(mostHeld, connection?.heldBytes('up') ?? 0);
        wasStuck ||= isStuck();
        if (wasStuck) far.socket.resume();
      }
    }
    await until('all bytes', () => far.receivedBytes === bytes.length);
    assert.equal(hash(far.received()), hash(bytes));
    assert.ok(wasStuck, 'the sender never felt it');
    assert.ok(mostHeld > 0 && mostHeld <= DIRECTION_BYTES_MAX, `held ${mostHeld}`);
  });
});

describe('Figures that make no sense', () => {
  const senseless: readonly [string, Faults, RegExp][] = [
    ['a chance above one', { messages: { drop: { chance: 1.1 } } }, /chance of drop/],
    ['a negative delay', { delay: { ms: -1 } }, /delay\.ms/],
    ['a range upside down', { delay: { ms: [5, 4] } }, /delay\.ms/],
    ['a throttle to nothing, which is a stall', { throttle: { bytesPerSecond: 0 } }, /bytesPerSecond/],
    ['a cut without a place', { cut: { how: 'reset' } }, /afterBytes or afterMs/],
    ['a message overtaken by none', { messages: { reorder: { chance: 1, by: 0 } } }, /reorder\.by/],
  ];
  for (const [name, faults, message] of senseless) {
    it(`are refused: ${name}, and the faults stay what they were`, async (t) => {
      const rig = await openLineRig(t);
      assert.throws(() => rig.proxy.set(faults), message);
      assert.deepEqual(rig.injections, []);
    });
  }
});
