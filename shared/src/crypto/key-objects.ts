/** Raw 32-byte keys of Ed25519 and X25519 as the key objects of `node:crypto`, and back. Nothing is kept. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

export type Curve = 'Ed25519' | 'X25519';

/** Bytes of a public key, of a seed and of an X25519 secret. */
const KEY_BYTES = 32;

/** A private key in PKCS #8 (RFC 5958 and RFC 8410), up to the 32 bytes of the key itself. */
const PKCS8_HEAD: Readonly<Record<Curve, Buffer>> = {
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
};

/** Throws for a secret of another size than 32 bytes. */
export function toPrivateKey(curve: Curve, secret: Uint8Array): KeyObject {
  if (secret.length !== KEY_BYTES) throw new RangeError(`a secret of ${curve} has ${KEY_BYTES} bytes`);
  // DER instead of JWK, because bytes can be wiped and text cannot.
  const der = Buffer.concat([PKCS8_HEAD[curve], secret]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** Throws for a key of another size than 32 bytes. That the bytes are a point of the curve is not checked. */
export function toPublicKey(curve: Curve, publicKey: Uint8Array): KeyObject {
  // JWK instead of DER, because it is read in a fifth of the time.
  const x = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x }, format: 'jwk' });
}

/** The public key that belongs to a private one, 32 bytes. */
export function readPublicBytes(privateKey: KeyObject): Uint8Array {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}
