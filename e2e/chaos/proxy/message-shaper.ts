/** Duplicates, reorders, delays, drops, splits and cuts whole WebSocket messages in one direction of one connection. */
import type { Seed } from '../seed.ts';
import type { CutKind, Direction, MessageFaults, Note } from './faults.ts';
import { createHolding } from './holding.ts';
import { PROXY } from './limits.ts';
import { createFates, type Fate, splitBytes } from './message-fates.ts';
import type { Unit } from './message-reader.ts';

/** Bytes on their way out, in their final order. */
export type Parcel = {
  readonly bytes: Buffer;
  /** Waits this much longer than others do, and what is behind it waits with it. */
  readonly delayMs?: number;
  /** Nothing else is written for this long afterwards, so that these bytes travel alone. */
  readonly gapMs?: number;
  readonly thenCut?: CutKind;
};

export type ShaperPorts = {
  readonly direction: Direction;
  readonly seed: Seed;
  /** What is to be done to this direction now; empty for nothing. */
  readonly faults: () => MessageFaults;
  readonly forward: (parcel: Parcel) => void;
  readonly note: Note;
  readonly monotonicMs: () => number;
};

export type MessageShaper = {
  take(unit: Unit): void;
  /** The stream ends here: lets go of everything that is held back. */
  flush(): void;
  /** Forgets what is held back and stops its timer. */
  dispose(): void;
  /** Bytes of messages and copies held back. */
  readonly heldBytes: number;
};

type Held = {
  readonly message: number;
  readonly bytes: Buffer;
  readonly isCopy: boolean;
  /** Sent right behind it. */
  readonly hasCopy: boolean;
};

/**
 * Control frames are never duplicated, dropped or reordered among themselves. They go ahead of data messages that are held
 * back, except close, before which everything held back is let go: nothing may follow it. Messages that come in parts
 * (see `Unit`) are counted and otherwise left alone.
 */
export function createMessageShaper({ direction, seed, faults, forward, note, monotonicMs }: ShaperPorts): MessageShaper {
  const drawFate = createFates(seed);
  let messages = 0;
  let position = 0;
  let isBetweenMessages = true;
  let isOver = false;

  const forwardMessage = (parcel: Parcel): number => {
    forward(parcel);
    position += 1;
    return position - 1;
  };

  const holding = createHolding<Held>({
    letGo({ message, bytes, isCopy, hasCopy }, { overtakers, heldMs }) {
      const at = forwardMessage({ bytes });
      if (isCopy) note('duplicate', { direction, message, position: at });
      else if (overtakers > 0) note('reorder', { direction, message, position: at, overtakers });
      else note('hold', { direction, message, position: at, ms: Math.round(heldMs) });
      if (hasCopy) note('duplicate', { direction, message, position: forwardMessage({ bytes }) });
    },
    mayLetGo: () => isBetweenMessages,
    monotonicMs,
    maxItems: PROXY.heldMessages,
    maxBytes: PROXY.heldBytes,
  });

  const hold = (item: Held, overtakers: number): boolean => {
    // A slice would keep the whole read alive that it came in.
    const bytes = Buffer.from(item.bytes);
    const sizeBytes = bytes.length * (item.hasCopy ? 2 : 1);
    return holding.hold({ ...item, bytes }, { overtakers, sizeBytes, holdMs: faults().reorder?.holdMs ?? PROXY.holdMs });
  };

  const cutInside = (message: number, bytes: Buffer, { how, fraction }: NonNullable<Fate['cut']>): void => {
    const forwarded = Math.floor(fraction * (bytes.length + 1));
    note('cutMessage', { direction, message, how, bytes: forwarded, messageBytes: bytes.length });
    isOver = true;
    holding.clear();
    forward({ bytes: bytes.subarray(0, forwarded), thenCut: how });
  };

  /** Sends the message itself, late or in pieces when its fate says so. */
  const send = (message: number, bytes: Buffer, headerBytes: number, { delayMs, pieces }: Fate): void => {
    if (delayMs !== undefined) note('delay', { direction, message, ms: delayMs });
    if (pieces === undefined) {
      forwardMessage({ bytes, delayMs: delayMs ?? 0 });
      return;
    }
    const parts = splitBytes(bytes, headerBytes, pieces, seed.fork(`places of ${message}`));
    note('split', { direction, message, pieces: parts.length });
    for (const [index, part] of parts.entries()) {
      forward({ bytes: part, gapMs: PROXY.pieceGapMs, delayMs: index === 0 ? (delayMs ?? 0) : 0 });
    }
    position += 1;
  };

  /** Sends or holds back the message and its copy. */
  const place = (message: number, bytes: Buffer, headerBytes: number, fate: Fate): void => {
    const { reorderBy, copyLaterBy } = fate;
    const hasCopy = copyLaterBy === 0;
    if (reorderBy === undefined || !hold({ message, bytes, isCopy: false, hasCopy }, reorderBy)) {
      send(message, bytes, headerBytes, fate);
      if (hasCopy) note('duplicate', { direction, message, position: forwardMessage({ bytes }) });
      holding.pass();
    }
    if (copyLaterBy !== undefined && !hasCopy) hold({ message, bytes, isCopy: true, hasCopy: false }, copyLaterBy);
  };

  const takeMessage = (bytes: Buffer, headerBytes: number): void => {
    const message = messages;
    messages += 1;
    const fate = drawFate(message < (faults().after ?? 0) ? {} : faults());
    if (fate.cut !== undefined) cutInside(message, bytes, fate.cut);
    else if (fate.isDropped) note('drop', { direction, message });
    else place(message, bytes, headerBytes, fate);
  };

  const takePart = (unit: Extract<Unit, { kind: 'part' }>): void => {
    if (unit.isFirst) {
      messages += 1;
      position += 1;
      drawFate({});
    }
    isBetweenMessages = unit.isLast;
    forward({ bytes: unit.bytes });
    if (unit.isLast) holding.pass();
  };

  const flush = (): void => {
    if (isBetweenMessages) holding.letAllGo();
    for (const { message } of holding.clear()) note('drop', { direction, message });
  };

  return {
    take(unit) {
      if (isOver) return;
      if (unit.kind === 'message') takeMessage(unit.bytes, unit.headerBytes);
      else if (unit.kind === 'part') takePart(unit);
      else {
        if (unit.isClose) flush();
        forward({ bytes: unit.bytes });
      }
    },
    flush,
    dispose: () => void holding.clear(),
    get heldBytes() {
      return holding.sizeBytes;
    },
  };
}
