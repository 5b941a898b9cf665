/** One direction of one connection, from the socket it is read from to the socket it is written to. */
import type { Socket } from 'node:net';
import { type Seed, scaleToRange } from '../seed.ts';
import { type CutKind, coversDirection, type Direction, type Faults, type MessageFaults, type Note } from './faults.ts';
import { PROXY } from './limits.ts';
import { createMessageReader } from './message-reader.ts';
import { createMessageShaper, type Parcel } from './message-shaper.ts';

export type LanePorts = {
  readonly direction: Direction;
  readonly source: Socket;
  readonly sink: Socket;
  /** The lane's own stream of choices. */
  readonly seed: Seed;
  readonly faults: () => Faults;
  readonly note: Note;
  readonly monotonicMs: () => number;
  /** How many bytes of this chunk, from its start, are not WebSocket frames. */
  readonly countPlain: (chunk: Buffer) => number;
  /** How many bytes may still be forwarded before the connection is cut. */
  readonly allowedBytes: () => number;
  readonly onForwarded: (bytes: number) => void;
  /** The lane has come to the place of a cut: everything before it is with the kernel. */
  readonly onCut: (how: CutKind | undefined) => void;
};

export type Lane = {
  stall(): void;
  resume(): void;
  /** Looks at the faults again. */
  refresh(): void;
  /** Nothing is forwarded any more; what still comes in is read and forgotten. */
  stop(): void;
  readonly forwardedBytes: number;
  /** Held in memory, without what the sockets buffer; never above `DIRECTION_BYTES_MAX`. */
  readonly heldBytes: number;
  /** The sender is not read from at the moment. */
  readonly isPushingBack: boolean;
  /** Bytes that a half-open line has swallowed. */
  readonly swallowedBytes: number;
  /** The sender said goodbye and the receiver was not told. */
  readonly hasSwallowedEnd: boolean;
};

type Waiting = { readonly dueAt: number; readonly parcel: Parcel; offset: number };

const NO_MESSAGE_FAULTS: MessageFaults = {};

