/**
 * Writes files that the program `age` opens (the format age-encryption.org/v1), for one X25519 recipient, armored. Nothing here opens one: the
 * server has no key that could.
 *
 *   file key = 16 bytes of chance; wrapped under HKDF(X25519(ephemeral, recipient), salt: ephemeral public || recipient)
 *   header   = the version, the wrapped key, and an HMAC over both under HKDF(file key)
 *   payload  = a nonce, and chunks of 64 KiB in ChaCha20-Poly1305 under HKDF(file key, salt: nonce), counted, the last one marked
 */
import { createCipheriv, createHmac, diffieHellman, hkdfSync } from 'node:crypto';
import type { RandomBytes } from '@holdfast/shared/clock.ts';
import { readPublicBytes, toPrivateKey, toPublicKey } from '@holdfast/shared/crypto/key-objects.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { decodeBech32, encodeBech32 } from './bech32.ts';

const KEY_BYTES = 32;
const FILE_KEY_BYTES = 16;
const NONCE_BYTES = 16;
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
/** Of a line of the armor. */
const LINE_CHARS = 64;
const RECIPIENT_PREFIX = 'age';
const IDENTITY_PREFIX = 'age-secret-key-';

const EMPTY = new Uint8Array();

export interface AgeKey {
  /** `AGE-SECRET-KEY-1…`: opens what is sealed to the recipient. */
  identity: string;
  /** `age1…` */
  recipient: string;
}

export function makeAgeKey(randomBytes: RandomBytes): AgeKey {
  const secret = randomBytes(KEY_BYTES);
  const identity = encodeBech32(IDENTITY_PREFIX, secret).toUpperCase();
  const recipient = encodeBech32(RECIPIENT_PREFIX, readPublicBytes(toPrivateKey('X25519', secret)));
  secret.fill(0);
  return { identity, recipient };
}

/** Whether it is an X25519 recipient of age that can be sealed to; a key of small order is none. */
export function isAgeRecipient(text: string): boolean {
  const bytes = decodeBech32(RECIPIENT_PREFIX, text);
  if (bytes?.length !== KEY_BYTES) return false;
  try {
    // Any secret shows it: with a key of small order every agreement is zero, which OpenSSL refuses.
    diffieHellman({
      privateKey: toPrivateKey('X25519', new Uint8Array(KEY_BYTES).fill(1)),
      publicKey: toPublicKey('X25519', bytes),
    });
    return true;
  } catch {
    return false;
  }
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

function derive(secret: Uint8Array, salt: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, purpose, KEY_BYTES));
}

function encryptChunk(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array): Buffer {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
}

function wrapFileKey(randomBytes: RandomBytes, recipient: Uint8Array, fileKey: Uint8Array): readonly string[] {
  const secret = randomBytes(KEY_BYTES);
  const privateKey = toPrivateKey('X25519', secret);
  const share = readPublicBytes(privateKey);
  const agreed = diffieHellman({ privateKey, publicKey: toPublicKey('X25519', recipient) });
  const key = derive(agreed, Buffer.concat([share, recipient]), 'age-encryption.org/v1/X25519');
  const wrapped = encryptChunk(key, new Uint8Array(12), fileKey);
  for (const bytes of [secret, agreed, key]) bytes.fill(0);
  return [`-> X25519 ${toBase64(share)}`, toBase64(wrapped)];
}

/** The last chunk is marked, and is empty only where the whole is. */
function encryptPayload(key: Uint8Array, plaintext: Uint8Array): readonly Buffer[] {
  const count = Math.max(1, Math.ceil(plaintext.length / CHUNK_BYTES));
  return Array.from({ length: count }, (_, place) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(place, 7);
    nonce[11] = place === count - 1 ? 1 : 0;
    return encryptChunk(key, nonce, plaintext.subarray(place * CHUNK_BYTES, (place + 1) * CHUNK_BYTES));
  });
}

function armor(file: Uint8Array): string {
  const text = Buffer.from(file).toString('base64');
  const lines = Array.from({ length: Math.ceil(text.length / LINE_CHARS) }, (_, line) =>
    text.slice(line * LINE_CHARS, (line + 1) * LINE_CHARS),
  );
  return ['-----BEGIN AGE ENCRYPTED FILE-----', ...lines, '-----END AGE ENCRYPTED FILE-----', ''].join('\n');
}

/** The text as an armored age file, which ends with a line break. Throws `invalid` for a recipient that is none. */
export function sealAgeFile(randomBytes: RandomBytes, recipient: string, text: string): string {
  const to = decodeBech32(RECIPIENT_PREFIX, recipient);
  if (to === undefined || !isAgeRecipient(recipient)) throw new AppError('invalid', 'the recovery key is no recipient of age');
  const fileKey = randomBytes(FILE_KEY_BYTES);
  const plaintext = Buffer.from(text, 'utf8');
  const head = ['age-encryption.org/v1', ...wrapFileKey(randomBytes, to, fileKey), '---'].join('\n');
  const macKey = derive(fileKey, EMPTY, 'header');
  const mac = createHmac('sha256', macKey).update(head).digest();
  const nonce = randomBytes(NONCE_BYTES);
  const key = derive(fileKey, nonce, 'payload');
  const file = Buffer.concat([Buffer.from(`${head} ${toBase64(mac)}\n`), nonce, ...encryptPayload(key, plaintext)]);
  for (const bytes of [fileKey, plaintext, macKey, key]) bytes.fill(0);
  return armor(file);
}
