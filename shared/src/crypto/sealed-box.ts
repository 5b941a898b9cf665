/**
 * The anonymous sealed box of libsodium (`crypto_box_seal`): a fresh X25519 key per box, whose public half leads the box.
 *
 *   key   = HSalsa20(X25519(ephemeral secret, public key), 0)
 *   nonce = BLAKE2b-24(ephemeral public key || public key)
 *   box   = ephemeral public key || XSalsa20-Poly1305(key, nonce, message), the tag before the ciphertext
 */
import { createHash, diffieHellman, type KeyObject } from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { readPublicBytes, toPrivateKey, toPublicKey } from './key-objects.ts';

const PUBLIC_KEY_BYTES = 32;
const SECRET_BYTES = 32;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** The constant of Salsa20 with keys of 32 bytes. */
const SIGMA = new Uint32Array(new TextEncoder().encode('expand 32-byte k').buffer);

/**
 * The secret is the first half of the SHA-512 of the seed, as `crypto_box_seed_keypair` has it. Throws a RangeError for a seed that has not
 * `SECRET_BYTES`.
 */
export function makeSealingPair(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  if (seed.length !== SECRET_BYTES) throw new RangeError(`a seed has ${SECRET_BYTES} bytes`);
  const hash = createHash('sha512').update(seed).digest();
  const secretKey = Uint8Array.from(hash.subarray(0, SECRET_BYTES));
  hash.fill(0);
  return { publicKey: readPublicBytes(toPrivateKey('X25519', secretKey)), secretKey };
}

/** `ephemeralSecret` is 32 bytes of chance for this box alone. Throws for a public key of small order or another size. */
export function sealBytes(publicKey: Uint8Array, message: Uint8Array, ephemeralSecret: Uint8Array): Uint8Array {
  const ephemeral = toPrivateKey('X25519', ephemeralSecret);
  const ephemeralPublic = readPublicBytes(ephemeral);
  const key = deriveBoxKey(ephemeral, publicKey);
  try {
    const sealed = xsalsa20poly1305(key, deriveNonce(ephemeralPublic, publicKey)).encrypt(message);
    const box = new Uint8Array(PUBLIC_KEY_BYTES + sealed.length);
    box.set(ephemeralPublic);
    box.set(sealed, PUBLIC_KEY_BYTES);
    return box;
  } finally {
    key.fill(0);
  }
}

/** Throws when the box was not sealed to this pair or was changed. */
export function unsealBytes(pair: { publicKey: Uint8Array; secretKey: Uint8Array }, box: Uint8Array): Uint8Array {
  if (box.length < PUBLIC_KEY_BYTES + TAG_BYTES) throw new RangeError('a sealed box is cut short');
  if (pair.publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError(`a public key has ${PUBLIC_KEY_BYTES} bytes`);
  const ephemeralPublic = box.subarray(0, PUBLIC_KEY_BYTES);
  const key = deriveBoxKey(toPrivateKey('X25519', pair.secretKey), ephemeralPublic);
  try {
    return xsalsa20poly1305(key, deriveNonce(ephemeralPublic, pair.publicKey)).decrypt(box.subarray(PUBLIC_KEY_BYTES));
  } finally {
    key.fill(0);
  }
}

/** Throws for a public key of small order, with which every secret gives the same zeros. */
function deriveBoxKey(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  const agreed = diffieHellman({ privateKey, publicKey: toPublicKey('X25519', publicKey) });
  // Words are bytes in memory order; hsalsa minds the byte order of the machine.
  const words = new Uint32Array(Uint8Array.from(agreed).buffer);
  const key = new Uint32Array(8);
  hsalsa(SIGMA, words, new Uint32Array(4), key);
  agreed.fill(0);
  words.fill(0);
  return new Uint8Array(key.buffer);
}

function deriveNonce(ephemeralPublic: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return blake2b.create({ dkLen: NONCE_BYTES }).update(ephemeralPublic).update(publicKey).digest();
}
