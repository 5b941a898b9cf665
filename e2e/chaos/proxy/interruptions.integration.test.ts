import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Faults } from './faults.ts';
import { createBytes, hash, openLineRig, until } from './fixtures/line-rig.ts';

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
