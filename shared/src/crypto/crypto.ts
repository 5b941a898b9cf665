/**
 * The cryptography of the product, made once per process and passed to whoever needs it. Public keys, signatures and
 * tokens are base64url text, because they travel; secret keys and plaintexts stay bytes.
 */
import * as z from 'zod';
import type { RandomBytes } from '../clock.ts';
import { AppError } from '../errors.ts';
import { createPrimitives, type Primitives, SIZES } from './primitives.ts';

/** Ed25519. */
export interface SigningKeys {
  publicKey: string;
  secretKey: Uint8Array;
}

/** X25519. */
export interface SealingKeys {
  publicKey: string;
  secretKey: Uint8Array;
}

/** What XChaCha20-Poly1305 gives: a random nonce of 24 bytes, and the ciphertext with its tag. */
export interface Encrypted {
  nonce: Uint8Array;
  box: Uint8Array;
}

/** First letters of a token, so that a leaked one can be recognised and named. */
export const TOKEN_PREFIXES = {
  agent: 'hfa',
  apiKey: 'hfk',
  enrolment: 'hfe',
  session: 'hfs',
  bootstrap: 'hfb',
  passwordLink: 'hfp',
} as const;
export type TokenPrefix = (typeof TOKEN_PREFIXES)[keyof typeof TOKEN_PREFIXES];

/** 32 bytes in base64url without padding. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a public key of 32 bytes in base64url');
/** 64 bytes in base64url without padding. */
export const signatureSchema = z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'must be a signature of 64 bytes in base64url');

/** The schema of one kind of token: the prefix, an underscore and 256 bits in base64url. */
export function tokenSchema(prefix: TokenPrefix): z.ZodType<string, string> {
  return z
    .string()
    .max(60)
    .regex(new RegExp(`^${prefix}_[A-Za-z0-9_-]{43}$`), `must be a token that starts with ${prefix}_`);
}

export interface Crypto {
  makeSigningKeys(): SigningKeys;
  makeSealingKeys(): SealingKeys;
  /**
   * Ed25519 over `holdfast/<context>/v1`, a NUL byte and the message, so that a signature made for one purpose never
   * serves another. A context is lower-case letters, digits and dashes.
   */
  sign(secretKey: Uint8Array, context: string, message: Uint8Array): string;
  /** False for whatever is wrong, malformed keys and signatures included; never throws for what came from outside. */
  verify(publicKey: string, context: string, message: Uint8Array, signature: string): boolean;
  /** Sealed box to an X25519 public key: no sender, no associated bytes. Throws `invalid` for a key that is none. */
  seal(publicKey: string, message: Uint8Array): Uint8Array;
  /** Throws `integrity` when the box is not for these keys or was changed. */
  unseal(keys: SealingKeys, box: Uint8Array): Uint8Array;
  /** BLAKE2b of 16 to 64 bytes; keyed when a key (16 to 64 bytes) is given. */
  digest(message: Uint8Array, sizeBytes: number, key?: Uint8Array): Uint8Array;
  /** XChaCha20-Poly1305 with a fresh random nonce. The key has 32 bytes. */
  encrypt(key: Uint8Array, plaintext: Uint8Array, associatedBytes: Uint8Array): Encrypted;
  /** Throws `integrity` when key, nonce, associated bytes or box are not the ones it was made with. */
  decrypt(key: Uint8Array, encrypted: Encrypted, associatedBytes: Uint8Array): Uint8Array;
  randomBytes(sizeBytes: number): Uint8Array;
  /** `<prefix>_` and 256 bits of chance. */
  randomToken(prefix: TokenPrefix): string;
  /** What the store keeps of a token: BLAKE2b-256 in hex. Fast is enough, since a token holds 256 bits of chance. */
  hashToken(token: string): string;
  /** Compares in time that depends on the length only. */
  equalText(a: string, b: string): boolean;
  equalBytes(a: Uint8Array, b: Uint8Array): boolean;
  toBase64Url(bytes: Uint8Array): string;
  /** Throws `invalid` unless the text is unpadded base64url, written in its one canonical way. */
  fromBase64Url(text: string): Uint8Array;
  /** The same, but undefined instead of an error. */
  tryBase64Url(text: string): Uint8Array | undefined;
  toHex(bytes: Uint8Array): string;
  /** Overwrites secret bytes that are no longer needed. */
  wipe(bytes: Uint8Array): void;
}

