import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createUpgradeWatch } from './upgrade.ts';

const REQUEST = 'GET /ws/agent HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n';
const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n';
const FRAME = '\x81\x01x';
const LIMIT = 1_000;

/** Feeds both directions byte by byte; gives how many bytes behind both heads are told to be frames. */
function countFrames(request: string, response: string): { up: number; down: number } {
  const watch = createUpgradeWatch(LIMIT);
  const bytes = (text: string): Buffer[] => Array.from(Buffer.from(text, 'latin1'), (byte) => Buffer.from([byte]));
  const count = (chunks: readonly Buffer[], plainOf: (chunk: Buffer) => number): number =>
    chunks.reduce((sum, chunk) => sum + chunk.length - plainOf(chunk), 0);
  const early = count(bytes(request), watch.countPlainUp);
  const down = count(bytes(response), watch.countPlainDown);
  return { up: early + count(bytes(FRAME), watch.countPlainUp), down };
}

describe('The upgrade watch', () => {
  it('sees frames in both directions from the end of the accepting answer', () =>
    assert.deepEqual(countFrames(REQUEST, ACCEPTED + FRAME), { up: 3, down: 3 }));

  it('finds the place where one chunk turns from head to frames', () => {
    const watch = createUpgradeWatch(LIMIT);
    watch.countPlainUp(Buffer.from(REQUEST));
    assert.equal(watch.countPlainDown(Buffer.from(ACCEPTED + FRAME, 'latin1')), ACCEPTED.length);
  });

  it('sees none when the upgrade is refused', () =>
    assert.deepEqual(countFrames(REQUEST, `HTTP/1.1 401 Unauthorized\r\n\r\n${FRAME}`), { up: 0, down: 0 }));

  it('sees none when nobody asked for an upgrade', () => {
    assert.deepEqual(countFrames('GET / HTTP/1.1\r\nHost: example.test\r\n\r\n', ACCEPTED + FRAME), { up: 0, down: 0 });
    assert.deepEqual(countFrames('\x16\x03\x01 a greeting of TLS', ACCEPTED + FRAME), { up: 0, down: 0 });
    assert.deepEqual(countFrames('', ACCEPTED + FRAME), { up: 0, down: 0 });
  });

  it('gives up on a head that does not end', () => {
    const long = `GET / HTTP/1.1\r\nX: ${'x'.repeat(LIMIT)}\r\nUpgrade: websocket\r\n\r\n`;
    assert.deepEqual(countFrames(long, ACCEPTED + FRAME), { up: 0, down: 0 });
    assert.deepEqual(countFrames(REQUEST, `HTTP/1.1 101 Yes\r\nX: ${'x'.repeat(LIMIT)}\r\n\r\n${FRAME}`), { up: 0, down: 0 });
  });
});
