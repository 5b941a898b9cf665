/** Fingerprints that two people can compare by eye or over the telephone. */
import type { Crypto } from './crypto.ts';
import { encodeFields } from './field-bytes.ts';
import { FINGERPRINT_WORDS } from './words.ts';

export interface Fingerprint {
  /** Six words, 60 bits. */
  words: readonly string[];
  /** The words joined with dashes. */
  text: string;
  /** The whole digest, 32 bytes. */
  hex: string;
}

const WORDS = 6;
/**
 * Each word carries 10 bits, so that searching a second key with the same six words costs 2^60 guesses; hashing this
 * often makes each guess a thousand times dearer. Milliseconds, and a tenth of a second in an agent, whose code is not
 * optimized: compute it once per key, not per page.
 */
const ROUNDS = 1024;

/** The fingerprint of a host: of its signing and its sealing key together, so that neither can be exchanged. */
export function fingerprintOf(crypto: Crypto, signingPublicKey: string, sealingPublicKey: string): Fingerprint {
  return digestToFingerprint(crypto, ['holdfast/host-fingerprint/v1', signingPublicKey, sealingPublicKey]);
}

/** The fingerprint of a server's identity key, which an agent pins at enrolment. */
export function fingerprintOfServer(crypto: Crypto, serverPublicKey: string): Fingerprint {
  return digestToFingerprint(crypto, ['holdfast/server-fingerprint/v1', serverPublicKey]);
}

function digestToFingerprint(crypto: Crypto, fields: readonly string[]): Fingerprint {
  let digest = encodeFields(fields);
  for (let round = 0; round < ROUNDS; round += 1) digest = crypto.digest(digest, 32);
  const words = Array.from({ length: WORDS }, (_, index) => FINGERPRINT_WORDS[readTenBits(digest, index * 10)] ?? '');
  return { words, text: words.join('-'), hex: crypto.toHex(digest) };
}

function readTenBits(bytes: Uint8Array, firstBit: number): number {
  const at = firstBit >> 3;
  const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (three >> (14 - (firstBit & 7))) & 1023;
}
