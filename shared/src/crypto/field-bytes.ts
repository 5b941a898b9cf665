const encoder = new TextEncoder();

/**
 * Joins fields into bytes that belong to exactly one list of fields: each is its length (four bytes, big endian) and its
 * UTF-8 text. Used for what is signed, hashed or authenticated, where `a|bc` and `ab|c` must never look alike.
 */
export function encodeFields(fields: readonly string[]): Uint8Array {
  const parts = fields.map((field) => encoder.encode(field));
  const out = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  return out;
}
