/** Keeps the head and the tail of a byte stream of any length. Pure. */

export interface BoundedText {
  push(chunk: Uint8Array): void;
  /** Head and tail as text, with a marker between them when bytes were left out. */
  read(): string;
}

export function createBoundedText(headBytes: number, tailBytes: number): BoundedText {
  const head: Uint8Array[] = [];
  let headHeld = 0;
  let tail = Buffer.alloc(0);
  let total = 0;

  return {
    push(chunk) {
      total += chunk.length;
      let rest = chunk;
      if (headHeld < headBytes) {
        const kept = chunk.subarray(0, headBytes - headHeld);
        head.push(Uint8Array.from(kept));
        headHeld += kept.length;
        rest = chunk.subarray(kept.length);
      }
      if (rest.length === 0) return;
      const joined = rest.length >= tailBytes ? Buffer.from(rest) : Buffer.concat([tail, rest]);
      tail = joined.length > tailBytes ? Buffer.from(joined.subarray(joined.length - tailBytes)) : joined;
    },
    read() {
      const leftOut = total - headHeld - tail.length;
      const middle = leftOut > 0 ? `\n… (${leftOut} bytes left out)\n` : '';
      return Buffer.concat(head).toString('utf8') + middle + tail.toString('utf8');
    },
  };
}
