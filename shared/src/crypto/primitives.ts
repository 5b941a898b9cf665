/**
 * The only door to libsodium. Each function is one published primitive on bytes, with no rule of ours in it, so that
 * the published test vectors apply to it as they are. Everything else in this folder builds on these.
 */
import sodium from 'libsodium-wrappers';

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
  /** Anonymous sealed box; throws for a public key of small order. */
  sealBytes(publicKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Undefined when the box was not sealed to this pair or was changed. */
  unsealBytes(pair: RawKeyPair, box: Uint8Array): Uint8Array | undefined;
  /** BLAKE2b (RFC 7693), 16 to 64 bytes, keyed when a key of 16 to 64 bytes is given. */
  hashBytes(message: Uint8Array, size: number, key?: Uint8Array): Uint8Array;
  /** XChaCha20-Poly1305 (IETF): the ciphertext followed by its 16-byte tag. */
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

/** Waits for the WebAssembly module; cheap after the first time. */
export async function loadPrimitives(): Promise<Primitives> {
  await sodium.ready;
  return {
    makeSigningPair: (seed) => toPair(sodium.crypto_sign_seed_keypair(seed)),
    signBytes: (secretKey, message) => sodium.crypto_sign_detached(message, secretKey),
    verifyBytes,
    makeSealingPair: (seed) => toPair(sodium.crypto_box_seed_keypair(seed)),
    sealBytes: (publicKey, message) => sodium.crypto_box_seal(message, publicKey),
    unsealBytes: (pair, box) => orUndefined(() => sodium.crypto_box_seal_open(box, pair.publicKey, pair.secretKey)),
    hashBytes: (message, size, key) => sodium.crypto_generichash(size, message, key ?? null),
    encryptBytes: (key, nonce, message, associated) =>
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, associated, null, nonce, key),
    decryptBytes: (key, nonce, box, associated) =>
      orUndefined(() => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, associated, nonce, key)),
    equalBytes: (a, b) => a.length === b.length && sodium.memcmp(a, b),
    toBase64Url: (bytes) => sodium.to_base64(bytes, sodium.base64_variants.URLSAFE_NO_PADDING),
    fromBase64Url,
    toHex: (bytes) => sodium.to_hex(bytes),
    wipeBytes: (bytes) => sodium.memzero(bytes),
  };
}

function toPair(pair: { publicKey: Uint8Array; privateKey: Uint8Array }): RawKeyPair {
  return { publicKey: pair.publicKey, secretKey: pair.privateKey };
}

function verifyBytes(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== SIZES.publicKey || signature.length !== SIZES.signature) return false;
  return orUndefined(() => sodium.crypto_sign_verify_detached(signature, message, publicKey)) ?? false;
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  return orUndefined(() => sodium.from_base64(text, sodium.base64_variants.URLSAFE_NO_PADDING));
}

/** libsodium throws where a check fails; here a failed check is a value, and its caller decides what it means. */
function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
