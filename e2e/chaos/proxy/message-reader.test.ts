import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeed } from '../seed.ts';
import { createMessageReader, type Unit } from './message-reader.ts';

const LIMIT = 1_000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING] = [0x0, 0x1, 0x2, 0x8, 0x9];

type FrameOptions = { readonly isFinal?: boolean; readonly masked?: boolean; readonly reserved?: number };

function buildFrame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { isFinal = true, masked = false, reserved = 0 } = options;
  const body = Buffer.from(payload);
  const first = (isFinal ? 0x80 : 0) | reserved | opcode;
  const mask = masked ? 0x80 : 0;
  const length = Buffer.alloc(body.length < 126 ? 2 : body.length < 65_536 ? 4 : 10);
  length.writeUInt8(first, 0);
  length.writeUInt8(mask | (length.length === 2 ? body.length : length.length === 4 ? 126 : 127), 1);
  if (length.length === 4) length.writeUInt16BE(body.length, 2);
  if (length.length === 10) length.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([length, masked ? Buffer.from([9, 8, 7, 6]) : Buffer.alloc(0), body]);
}

function readAll(chunks: readonly Buffer[], limit = LIMIT): Unit[] {
  const reader = createMessageReader(limit);
  return chunks.flatMap((chunk) => reader.read(chunk));
}

function describeUnit(unit: Unit): string {
  return unit.kind === 'part' && unit.isLast ? 'last part' : unit.kind;
}

describe('The message reader', () => {
  const stream = [
    buildFrame(TEXT, 'short'),
    buildFrame(BINARY, Buffer.alloc(126, 1), { masked: true }),
    buildFrame(PING, 'are you there'),
    buildFrame(TEXT, ''),
    buildFrame(TEXT, 'x'.repeat(900)),
    buildFrame(CLOSE, Buffer.from([3, 232])),
  ];

  it('hands on every frame as it came, each in one unit', () => {
    const units = readAll([Buffer.concat(stream)]);
    assert.deepEqual(units.map(describeUnit), ['message', 'message', 'control', 'message', 'message', 'control']);
    for (const [index, unit] of units.entries()) assert.deepEqual(unit.bytes, stream[index]);
  });

  it('finds the same units wherever the stream is cut into chunks', () => {
    const bytes = Buffer.concat(stream);
    const whole = readAll([bytes]);
    const oneByOne = Array.from(bytes, (byte) => Buffer.from([byte]));
    assert.deepEqual(readAll(oneByOne), whole);
    const seed = createSeed('chunks');
    for (let tried = 0; tried < 200; tried += 1) {
      const cuts = [0, seed.int([0, bytes.length]), seed.int([0, bytes.length]), bytes.length].sort((a, b) => a - b);
      const chunks = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
      assert.deepEqual(readAll(chunks), whole, `cut at ${cuts.join(', ')}`);
    }
  });

  it('keeps the fragments of a message together and lets control frames between them go ahead', () => {
    const fragments = [
      buildFrame(TEXT, 'one ', { isFinal: false, masked: true }),
      buildFrame(CONTINUATION, 'two ', { isFinal: false, masked: true }),
      buildFrame(CONTINUATION, 'three', { masked: true }),
    ];
    const [first = Buffer.alloc(0), ...others] = fragments;
    const units = readAll([Buffer.concat([first, buildFrame(PING, ''), ...others])]);
    assert.deepEqual(units.map(describeUnit), ['control', 'message']);
    assert.deepEqual(units[1]?.bytes, Buffer.concat(fragments));
  });

  it('keeps a message of exactly the limit whole and hands on a larger one in parts', () => {
    const fits = buildFrame(BINARY, Buffer.alloc(LIMIT - 4, 1));
    const larger = buildFrame(BINARY, Buffer.alloc(LIMIT - 3, 2));
    assert.equal(fits.length, LIMIT);
    const units = readAll([fits, larger, buildFrame(TEXT, 'after')]);
    assert.deepEqual(units.map(describeUnit), ['message', 'part', 'last part', 'message']);
    assert.deepEqual(Buffer.concat(units.slice(1, 3).map((unit) => unit.bytes)), larger);
    assert.deepEqual(
      units.map((unit) => unit.kind === 'part' && unit.isFirst),
      [false, true, false, false],
    );
  });

  it('hands on a message in parts from the fragment that makes it too large', () => {
    const fragments = [
      buildFrame(BINARY, Buffer.alloc(600, 1), { isFinal: false }),
      buildFrame(CONTINUATION, Buffer.alloc(600, 2), { isFinal: false }),
      buildFrame(CONTINUATION, Buffer.alloc(10, 3)),
    ];
    const units = readAll([Buffer.concat(fragments), buildFrame(TEXT, 'after')]);
    assert.equal(units.filter((unit) => unit.kind === 'part' && unit.isLast).length, 1);
    assert.deepEqual(units.at(-1)?.kind, 'message');
    assert.deepEqual(Buffer.concat(units.slice(0, -1).map((unit) => unit.bytes)), Buffer.concat(fragments));
  });

  it('hands on a compressed message in parts, since its bytes mean nothing out of their order', () => {
    const compressed = buildFrame(TEXT, 'deflated', { reserved: 0x40 });
    const units = readAll([compressed, buildFrame(TEXT, 'plain')]);
    assert.deepEqual(Buffer.concat(units.slice(0, -1).map((unit) => unit.bytes)), compressed);
    assert.ok(units.slice(0, -1).every((unit) => unit.kind === 'part'));
    assert.equal(units.at(-1)?.kind, 'message');
  });

  it('hands on everything untouched behind a header that no sender may write', () => {
    const endless = Buffer.concat([Buffer.from([0x82, 127]), Buffer.alloc(8, 0xff), Buffer.from('anything')]);
    const longPing = Buffer.concat([Buffer.from([0x89, 126, 1, 0]), Buffer.alloc(256)]);
    for (const bad of [endless, longPing]) {
      const units = readAll([buildFrame(TEXT, 'good'), bad, buildFrame(TEXT, 'never told apart')]);
      assert.equal(units[0]?.kind, 'message');
      assert.ok(units.slice(1).every((unit) => unit.kind === 'part' && !unit.isLast));
      const handed = Buffer.concat(units.slice(1).map((unit) => unit.bytes));
      assert.deepEqual(handed, Buffer.concat([bad, buildFrame(TEXT, 'never told apart')]));
    }
  });

  it('gives what is left of a stream that ends in the middle of a message', () => {
    const fragment = buildFrame(TEXT, 'begun', { isFinal: false });
    const next = buildFrame(CONTINUATION, 'never ended');
    for (const lengthBytes of [0, 1, 2, 7]) {
      const reader = createMessageReader(LIMIT);
      assert.deepEqual(reader.read(Buffer.concat([fragment, next.subarray(0, lengthBytes)])), []);
      assert.equal(reader.heldBytes, fragment.length + lengthBytes);
      assert.deepEqual(reader.takeRest(), Buffer.concat([fragment, next.subarray(0, lengthBytes)]));
      assert.equal(reader.heldBytes, 0);
    }
  });
});