const encoder = new TextEncoder();
const CONTEXT = /^[a-z][a-z0-9-]{0,39}$/;
const TOKEN_DOMAIN = 'holdfast/token/v1\0';

/** `randomBytes` is where every key, nonce and token comes from. */
export function createCrypto(randomBytes: RandomBytes): Crypto {
  const primitives = createPrimitives();
  const { toBase64Url, toHex } = primitives;
  return {
    ...createSignatures(primitives, randomBytes),
    ...createSeals(primitives, randomBytes),
    ...createCiphers(primitives, randomBytes),
    digest: primitives.hashBytes,
    randomBytes,
    randomToken: (prefix) => `${prefix}_${toBase64Url(randomBytes(32))}`,
    hashToken: (token) => toHex(primitives.hashBytes(encoder.encode(TOKEN_DOMAIN + token), 32)),
    equalText: (a, b) => primitives.equalBytes(encoder.encode(a), encoder.encode(b)),
    equalBytes: primitives.equalBytes,
    toBase64Url,
    fromBase64Url(text) {
      const bytes = primitives.fromBase64Url(text);
      if (bytes === undefined) throw new AppError('invalid', 'a value is not canonical base64url text');
      return bytes;
    },
    tryBase64Url: primitives.fromBase64Url,
    toHex,
    wipe: primitives.wipeBytes,
  };
}

function createSignatures(primitives: Primitives, randomBytes: RandomBytes): Pick<Crypto, 'makeSigningKeys' | 'sign' | 'verify'> {
  return {
    makeSigningKeys() {
      const pair = primitives.makeSigningPair(randomBytes(SIZES.seed));
      return { publicKey: primitives.toBase64Url(pair.publicKey), secretKey: pair.secretKey };
    },
    sign(secretKey, context, message) {
      return primitives.toBase64Url(primitives.signBytes(secretKey, separateDomain(context, message)));
    },
    verify(publicKey, context, message, signature) {
      const key = primitives.fromBase64Url(publicKey);
      const bytes = primitives.fromBase64Url(signature);
      if (key === undefined || bytes === undefined) return false;
      return primitives.verifyBytes(key, separateDomain(context, message), bytes);
    },
  };
}

function createSeals(primitives: Primitives, randomBytes: RandomBytes): Pick<Crypto, 'makeSealingKeys' | 'seal' | 'unseal'> {
  return {
    makeSealingKeys() {
      const pair = primitives.makeSealingPair(randomBytes(SIZES.seed));
      return { publicKey: primitives.toBase64Url(pair.publicKey), secretKey: pair.secretKey };
    },
    seal(publicKey, message) {
      const key = primitives.fromBase64Url(publicKey);
      if (key?.length !== SIZES.publicKey) throw new AppError('invalid', 'the sealing key is not a public key of 32 bytes');
      const ephemeralSecret = randomBytes(SIZES.key);
      try {
        return primitives.sealBytes(key, message, ephemeralSecret);
      } catch (cause) {
        throw new AppError('invalid', 'the sealing key is not a usable public key', { cause });
      } finally {
        primitives.wipeBytes(ephemeralSecret);
      }
    },
    unseal(keys, box) {
      const publicKey = primitives.fromBase64Url(keys.publicKey);
      const opened = publicKey && primitives.unsealBytes({ publicKey, secretKey: keys.secretKey }, box);
      if (opened === undefined) throw new AppError('integrity', 'a sealed box is damaged or was sealed for another key');
      return opened;
    },
  };
}

function createCiphers(primitives: Primitives, randomBytes: RandomBytes): Pick<Crypto, 'encrypt' | 'decrypt'> {
  return {
    encrypt(key, plaintext, associatedBytes) {
      const nonce = randomBytes(SIZES.nonce);
      return { nonce, box: primitives.encryptBytes(key, nonce, plaintext, associatedBytes) };
    },
    decrypt(key, encrypted, associatedBytes) {
      const plaintext = primitives.decryptBytes(key, encrypted.nonce, encrypted.box, associatedBytes);
      if (plaintext === undefined) {
        throw new AppError('integrity', 'an encrypted value is damaged, was moved, or was made with another key');
      }
      return plaintext;
    },
  };
}

function separateDomain(context: string, message: Uint8Array): Uint8Array {
  if (!CONTEXT.test(context)) throw new AppError('internal', `"${context}" is not a signature context`);
  const prefix = encoder.encode(`holdfast/${context}/v1\0`);
  const out = new Uint8Array(prefix.length + message.length);
  out.set(prefix);
  out.set(message, prefix.length);
  return out;
}
