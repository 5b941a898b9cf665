/** Streams of bytes that break the rules of WebSockets themselves, with the close codes the server may answer with. */
import { WIRE } from '@holdfast/shared/limits.ts';
import type { Seed } from '../../seed.ts';
import { buildFrame, OPCODES } from './raw-line.ts';

export type Abuse = {
  readonly name: string;
  /** Undefined: the line just ends, as it does for bytes that are no frame at all or for a frame whose end never comes. */
  readonly codes: readonly (number | undefined)[];
  /** The sender goes away behind its bytes, in the middle of what it announced. */
  readonly isCutShort?: boolean;
  build(seed: Seed): Buffer;
};

const text = (payload: string | Uint8Array): Buffer => buildFrame({ opcode: OPCODES.text, payload: Buffer.from(payload) });
const makeBytes = (seed: Seed, size: number): Buffer => Buffer.from(Array.from({ length: size }, () => seed.int([0, 255])));

export const ABUSES: readonly Abuse[] = [
  {
    name: 'reserved bits',
    codes: [1002],
    build: (seed) => buildFrame({ opcode: OPCODES.text, payload: Buffer.from('{}'), reserved: seed.int([1, 7]) }),
  },
  {
    name: 'an opcode nobody knows',
    codes: [1002],
    build: (seed) => buildFrame({ opcode: seed.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload: makeBytes(seed, 8) }),
  },
  {
    name: 'a frame without a mask',
    codes: [1002],
    build: () => buildFrame({ opcode: OPCODES.text, payload: Buffer.from('{"v":1}'), isMasked: false }),
  },
  {
    name: 'a ping that is too long',
    codes: [1002],
    build: (seed) => buildFrame({ opcode: OPCODES.ping, payload: makeBytes(seed, seed.int([126, 400])) }),
  },
  {
    name: 'a ping in pieces',
    codes: [1002],
    build: () => buildFrame({ opcode: OPCODES.ping, payload: Buffer.alloc(4), isFinal: false }),
  },
  {
    name: 'a continuation of nothing',
    codes: [1002],
    build: () => buildFrame({ opcode: OPCODES.continuation, payload: Buffer.from('{}') }),
  },
  {
    name: 'a text within a text',
    codes: [1002],
    build: () => Buffer.concat([buildFrame({ opcode: OPCODES.text, payload: Buffer.from('{'), isFinal: false }), text('}')]),
  },
  {
    name: 'a length above the limit',
    codes: [1009],
    build: (seed) => {
      const claimedBytes = seed.pick([WIRE.frameBytes + 1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]);
      return buildFrame({ opcode: OPCODES.text, payload: Buffer.alloc(16), claimedBytes });
    },
  },
  { name: 'a frame above the limit', codes: [1009], build: (seed) => text('x'.repeat(WIRE.frameBytes + seed.int([1, 5_000]))) },
  {
    name: 'a message above the limit, in pieces below it',
    codes: [1009],
    build: () => {
      const piece = Buffer.alloc(WIRE.frameBytes / 2 + 1, 0x20);
      const first = buildFrame({ opcode: OPCODES.text, payload: piece, isFinal: false });
      return Buffer.concat([first, buildFrame({ opcode: OPCODES.continuation, payload: piece })]);
    },
  },
  {
    name: 'too many pieces',
    codes: [1008],
    build: () => {
      const pieces = Array.from({ length: WIRE.fragmentsPerFrame + 1 }, (_, index) =>
        buildFrame({ opcode: index === 0 ? OPCODES.text : OPCODES.continuation, payload: Buffer.from(' '), isFinal: false }),
      );
      return Buffer.concat(pieces);
    },
  },
  {
    name: 'a message of nothing but empty pieces',
    codes: [1008],
    build: () => {
      const first = buildFrame({ opcode: OPCODES.text, payload: Buffer.alloc(0), isFinal: false });
      const next = buildFrame({ opcode: OPCODES.continuation, payload: Buffer.alloc(0), isFinal: false });
      return Buffer.concat([first, ...Array.from({ length: WIRE.fragmentsPerFrame * 2 }, () => next)]);
    },
  },
  {
    name: 'bytes that are no UTF-8',
    codes: [1007],
    build: (seed) => {
      const bad = seed.pick([
        [0xff],
        [0xc0, 0xaf],
        [0xed, 0xa0, 0x80],
        [0xf8, 0x88, 0x80, 0x80, 0x80],
        [0xc3],
        [0xf4, 0x90, 0x80, 0x80],
      ]);
      return text(Buffer.concat([Buffer.from('{"v":1,"id":"'), Buffer.from(bad), Buffer.from('"}')]));
    },
  },
  {
    name: 'a binary message',
    codes: [1003],
    build: (seed) => buildFrame({ opcode: OPCODES.binary, payload: makeBytes(seed, 64) }),
  },
  {
    name: 'a close with a code nobody may send',
    codes: [1002],
    build: (seed) => {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(seed.pick([0, 999, 1004, 1005, 1006, 1015, 2999, 5000]));
      return buildFrame({ opcode: OPCODES.close, payload });
    },
  },
  { name: 'a close of one byte', codes: [1002], build: () => buildFrame({ opcode: OPCODES.close, payload: Buffer.alloc(1) }) },
  {
    name: 'bytes of chance',
    // Chance may also write a header whose payload never comes; the sender is gone then.
    codes: [1002, 1003, 1005, 1007, 1008, 1009, undefined],
    isCutShort: true,
    build: (seed) => makeBytes(seed, seed.int([1, 2_000])),
  },
  {
    name: 'half a frame and then nothing',
    codes: [undefined],
    isCutShort: true,
    build: (seed) => {
      const whole = text('{"v":1,"id":"f_1","type":"heartbeat","at":1,"body":{}}');
      return whole.subarray(0, seed.int([1, whole.length - 1]));
    },
  },
  {
    name: 'a flood of pings, then a broken frame',
    // Who pings faster than the answers can go is cut off without a word.
    codes: [1002, undefined],
    build: (seed) => {
      const ping = buildFrame({ opcode: OPCODES.ping, payload: makeBytes(seed, 125) });
      const pings = Array.from({ length: 200 }, () => ping);
      return Buffer.concat([...pings, buildFrame({ opcode: 7, payload: Buffer.alloc(0) })]);
    },
  },
];

