/** Bech32 (BIP 173) without its limit of 90 characters, as age writes its keys: a prefix, `1`, the bytes in fives of bits, and a checksum. */

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATORS: readonly number[] = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_WORDS = 6;

function sumUp(words: readonly number[]): number {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    for (const [bit, generator] of GENERATORS.entries()) if ((top >>> bit) & 1) sum ^= generator;
  }
  return sum >>> 0;
}

function expandPrefix(prefix: string): readonly number[] {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

/** Regroups bits, the highest first; what is left over is filled with zeros. */
function regroup(values: Iterable<number>, from: number, to: number): { groups: number[]; left: number; leftBits: number } {
  const groups: number[] = [];
  let held = 0;
  let heldBits = 0;
  for (const value of values) {
    held = (held << from) | value;
    heldBits += from;
    while (heldBits >= to) {
      heldBits -= to;
      groups.push((held >>> heldBits) & ((1 << to) - 1));
    }
    held &= (1 << heldBits) - 1;
  }
  return { groups, left: held, leftBits: heldBits };
}

/** Lower case; `prefix` is lower case as well. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const { groups, left, leftBits } = regroup(bytes, 8, 5);
  const words = leftBits > 0 ? [...groups, left << (5 - leftBits)] : groups;
  const sum = sumUp([...expandPrefix(prefix), ...words, ...Array<number>(CHECKSUM_WORDS).fill(0)]) ^ 1;
  const checksum = Array.from({ length: CHECKSUM_WORDS }, (_, place) => (sum >>> (5 * (CHECKSUM_WORDS - 1 - place))) & 31);
  return `${prefix}1${[...words, ...checksum].map((word) => ALPHABET[word]).join('')}`;
}

/** The bytes of a text in lower case with this prefix; undefined for any other, and where the checksum is not right. */
export function decodeBech32(prefix: string, text: string): Uint8Array | undefined {
  if (!text.startsWith(`${prefix}1`)) return undefined;
  const words = [...text.slice(prefix.length + 1)].map((letter) => ALPHABET.indexOf(letter));
  if (words.length < CHECKSUM_WORDS || words.includes(-1)) return undefined;
  if (sumUp([...expandPrefix(prefix), ...words]) !== 1) return undefined;
  const { groups, left, leftBits } = regroup(words.slice(0, -CHECKSUM_WORDS), 5, 8);
  return left === 0 && leftBits < 5 ? Uint8Array.from(groups) : undefined;
}
