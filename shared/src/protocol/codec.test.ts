import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type * as z from 'zod';
import { AppError } from '../errors.ts';
import { WIRE } from '../limits.ts';
import { type CodecLimits, decodeAgentFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import { createBodyArbitrary } from './fixtures/arbitrary-bodies.ts';
import { AGENT_FRAMES, type AgentFrame, REQUESTS, SERVER_FRAMES, type ServerFrame } from './messages.ts';

const encoder = new TextEncoder();
const bytesOf = (value: unknown) => encoder.encode(JSON.stringify(value));
const head = { v: 1, id: 'f_1', at: 1 };
const ack = { ...head, type: 'ack', body: { epoch: 'e', through: 3 } };

function assertRefused(decode: () => unknown, code: string, closeCode: number | undefined): AppError {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, code);
    assert.equal(error.details['closeCode'], closeCode);
    return error;
  }
  assert.fail('the frame was accepted');
}

const refuseServerFrame = (bytes: Uint8Array, closeCode: number, limits: CodecLimits = WIRE) =>
  assertRefused(() => decodeServerFrame(bytes, limits), 'invalid', closeCode);

const frameHead = fc.record(
  {
    v: fc.integer({ min: 1, max: 1000 }),
    id: fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/),
    re: fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/),
    at: fc.integer({ min: 0, max: 2 ** 45 }),
  },
  { requiredKeys: ['v', 'id', 'at'] },
);

function assertRoundTrip(type: string, schema: z.ZodType, decode: (bytes: Uint8Array, limits: CodecLimits) => unknown): void {
  fc.assert(
    fc.property(frameHead, createBodyArbitrary(schema), (someHead, body) => {
      const frame = { ...someHead, type, body: schema.parse(body) };
      const text = encodeFrame(frame as unknown as AgentFrame | ServerFrame, WIRE);
      // What JSON itself cannot carry (an undefined field) is no part of a frame.
      assert.deepEqual(decode(encoder.encode(text), WIRE), JSON.parse(JSON.stringify(frame)));
    }),
    { numRuns: 60 },
  );
}

describe('Every frame of an agent', () => {
  for (const [type, schema] of Object.entries(AGENT_FRAMES))
    it(`survives the wire: ${type}`, () => assertRoundTrip(type, schema, decodeAgentFrame));
});

describe('Every frame of a server', () => {
  for (const [type, schema] of Object.entries(SERVER_FRAMES))
    it(`survives the wire: ${type}`, () => assertRoundTrip(type, schema, decodeServerFrame));
  for (const [type, request] of Object.entries(REQUESTS))
    it(`survives the wire: ${type}`, () => assertRoundTrip(type, request.body, decodeServerFrame));
});

describe('A frame at its limits', () => {
  const padTo = (size: number) => {
    const frame = { ...ack, filler: '' };
    frame.filler = 'x'.repeat(size - bytesOf(frame).byteLength);
    return bytesOf(frame);
  };

  it('may have exactly the bytes of the limit, and not one more', () => {
    assert.equal(decodeServerFrame(padTo(WIRE.frameBytes), WIRE).type, 'ack');
    refuseServerFrame(padTo(WIRE.frameBytes + 1), 1009);
  });

  it('is measured in bytes, not in characters', () => {
    const limits = { ...WIRE, frameBytes: 100 };
    refuseServerFrame(bytesOf({ ...ack, note: '😀'.repeat(20) }), 1009, limits);
  });

  it('may be nested exactly as deep as the limit, and not one deeper', () => {
    const nest = (depth: number) => {
      const text = JSON.stringify({ ...ack, extra: 0 }).replace('"extra":0', `"extra":${'['.repeat(depth)}${']'.repeat(depth)}`);
      return encoder.encode(text);
    };
    assert.equal(decodeServerFrame(nest(WIRE.frameDepth - 1), WIRE).type, 'ack');
    const error = refuseServerFrame(nest(WIRE.frameDepth), 1008);
    assert.match(error.message, /deeper than 16/);
  });

  it('counts brackets only outside strings', () => {
    const brackets = '[{'.repeat(50);
    assert.equal(decodeServerFrame(bytesOf({ ...ack, note: `\\"${brackets}` }), WIRE).type, 'ack');
  });

  it('of a megabyte of brackets is refused before it is parsed', () => {
    const limits = { ...WIRE, frameBytes: 2 ** 21 };
    refuseServerFrame(encoder.encode('['.repeat(2 ** 20)), 1008, limits);
  });

  it('is refused at home when it would be above the limit of the other side', () => {
    const frame = {
      ...head,
      type: 'goodbye',
      body: { error: { code: 'internal', message: 'x', retry: 'later' }, reconnect: true },
    };
    const size = bytesOf(frame).byteLength;
    assert.equal(encodeFrame(frame as ServerFrame, { ...WIRE, frameBytes: size }).length, size);
    assertRefused(() => encodeFrame(frame as ServerFrame, { ...WIRE, frameBytes: size - 1 }), 'limit', undefined);
  });
});

