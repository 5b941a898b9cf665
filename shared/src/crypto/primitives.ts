/**
 * The primitives that everything else in this folder builds on. Each function is one published primitive on bytes, with
 * no rule of ours in it, so that the published test vectors apply to it as they are. OpenSSL does the curves, where time
 * must not depend on secrets; what OpenSSL lacks (BLAKE2b with parameters, the Salsa and XChaCha families) is plain
 * JavaScript. Bytes on the wire and in the store are those of libsodium.
 */
import { timingSafeEqual } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { makeSigningPair, signBytes, verifyBytes } from './ed25519.ts';
import { makeSealingPair, sealBytes, unsealBytes } from './sealed-box.ts';

export interface RawKeyPair {
  publicKey: Uint8Array;
  secretKey: Uint8Array;
}

/** Sizes in bytes. */
export const SIZES = { seed: 32, publicKey: 32, signature: 64, key: 32, nonce: 24, tag: 16, sealOverhead: 48 } as const;

export interface Primitives {
  /** Ed25519 (RFC 8032). The secret key is seed and public key, 64 bytes. */
  makeSigningPair(seed: Uint8Array): RawKeyPair;
  signBytes(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** False for a bad signature, and for keys and signatures of the wrong size or of small order. */
  verifyBytes(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** X25519. */
  makeSealingPair(seed: Uint8Array): RawKeyPair;
  /**
   * Anonymous sealed box; throws for a public key of small order. The ephemeral secret is 32 bytes of chance for this box
   * alone: used twice, it gives one key and one nonce to two messages.
   */
  sealBytes(publicKey: Uint8Array, message: Uint8Array, ephemeralSecret: Uint8Array): Uint8Array;
  /** Undefined when the box was not sealed to this pair or was changed. */
  unsealBytes(pair: RawKeyPair, box: Uint8Array): Uint8Array | undefined;
  /** BLAKE2b (RFC 7693), 16 to 64 bytes, keyed when a key of 16 to 64 bytes is given; throws for other sizes. */
  hashBytes(message: Uint8Array, size: number, key?: Uint8Array): Uint8Array;
  /** XChaCha20-Poly1305 (IETF): the ciphertext followed by its 16-byte tag. Throws for another size of key or nonce. */
  encryptBytes(key: Uint8Array, nonce: Uint8Array, message: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Undefined when key, nonce, associated bytes or ciphertext are not the ones it was made with. */
  decryptBytes(key: Uint8Array, nonce: Uint8Array, box: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
  /** In time that depends on the length only; false for different lengths. */
  equalBytes(a: Uint8Array, b: Uint8Array): boolean;
  toBase64Url(bytes: Uint8Array): string;
  /** Undefined unless the text is the one unpadded base64url writing of some bytes. */
  fromBase64Url(text: string): Uint8Array | undefined;
  toHex(bytes: Uint8Array): string;
  /** Overwrites with zeros. */
  wipeBytes(bytes: Uint8Array): void;
}

export function createPrimitives(): Primitives {
  return {
    makeSigningPair,
    signBytes,
    verifyBytes,
    makeSealingPair,
    sealBytes,
    unsealBytes: (pair, box) => orUndefined(() => unsealBytes(pair, box)),
    hashBytes,
    encryptBytes: (key, nonce, message, associated) => xchacha20poly1305(key, nonce, associated).encrypt(message),
    decryptBytes: (key, nonce, box, associated) => orUndefined(() => xchacha20poly1305(key, nonce, associated).decrypt(box)),
    equalBytes: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    toBase64Url: (bytes) => viewBytes(bytes).toString('base64url'),
    fromBase64Url,
    toHex: (bytes) => viewBytes(bytes).toString('hex'),
    wipeBytes: (bytes) => void bytes.fill(0),
  };
}

function hashBytes(message: Uint8Array, size: number, key?: Uint8Array): Uint8Array {
  requireHashSize('a digest', size);
  if (key === undefined) return blake2b(message, { dkLen: size });
  requireHashSize('the key of a digest', key.length);
  return blake2b(message, { dkLen: size, key });
}

function requireHashSize(what: string, size: number): void {
  if (!Number.isInteger(size) || size < 16 || size > 64) throw new RangeError(`${what} has 16 to 64 bytes, not ${size}`);
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  // Written into an array of its own: `Buffer.from` would leave a copy of what may be a secret in the shared pool.
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  const view = viewBytes(bytes);
  view.write(text, 'base64url');
  return view.toString('base64url') === text ? bytes : undefined;
}

/** The same memory as a Buffer, for its encodings. */
function viewBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A failed check is a value here, and its caller decides what it means. */
function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
