/** Splits a byte stream into lines, with bounded memory whatever arrives. Pure. */
import { StringDecoder } from 'node:string_decoder';

export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** The stream ended: the last line without a newline is delivered too. */
  end(): void;
}

/**
 * Calls `onLine` for each line without its ending (`\n` or `\r\n`). A line above `maxBytes` is delivered once, cut, with a marker that
 * tells how many bytes were left out; memory stays below about twice `maxBytes`. Invalid UTF-8 becomes U+FFFD.
 */
export function createLineSplitter(maxBytes: number, onLine: (line: string) => void): LineSplitter {
  let parts: Uint8Array[] = [];
  let held = 0;
  let dropped = 0;

  const deliver = () => {
    const decoder = new StringDecoder('utf8');
    let text = decoder.end(Buffer.concat(parts));
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (dropped > 0) text += ` … (${dropped} bytes of this line left out)`;
    parts = [];
    held = 0;
    dropped = 0;
    onLine(text);
  };

  const hold = (piece: Uint8Array) => {
    const room = maxBytes - held;
    const kept = piece.subarray(0, Math.max(0, room));
    if (kept.length > 0) parts.push(Uint8Array.from(kept));
    held += kept.length;
    dropped += piece.length - kept.length;
  };

  return {
    push(chunk) {
      let from = 0;
      for (;;) {
        const newline = chunk.indexOf(0x0a, from);
        if (newline === -1) break;
        hold(chunk.subarray(from, newline));
        deliver();
        from = newline + 1;
      }
      if (from < chunk.length) hold(chunk.subarray(from));
    },
    end() {
      if (held > 0 || dropped > 0) deliver();
    },
  };
}
