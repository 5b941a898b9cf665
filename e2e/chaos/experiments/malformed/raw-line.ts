/** A WebSocket client that says whatever bytes it is given: RFC 6455 by hand over TCP, so that nothing keeps it from breaking the rules. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** How the other side ended the line: a close code of a close frame, an HTTP status, or nothing but the end of TCP. */
export type LineEnd = { readonly code: number | undefined; readonly status: number | undefined };

export type RawLine = {
  /** Texts that arrived, in their order. */
  readonly texts: readonly string[];
  readonly ended: Promise<LineEnd>;
  write(bytes: Uint8Array): void;
  /** The first text that `pick` takes; undefined when the line ended without one. @throws Error after `deadlineMs`. */
  awaitText<T>(pick: (text: string) => T | undefined, deadlineMs: number): Promise<T | undefined>;
  /** Pings, and resolves with whether the server lives and reads (true) or has ended the line (false). @throws Error after `deadlineMs`. */
  awaitPong(deadlineMs: number): Promise<boolean>;
  /** Ends politely, in the middle of whatever was announced. */
  finish(): void;
  /** Ends with a reset, so that no port is kept back. */
  drop(): void;
};

export type FrameParts = {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly isFinal?: boolean;
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** The length that the header tells, other than the payload's. */
  readonly claimedBytes?: number;
};

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export function buildFrame(parts: FrameParts): Buffer {
  const { opcode, payload, isFinal = true, reserved = 0, isMasked = true, claimedBytes = payload.length } = parts;
  const extra = claimedBytes < 126 ? 0 : claimedBytes < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + extra);
  header[0] = (isFinal ? 0x80 : 0) | ((reserved & 7) << 4) | (opcode & 15);
  header[1] = (isMasked ? 0x80 : 0) | (extra === 0 ? claimedBytes : extra === 2 ? 126 : 127);
  if (extra === 2) header.writeUInt16BE(claimedBytes, 2);
  if (extra === 8) header.writeBigUInt64BE(BigInt(claimedBytes), 2);
  if (!isMasked) return Buffer.concat([header, payload]);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let index = 0; index < masked.length; index += 1) masked[index] = (masked[index] ?? 0) ^ (mask[index & 3] ?? 0);
  return Buffer.concat([header, mask, masked]);
}

const buildUpgrade = (port: number, token: string): string =>
  [
    'GET /ws/agent HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    `Authorization: Bearer ${token}`,
    '\r\n',
  ].join('\r\n');

/** Dials; `opening` replaces the lines of the upgrade, for a door that is knocked at wrongly. */
export function dialRaw(port: number, token: string, opening: string | Buffer = buildUpgrade(port, token)): RawLine {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const texts: string[] = [];
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  let rest: Buffer = Buffer.alloc(0);
  let status: number | undefined;
  let code: number | undefined;
  let pongs = 0;
  let isOver = false;
  socket.on('error', () => {
    // What matters of a broken line is that it ended, and `close` says so.
  });
  socket.on('connect', () => socket.write(opening));
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (status === undefined) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      status = Number(/^HTTP\/1\.1 (\d{3})/.exec(rest.toString('latin1', 0, 12))?.[1] ?? Number.NaN);
      rest = rest.subarray(end + 4);
    }
    if (status !== 101) return;
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      rest = rest.subarray(frame.bytes);
      if (frame.opcode === OPCODES.text) texts.push(frame.payload.toString('utf8'));
      if (frame.opcode === OPCODES.pong) pongs += 1;
      if (frame.opcode === OPCODES.close) {
        code = frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
        socket.resetAndDestroy();
      }
    }
    wake();
  });
  const ended = new Promise<LineEnd>((resolve) => {
    socket.on('close', () => {
      isOver = true;
      resolve({ code, status });
      wake();
    });
  });
  const watch = <T>(what: string, look: () => { readonly found: T } | undefined, deadlineMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(new Error(`${what} did not come within ${deadlineMs} ms`))), deadlineMs);
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        watchers.delete(check);
        finish();
      };
      const check = (): void => {
        const seen = look();
        if (seen !== undefined) settle(() => resolve(seen.found));
      };
      watchers.add(check);
      check();
    });
  return {
    texts,
    ended,
    write: (bytes) => void (socket.writable && socket.write(bytes)),
    awaitText(pick, deadlineMs) {
      const look = () => {
        for (const text of texts) {
          const found = pick(text);
          if (found !== undefined) return { found };
        }
        return isOver ? { found: undefined } : undefined;
      };
      return watch('a text', look, deadlineMs);
    },
    awaitPong(deadlineMs) {
      const due = pongs + 1;
      sendPing(socket);
      return watch('a pong', () => (pongs >= due ? { found: true } : isOver ? { found: false } : undefined), deadlineMs);
    },
    finish: () => void socket.end(),
    drop: () => void socket.resetAndDestroy(),
  };
}

function sendPing(socket: Socket): void {
  if (socket.writable) socket.write(buildFrame({ opcode: OPCODES.ping, payload: Buffer.alloc(0) }));
}

/** A whole frame of a server, which is never masked. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 127;
  const at = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < at) return undefined;
  const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < at + size) return undefined;
  return { opcode: (bytes[0] ?? 0) & 15, payload: bytes.subarray(at, at + size), bytes: at + size };
}