/** Ways to knock at the door that get no WebSocket; what is wrong with each, and how it may be answered. */
export type Knock = {
  readonly name: string;
  readonly statuses: readonly (number | undefined)[];
  build(seed: Seed, token: string): Buffer;
};

const buildLines = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
const UPGRADE = ['Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket'];
const KEYED = [...UPGRADE, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];

export const KNOCKS: readonly Knock[] = [
  {
    name: 'a token nobody gave',
    statuses: [401],
    build: (seed) =>
      buildLines(['GET /ws/agent HTTP/1.1', ...KEYED, `Authorization: Bearer hfa_${makeBytes(seed, 32).toString('base64url')}`]),
  },
  { name: 'no token', statuses: [401], build: () => buildLines(['GET /ws/agent HTTP/1.1', ...KEYED]) },
  {
    name: 'a token of chance',
    statuses: [400, 401],
    build: (seed) =>
      buildLines([
        'GET /ws/agent HTTP/1.1',
        ...KEYED,
        `Authorization: Bearer ${makeBytes(seed, 60)
          .toString('latin1')
          .replaceAll(/[\r\n]/g, '')}`,
      ]),
  },
  {
    name: 'a page of another origin',
    statuses: [403],
    build: (_seed, token) =>
      buildLines(['GET /ws/agent HTTP/1.1', ...KEYED, `Authorization: Bearer ${token}`, 'Origin: https://evil.example.com']),
  },
  {
    name: 'another path',
    statuses: [404],
    build: (seed, token) =>
      buildLines([
        `GET ${seed.pick(['/ws/agent/..', '/ws', '//ws/agent', '/ws/agent%00', '/%77s/agent/x'])} HTTP/1.1`,
        ...KEYED,
        `Authorization: Bearer ${token}`,
      ]),
  },
  {
    name: 'a key that is none',
    statuses: [400],
    build: (_seed, token) =>
      buildLines([
        'GET /ws/agent HTTP/1.1',
        ...UPGRADE,
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: short',
        `Authorization: Bearer ${token}`,
      ]),
  },
  {
    name: 'a version of long ago',
    statuses: [400, 426],
    build: (seed, token) =>
      buildLines([
        'GET /ws/agent HTTP/1.1',
        ...UPGRADE,
        `Sec-WebSocket-Version: ${seed.pick(['7', '0', '14', 'x'])}`,
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
        `Authorization: Bearer ${token}`,
      ]),
  },
  {
    name: 'headers without end',
    statuses: [431],
    build: (seed) => buildLines(['GET /ws/agent HTTP/1.1', ...KEYED, `X-Long: ${'x'.repeat(seed.int([20_000, 60_000]))}`]),
  },
  {
    name: 'no HTTP at all',
    statuses: [400, undefined],
    build: (seed) => Buffer.concat([makeBytes(seed, seed.int([10, 500])), Buffer.from('\r\n\r\n')]),
  },
];
