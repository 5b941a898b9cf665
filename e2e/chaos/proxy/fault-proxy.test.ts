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

describe('A cut', () => {
  it('after so many bytes forwards exactly these and resets both ends', async (t) => {
    const rig = await openLineRig(t, { faults: { cut: { how: 'reset', afterBytes: 70_001, direction: 'up' } } });
    const { near, far } = await rig.open();
    far.socket.write('not counted');
    await until('the other direction', () => near.receivedBytes === 11);
    const bytes = createBytes(200_000);
    near.socket.write(bytes);
    await until('both ends to be reset', () => near.isClosed && far.isClosed);
    assert.deepEqual([near.error, far.error], ['ECONNRESET', 'ECONNRESET']);
    assert.equal(hash(far.received()), hash(bytes.subarray(0, 70_001)));
    assert.deepEqual(rig.injections.at(-1)?.detail, { how: 'reset', cause: 'bytes', upBytes: 70_001, downBytes: 11 });
  });

  it('with a goodbye ends both sides without an error', async (t) => {
    const rig = await openLineRig(t, { faults: { cut: { how: 'end', afterBytes: 1_000, direction: 'down' } } });
    const { near, far } = await rig.open();
    far.socket.write(createBytes(5_000));
    await until('both ends', () => near.hasEnded && far.hasEnded);
    assert.equal(near.receivedBytes, 1_000);
    near.socket.end();
    far.socket.end();
    await until('the connection to be forgotten', () => rig.proxy.connections.length === 0);
    assert.deepEqual([near.error, far.error], [undefined, undefined]);
  });

  it('with a goodbye does not wait for ever for ends that never hang up', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    rig.proxy.cutAll('end');
    await until('both ends', () => near.hasEnded && far.hasEnded);
    await until('the connection to be forgotten', () => rig.proxy.connections.length === 0);
  });

  it('after some time needs no traffic', async (t) => {
    const rig = await openLineRig(t, { faults: { cut: { how: 'reset', afterMs: [80, 120] } } });
    const startedAt = performance.now();
    const { near, far } = await rig.open();
    await until('both ends to be reset', () => near.error === 'ECONNRESET' && far.error === 'ECONNRESET');
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 79 && tookMs < 1_500, `cut after ${tookMs} ms`);
    assert.equal(rig.injections.at(-1)?.detail['cause'], 'time');
  });

  it('of everything spares connections that come later', async (t) => {
    const rig = await openLineRig(t);
    const ends = [await rig.open(), await rig.open(), await rig.open()];
    rig.proxy.cutAll();
    await until('all to be reset', () => ends.every(({ near, far }) => near.isClosed && far.isClosed));
    const { near, far } = await rig.open();
    near.socket.write('alive');
    await until('the new connection to work', () => far.receivedBytes === 5);
    assert.deepEqual(
      rig.injections.map(({ connection, fault }) => [connection, fault]),
      [
        [1, 'cut'],
        [2, 'cut'],
        [3, 'cut'],
      ],
    );
  });

  it('falls on the same bytes of the same connections for the same seed', async (t) => {
    const faults: Faults = { cut: { how: 'reset', afterBytes: [1, 50_000], direction: 'up', chance: 0.5 } };
    const draw = async (): Promise<number[]> => {
      const rig = await openLineRig(t, { faults, seed: 'repeat' });
      const places: number[] = [];
      for (let tried = 0; tried < 12; tried += 1) {
        const { near, far } = await rig.open();
        near.socket.end(createBytes(60_000));
        await until('the connection to end', () => far.hasEnded || far.isClosed);
        places.push(far.receivedBytes);
        near.socket.destroy();
        far.socket.destroy();
      }
      return places;
    };
    const places = await draw();
    assert.deepEqual(await draw(), places);
    assert.ok(places.includes(60_000) && new Set(places).size > 4, `places ${places.join(', ')}`);
  });
});

