/**
 * Ed25519 (RFC 8032) by OpenSSL, with refusals that OpenSSL does not have and Node has only since 26.5: public keys and
 * first halves of signatures of small order, and public keys written in another than their canonical way.
 */
import { sign, verify } from 'node:crypto';
import { readPublicBytes, toPrivateKey, toPublicKey } from './key-objects.ts';

const PUBLIC_KEY_BYTES = 32;
const SECRET_KEY_BYTES = 64;
const SIGNATURE_BYTES = 64;

/**
 * The y-coordinates, little endian, of the eight points whose order divides the cofactor 8 (RFC 8032, section 5.1). Under
 * such a key one signature can fit many messages. libsodium refuses the same ones (`ge25519_has_small_order`).
 */
const SMALL_ORDER: readonly Buffer[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'));

/** The secret key is the seed of 32 bytes followed by the public key. */
export function makeSigningPair(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const publicKey = readPublicBytes(toPrivateKey('Ed25519', seed));
  const secretKey = new Uint8Array(SECRET_KEY_BYTES);
  secretKey.set(seed);
  secretKey.set(publicKey, seed.length);
  return { publicKey, secretKey };
}

/**
 * The public half of the secret key is derived anew, never taken as given: signing under another public key than the seed's own would give the
 * secret away. Throws a RangeError for a key of another length than `SECRET_KEY_BYTES`.
 */
export function signBytes(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  if (secretKey.length !== SECRET_KEY_BYTES) throw new RangeError(`a secret key for signing has ${SECRET_KEY_BYTES} bytes`);
  const privateKey = toPrivateKey('Ed25519', secretKey.subarray(0, 32));
  return new Uint8Array(sign(null, message, privateKey));
}

/** False for whatever is wrong with key or signature, their sizes included. */
export function verifyBytes(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  // OpenSSL compares the first half of the signature with the one encoding it computes, and bounds the second half.
  if (!isCanonical(publicKey) || hasSmallOrder(publicKey) || hasSmallOrder(signature)) return false;
  return verify(null, message, toPublicKey('Ed25519', publicKey), signature);
}

/** Whether the y-coordinate of an encoded point, without the sign of x in the highest bit, is below 2^255 - 19. */
export function isCanonical(point: Uint8Array): boolean {
  if ((point[0] ?? 0) < 0xed || ((point[31] ?? 0) & 0x7f) !== 0x7f) return true;
  return point.subarray(1, 31).some((byte) => byte !== 0xff);
}

/** Looks at the first 32 bytes, a point in its canonical encoding; the sign of x does not matter. */
export function hasSmallOrder(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded.subarray(0, 32));
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER.some((small) => small.equals(y));
}
