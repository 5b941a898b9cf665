/** How a ciphertext is written in the store: `v1.<key id>.<nonce>.<box>`, the last two in base64url. */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';

/** A symmetric key of 32 bytes and the public name under which ciphertexts refer to it. */
export interface NamedKey {
  keyId: string;
  key: Uint8Array;
}

const BOXED = /^v1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{22,})$/;

/** A key's public name: 16 hex digits that tell nothing about the key. */
export function nameKey(crypto: Crypto, key: Uint8Array): string {
  return crypto.toHex(crypto.digest(new TextEncoder().encode('holdfast/key-id/v1'), 16, key)).slice(0, 16);
}

/** A key for one purpose out of another key, so that no two uses share one. */
export function deriveKey(crypto: Crypto, key: Uint8Array, purpose: string): Uint8Array {
  return crypto.digest(new TextEncoder().encode(`holdfast/${purpose}/v1`), 32, key);
}

export function encryptText(crypto: Crypto, named: NamedKey, plaintext: Uint8Array, associated: Uint8Array): string {
  const { nonce, box } = crypto.encrypt(named.key, plaintext, associated);
  return `v1.${named.keyId}.${crypto.toBase64Url(nonce)}.${crypto.toBase64Url(box)}`;
}

/** The name of the key a ciphertext needs. Throws `integrity` for text that is no ciphertext. */
export function readKeyId(text: string): string {
  const keyId = BOXED.exec(text)?.[1];
  if (keyId === undefined) throw new AppError('integrity', 'a stored secret is not readable: it is not an encrypted value');
  return keyId;
}

/** Throws `integrity` for another key, another place or a changed text. */
export function decryptText(crypto: Crypto, named: NamedKey, text: string, associated: Uint8Array): Uint8Array {
  const keyId = readKeyId(text);
  if (keyId !== named.keyId) {
    throw new AppError('integrity', `a stored secret was encrypted with key ${keyId}, but the key at hand is ${named.keyId}`);
  }
  const [nonce, box] = text
    .split('.')
    .slice(2)
    .map((part) => crypto.tryBase64Url(part));
  if (nonce === undefined || box === undefined) throw new AppError('integrity', 'a stored secret is damaged');
  return crypto.decrypt(named.key, { nonce, box }, associated);
}