describe('A half-open line', () => {
  it('swallows words and goodbyes of both sides and keeps the sockets, until it heals with a reset', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    near.socket.write('before');
    await until('what was said before', () => far.receivedBytes === 6);
    rig.proxy.set({ halfOpen: 'both' });
    near.socket.end('is anybody there?');
    far.socket.write('hello?');
    const lost = rig.dial();
    lost.socket.write('into the dark');
    const countSwallowed = (): number[] =>
      rig.proxy.connections.flatMap((one) => [one.swallowedBytes('up'), one.swallowedBytes('down')]);
    await until('all words to be swallowed', () => countSwallowed().join() === '17,6,13,0');
    assert.deepEqual([near.hasEnded, far.hasEnded, lost.hasEnded], [false, false, false]);
    assert.deepEqual([near.isClosed, far.isClosed, lost.isClosed], [false, false, false]);
    rig.proxy.clear();
    await until('all to be reset', () => near.isClosed && far.isClosed && lost.isClosed);
    assert.deepEqual([near.error, far.error, lost.error], ['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    assert.deepEqual([far.received().toString(), near.receivedBytes, far.hasEnded], ['before', 0, false]);
    assert.equal(rig.countAccepted(), 1);
    const swallowed = rig.injections
      .filter(({ fault }) => fault === 'swallow')
      .map(({ connection, detail }) => [connection, detail]);
    assert.deepEqual(swallowed, [
      [1, { direction: 'up', bytes: 17 }],
      [1, { direction: 'down', bytes: 6 }],
      [2, { direction: 'up', bytes: 13 }],
    ]);
  });

  it('of one direction carries the other', async (t) => {
    const rig = await openLineRig(t, { faults: { halfOpen: 'up' } });
    const { near, far } = await rig.open();
    near.socket.write('unheard');
    far.socket.write('heard');
    await until('the way back', () => near.receivedBytes === 5);
    rig.proxy.clear();
    await until('the reset', () => near.isClosed && far.isClosed);
    assert.equal(far.receivedBytes, 0);
  });

  it('hides that a side has died', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    rig.proxy.set({ halfOpen: 'both' });
    near.socket.resetAndDestroy();
    await until('the client to be gone', () => near.isClosed);
    far.socket.write('still there?');
    await until('the words to be swallowed', () => rig.proxy.connections[0]?.swallowedBytes('down') === 12);
    assert.deepEqual([far.isClosed, far.error], [false, undefined]);
    rig.proxy.clear();
    await until('the reset', () => far.error === 'ECONNRESET');
  });

  it('that swallowed nothing goes on as if nothing had been', async (t) => {
    const rig = await openLineRig(t);
    const { near, far } = await rig.open();
    rig.proxy.set({ halfOpen: 'both' });
    rig.proxy.clear();
    near.socket.write('still here');
    await until('the words', () => far.receivedBytes === 10);
    assert.equal(near.error, undefined);
  });
});

describe('Refusal', () => {
  it('accepts and resets, and the target hears nothing of it', async (t) => {
    const rig = await openLineRig(t, { faults: { refuse: { chance: 1 } } });
    const near = rig.dial();
    await until('the reset', () => near.error === 'ECONNRESET');
    rig.proxy.clear();
    await rig.open();
    assert.equal(rig.countAccepted(), 1);
    assert.deepEqual(rig.listFaults(), ['set', 'refuse', 'set']);
  });

  it('by chance refuses the same connections for the same seed', async (t) => {
    const draw = async (): Promise<number[]> => {
      const rig = await openLineRig(t, { faults: { refuse: { chance: 0.5 } }, seed: 'refusals' });
      for (let tried = 1; tried <= 16; tried += 1) {
        const near = rig.dial();
        await until('an answer', () => near.isClosed || rig.proxy.connections.some(({ id }) => id === tried));
      }
      return rig.injections.filter(({ fault }) => fault === 'refuse').map(({ connection }) => connection);
    };
    const refused = await draw();
    assert.deepEqual(await draw(), refused);
    assert.ok(refused.length > 2 && refused.length < 14, `refused ${refused.join(', ')}`);
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