/** Begins to forward at once. Both sockets must allow half-open connections; their errors are the caller's. */
export function createLane(ports: LanePorts): Lane {
  const { direction, source, sink, faults, monotonicMs } = ports;
  const jitter = ports.seed.fork('jitter');
  const queue: Waiting[] = [];
  let queuedBytes = 0;
  let lastDueAt = 0;
  let freeAt = 0;
  let forwardedBytes = 0;
  let swallowedBytes = 0;
  let state: 'open' | 'cutting' | 'ended' | 'stopped' = 'open';
  let isStalled = false;
  let isFull = false;
  let isPumpScheduled = false;
  let hasSourceEnded = false;
  let hasSwallowedEnd = false;
  let timer: NodeJS.Timeout | undefined;

  const isSwallowing = (): boolean => {
    const { halfOpen } = faults();
    return halfOpen !== undefined && coversDirection(halfOpen, direction);
  };

  const enqueue = (parcel: Parcel): void => {
    const { delay } = faults();
    const standing = delay !== undefined && coversDirection(delay.direction, direction);
    const delayMs = (parcel.delayMs ?? 0) + (standing ? scaleToRange(jitter.fraction(), delay.ms) : 0);
    lastDueAt = Math.max(lastDueAt, monotonicMs() + delayMs);
    queue.push({ dueAt: lastDueAt, parcel, offset: 0 });
    queuedBytes += parcel.bytes.length;
  };

  const reader = createMessageReader(PROXY.messageBytes);
  const shaper = createMessageShaper({
    direction,
    seed: ports.seed,
    faults: () => {
      const { messages } = faults();
      return messages !== undefined && coversDirection(messages.direction, direction) ? messages : NO_MESSAGE_FAULTS;
    },
    forward: (parcel) => {
      enqueue(parcel);
      schedulePump();
    },
    note: ports.note,
    monotonicMs,
  });

  const schedulePump = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (isPumpScheduled) return;
    isPumpScheduled = true;
    queueMicrotask(() => {
      isPumpScheduled = false;
      pump();
    });
  };

  /** Writes what is due, as much as the sink takes. */
  const pump = (): void => {
    if (timer !== undefined || isStalled || state !== 'open' || isSwallowing()) return;
    sink.cork();
    while (state === 'open' && !sink.writableNeedDrain) {
      const head = queue[0];
      if (head === undefined) break;
      const waitMs = Math.max(head.dueAt, freeAt) - monotonicMs();
      if (waitMs > 0) {
        timer = setTimeout(wake, Math.ceil(waitMs));
        break;
      }
      writeSome(head);
    }
    sink.uncork();
    applyPressure();
    if (queue.length === 0 && hasSourceEnded && state === 'open') {
      state = 'ended';
      sink.end();
    }
  };

  const wake = (): void => {
    timer = undefined;
    pump();
  };

  const writeSome = (head: Waiting): void => {
    const rest = head.parcel.bytes.subarray(head.offset);
    const allowed = ports.allowedBytes();
    const bytes = rest.subarray(0, Math.min(rest.length, allowed, countSlice()));
    head.offset += bytes.length;
    queuedBytes -= bytes.length;
    forwardedBytes += bytes.length;
    const isWhole = head.offset === head.parcel.bytes.length;
    if (isWhole) queue.shift();
    const isAtCut = bytes.length === allowed;
    const thenCut = isWhole ? head.parcel.thenCut : undefined;
    if (isAtCut || thenCut !== undefined) {
      state = 'cutting';
      sink.write(bytes, () => ports.onCut(isAtCut ? undefined : thenCut));
    } else if (bytes.length > 0) sink.write(bytes);
    ports.onForwarded(bytes.length);
    keepPace(bytes.length, isWhole ? (head.parcel.gapMs ?? 0) : 0);
  };

  const findRate = (): number | undefined => {
    const { throttle } = faults();
    return throttle !== undefined && coversDirection(throttle.direction, direction) ? throttle.bytesPerSecond : undefined;
  };

  const countSlice = (): number => {
    const rate = findRate();
    return rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil((rate * PROXY.throttleSliceMs) / 1000));
  };

  /** A timer that fires late is made up for, by one slice at most. */
  const keepPace = (bytes: number, gapMs: number): void => {
    const rate = findRate();
    const now = monotonicMs();
    if (rate !== undefined) freeAt = Math.max(freeAt, now - PROXY.throttleSliceMs) + (bytes * 1000) / rate;
    if (gapMs > 0) freeAt = Math.max(freeAt, now + gapMs);
  };

  const applyPressure = (): void => {
    if (state !== 'open') return;
    const wasFull = isFull;
    isFull = queuedBytes >= PROXY.queueBytes;
    if (isFull && !wasFull) source.pause();
    if (!isFull && wasFull) source.resume();
  };

  const take = (chunk: Buffer): void => {
    if (state === 'stopped' || state === 'cutting') return;
    if (isSwallowing()) {
      swallowedBytes += chunk.length;
      return;
    }
    const plain = ports.countPlain(chunk);
    if (plain > 0) enqueue({ bytes: chunk.subarray(0, plain) });
    for (const unit of reader.read(chunk.subarray(plain))) shaper.take(unit);
    schedulePump();
    applyPressure();
  };

  const takeEnd = (): void => {
    if (state !== 'open') return;
    if (isSwallowing()) {
      hasSwallowedEnd = true;
      return;
    }
    shaper.flush();
    const rest = reader.takeRest();
    if (rest.length > 0) enqueue({ bytes: rest });
    hasSourceEnded = true;
    schedulePump();
  };

  const forget = (): number => {
    const bytes = queuedBytes + shaper.heldBytes + reader.takeRest().length;
    shaper.dispose();
    queue.length = 0;
    queuedBytes = 0;
    clearTimeout(timer);
    timer = undefined;
    return bytes;
  };

  source.on('data', take);
  source.on('end', takeEnd);
  sink.on('drain', pump);

  return {
    stall() {
      isStalled = true;
    },
    resume() {
      isStalled = false;
      schedulePump();
    },
    refresh() {
      if (state !== 'open') return;
      if (isSwallowing()) {
        hasSwallowedEnd ||= hasSourceEnded;
        const isUnderWay = queuedBytes + shaper.heldBytes + reader.heldBytes > 0;
        if (isUnderWay) swallowedBytes += forget();
        applyPressure();
      } else schedulePump();
    },
    stop() {
      state = 'stopped';
      forget();
      source.resume();
    },
    get forwardedBytes() {
      return forwardedBytes;
    },
    get heldBytes() {
      return queuedBytes + shaper.heldBytes + reader.heldBytes;
    },
    get isPushingBack() {
      return isFull;
    },
    get swallowedBytes() {
      return swallowedBytes;
    },
    get hasSwallowedEnd() {
      return hasSwallowedEnd;
    },
  };
}
