/** Reads WebSocket frames (RFC 6455, section 5) out of a stream of bytes and hands them on unchanged, message by message. */

/** What can be forwarded as it is. All units in their order are the bytes that came in, but for what a control frame overtook. */
export type Unit =
  /** A whole text or binary message with all its frames; control frames that came between them are ahead of it. */
  | { readonly kind: 'message'; readonly bytes: Buffer; readonly headerBytes: number }
  /** A whole close, ping or pong frame. */
  | { readonly kind: 'control'; readonly bytes: Buffer; readonly isClose: boolean }
  /** A part of what is not kept whole: too large, compressed, or not understood. Between two parts only control frames may go. */
  | { readonly kind: 'part'; readonly bytes: Buffer; readonly isFirst: boolean; readonly isLast: boolean };

export type MessageReader = {
  read(chunk: Buffer): Unit[];
  /** The bytes of what has not arrived whole, which are then forgotten; for a stream that ends in the middle. */
  takeRest(): Buffer;
  /** Bytes that wait for the rest of their frame or message; at most `messageBytes` and one header. */
  readonly heldBytes: number;
};

type Header = {
  readonly isFinal: boolean;
  readonly opcode: number;
  /** A reserved bit is set, so an extension gives the payload its meaning, which may depend on the messages before. */
  readonly isExtended: boolean;
  readonly headerBytes: number;
  readonly frameBytes: number;
};

const CLOSE = 0x8;
const LONGEST_HEADER_BYTES = 14;
const LONGEST_CONTROL_BYTES = 125;

/** A header that no sender may write makes everything from it on a single endless part: what it means is the receiver's to say. */
export function createMessageReader(messageBytes: number): MessageReader {
  let begun: Buffer = Buffer.alloc(0);
  let header: Header | undefined;
  let missingBytes = 0;
  let frame: Buffer[] = [];
  let message: Buffer[] = [];
  let messageHeld = 0;
  let firstHeaderBytes = 0;
  /** The message under way goes through in parts; whether one of them has gone. */
  let parts: 'none' | 'begun' | 'going' = 'none';
  let isOpaque = false;

  const part = (bytes: Buffer, isLast: boolean): Unit => {
    const isFirst = parts === 'begun';
    parts = isLast ? 'none' : 'going';
    return { kind: 'part', bytes, isFirst, isLast };
  };

  const startFrame = (next: Header): Unit[] => {
    header = next;
    missingBytes = next.frameBytes;
    if (next.opcode >= CLOSE) return [];
    if (messageHeld === 0) firstHeaderBytes = next.headerBytes;
    const isTooLarge = messageHeld + next.frameBytes > messageBytes;
    if (parts !== 'none' || !(isTooLarge || next.isExtended)) return [];
    parts = 'begun';
    if (messageHeld === 0) return [];
    return [part(takeMessage(), false)];
  };

  const takeMessage = (): Buffer => {
    const bytes = join(message);
    message = [];
    messageHeld = 0;
    return bytes;
  };

  const endFrame = (ended: Header, bytes: Buffer): Unit[] => {
    if (ended.opcode >= CLOSE) return [{ kind: 'control', bytes, isClose: ended.opcode === CLOSE }];
    message.push(bytes);
    messageHeld += bytes.length;
    if (!ended.isFinal) return [];
    return [{ kind: 'message', bytes: takeMessage(), headerBytes: firstHeaderBytes }];
  };

  /** Takes bytes of the frame under way; gives what is left of the chunk. */
  const readFrame = (current: Header, chunk: Buffer, units: Unit[]): Buffer => {
    const bytes = chunk.subarray(0, missingBytes);
    missingBytes -= bytes.length;
    const isComplete = missingBytes === 0;
    if (isComplete) header = undefined;
    if (parts !== 'none' && current.opcode < CLOSE) units.push(part(bytes, isComplete && current.isFinal));
    else {
      frame.push(bytes);
      if (isComplete) {
        const whole = join(frame);
        frame = [];
        units.push(...endFrame(current, whole));
      }
    }
    return chunk.subarray(bytes.length);
  };

  const readHeader = (chunk: Buffer, units: Unit[]): Buffer => {
    const held = begun.length;
    begun = Buffer.concat([begun, chunk.subarray(0, LONGEST_HEADER_BYTES - held)]);
    const next = parseHeader(begun);
    if (next === undefined) return chunk.subarray(begun.length - held);
    const headerBytes = begun.subarray(0, next.headerBytes);
    begun = Buffer.alloc(0);
    if (!isLawful(next)) {
      isOpaque = true;
      parts = parts === 'none' ? 'begun' : parts;
      units.push(part(join([takeMessage(), headerBytes]), false));
      return chunk.subarray(next.headerBytes - held);
    }
    units.push(...startFrame(next));
    readFrame(next, headerBytes, units);
    return chunk.subarray(next.headerBytes - held);
  };

  return {
    read(chunk) {
      const units: Unit[] = [];
      let rest = chunk;
      while (rest.length > 0) {
        if (isOpaque) return [...units, part(rest, false)];
        rest = header === undefined ? readHeader(rest, units) : readFrame(header, rest, units);
      }
      return units;
    },
    takeRest() {
      const bytes = join([takeMessage(), ...frame, begun]);
      begun = Buffer.alloc(0);
      frame = [];
      isOpaque = true;
      parts = 'going';
      return bytes;
    },
    get heldBytes() {
      const ofFrame = header === undefined || frame.length === 0 ? 0 : header.frameBytes - missingBytes;
      return messageHeld + begun.length + ofFrame;
    },
  };
}

/** Undefined until all bytes of the header are there. */
function parseHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const code = second & 0x7f;
  const lengthBytes = code === 127 ? 8 : code === 126 ? 2 : 0;
  const headerBytes = 2 + lengthBytes + ((second & 0x80) === 0 ? 0 : 4);
  if (bytes.length < headerBytes) return undefined;
  const payloadBytes = lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthBytes === 2 ? bytes.readUInt16BE(2) : code;
  return {
    isFinal: (first & 0x80) !== 0,
    opcode: first & 0x0f,
    isExtended: (first & 0x70) !== 0,
    headerBytes,
    frameBytes: headerBytes + payloadBytes,
  };
}

/** False for a length beyond counting and for a control frame that is too long or in fragments. */
function isLawful({ opcode, isFinal, headerBytes, frameBytes }: Header): boolean {
  if (opcode < CLOSE) return Number.isSafeInteger(frameBytes);
  return isFinal && frameBytes - headerBytes <= LONGEST_CONTROL_BYTES;
}

/** A list of one needs no copy. */
function join(buffers: readonly Buffer[]): Buffer {
  const [only, ...others] = buffers;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(buffers);
}
