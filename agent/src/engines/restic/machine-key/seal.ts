/**
 * How restic wraps what nobody may read: AES-256 in counter mode, then Poly1305-AES over the result, and the key for both derived from a
 * password by scrypt at costs that stand in the key file. Source of the format: restic's own design document, "Repository Format" and "Keys,
 * Encryption and MAC". Pure.
 */
import { createCipheriv, createHash, scryptSync } from 'node:crypto';

/** What is sealed with: 32 bytes for AES, 16 for the nonce's mask, 16 for Poly1305's factor. */
export type SealKey = { readonly encryption: Buffer; readonly mask: Buffer; readonly r: Buffer };

/** The costs of a derivation, as a key file states them; `salt` in base64. */
export type Derivation = {
  readonly kdf: string;
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
};

export const NONCE_BYTES = 16;
/** Bytes a derivation may take; restic's own keys take about 64 MiB. */
const DERIVATION_MEMORY = 1 << 28;

/** Objects of a repository are named by the SHA-256 of their content. */
export const nameOf = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

/** @throws Error for another function than scrypt, and for costs out of bounds. */
export function deriveSealKey({ kdf, N, r, p, salt }: Derivation, password: string): SealKey {
  if (kdf !== 'scrypt') throw new Error(`A key by ${kdf} is not known.`);
  const derived = scryptSync(password, Buffer.from(salt, 'base64'), 64, { N, r, p, maxmem: DERIVATION_MEMORY });
  return { encryption: derived.subarray(0, 32), mask: derived.subarray(32, 48), r: derived.subarray(48, 64) };
}

/** Nonce, ciphertext and tag in one. A nonce must never seal two different texts under one key. */
export function seal(key: SealKey, nonce: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ctr', key.encryption, nonce);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, text, authenticate(key, nonce, text)]);
}

function authenticate(key: SealKey, nonce: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-ecb', key.mask, null);
  cipher.setAutoPadding(false);
  return computePoly1305(key.r, cipher.update(nonce), text);
}

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

function computePoly1305(r: Buffer, s: Buffer, text: Buffer): Buffer {
  const factor = readLittleEndian(r) & CLAMP;
  let sum = 0n;
  for (let at = 0; at < text.length; at += 16) {
    const block = text.subarray(at, at + 16);
    sum = ((sum + readLittleEndian(block) + (1n << BigInt(8 * block.length))) * factor) % PRIME;
  }
  const tag = (sum + readLittleEndian(s)) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}

function readLittleEndian(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}