describe('A broken frame', () => {
  it('is refused with 1007 when it is not UTF-8', () => {
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc0, 0xaf]]) {
      const text = bytesOf(ack);
      refuseServerFrame(new Uint8Array([...text.subarray(0, -1), 0x20, ...bad, 0x7d]), 1007);
    }
  });

  it('is refused with 1007 when it is not JSON', () => {
    for (const bad of ['', ' ', '{', '{"v":1', 'nonsense', '\ufeff{}', '{"v":1}{"v":1}', "{'v':1}", '{"v":01}', 'NaN', '\u0000'])
      refuseServerFrame(encoder.encode(bad), 1007);
  });

  it('is refused with 1008 when it is JSON but no frame', () => {
    for (const bad of [null, true, 0, 'text', [], {}, [ack], { ...ack, v: 0 }, { ...ack, v: 1.5 }, { ...ack, v: '1' }])
      refuseServerFrame(bytesOf(bad), 1008);
  });

  it('is refused with 1008 for a bad head', () => {
    const heads = [
      { id: '' },
      { id: 'a b' },
      { id: '../x' },
      { id: 'a'.repeat(81) },
      { id: 7 },
      { at: -1 },
      { at: 1.5 },
      { at: 2 ** 60 },
      { re: '' },
      { re: 'x\n' },
      { type: '' },
      { type: 'x'.repeat(65) },
    ];
    for (const bad of heads) refuseServerFrame(bytesOf({ ...ack, ...bad }), 1008);
  });

  it('is refused with 1008 for a body that does not fit, and the place is named', () => {
    for (const body of [
      undefined,
      null,
      [],
      'x',
      {},
      { epoch: 'e' },
      { epoch: 'e', through: '3' },
      { epoch: 'e', through: -1 },
    ]) {
      const error = refuseServerFrame(bytesOf({ ...ack, body }), 1008);
      assert.match(error.message, /^a ack frame has a bad body: /);
    }
  });

  it('has no body to borrow from the prototype', () => {
    refuseServerFrame(
      encoder.encode('{"v":1,"id":"f","type":"ack","at":1,"__proto__":{"body":{"epoch":"e","through":1}}}'),
      1008,
    );
  });

  it('gets a refusal that fits a frame itself, whatever the broken one held', () => {
    const key = '\u0001'.repeat(30_000);
    const error = assertRefused(
      () =>
        decodeAgentFrame(
          bytesOf({ ...head, type: 'error', body: { code: 'internal', message: '', retry: 'later', details: { [key]: {} } } }),
          WIRE,
        ),
      'invalid',
      1008,
    );
    assert.ok(error.message.length <= 1000, `the message has ${error.message.length} characters`);
  });
});

describe('A frame of an unknown type', () => {
  it('is refused by name and frame, without a close code', () => {
    const error = assertRefused(
      () => decodeServerFrame(bytesOf({ ...ack, id: 'f_9', type: 'run.teleport' }), WIRE),
      'unsupported',
      undefined,
    );
    assert.deepEqual(error.details, { frame: 'f_9', type: 'run.teleport' });
  });

  it('is what the names of Object.prototype are', () => {
    for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']) {
      assertRefused(() => decodeServerFrame(bytesOf({ ...ack, type }), WIRE), 'unsupported', undefined);
      assertRefused(() => decodeAgentFrame(bytesOf({ ...ack, type }), WIRE), 'unsupported', undefined);
    }
  });

  it('is what a frame of the other side is', () => {
    assertRefused(() => decodeAgentFrame(bytesOf(ack), WIRE), 'unsupported', undefined);
    assertRefused(() => decodeServerFrame(bytesOf({ ...head, type: 'hello', body: {} }), WIRE), 'unsupported', undefined);
  });
});

describe('Fields nobody knows', () => {
  it('are ignored in head and body', () => {
    const decoded = decodeServerFrame(bytesOf({ ...ack, later: 1, body: { ...ack.body, also: [2] } }), WIRE);
    assert.deepEqual(decoded, ack);
  });

  it('are ignored when they are called __proto__, and change no prototype', () => {
    const text =
      '{"v":1,"id":"f_1","type":"ack","at":1,"__proto__":{"polluted":1},"body":{"epoch":"e","through":3,"__proto__":{"polluted":2}}}';
    const decoded = decodeServerFrame(encoder.encode(text), WIRE);
    assert.deepEqual(decoded, ack);
    assert.equal(Object.getPrototypeOf(decoded.body), Object.prototype);
    assert.equal('polluted' in decoded.body, false);
    assert.equal('polluted' in {}, false);
  });

  it('keep the values of a free-form result apart from the prototype', () => {
    const text = '{"v":1,"id":"f_1","type":"reply","re":"r_1","at":1,"body":{"result":{"__proto__":{"version":3}}}}';
    const decoded = decodeAgentFrame(encoder.encode(text), WIRE);
    assert.ok(decoded.type === 'reply');
    assert.equal(REQUESTS['spec.put'].result.safeParse(decoded.body.result).success, false);
  });
});
