/**
 * A key of a restic repository that opens fast. restic makes deriving a key from the password dear on purpose, about 0.4 s of a
 * processor, and every one of its commands pays for it; an experiment with a thousand backups would do little else. A key file names its own
 * costs, so the master key is wrapped again at the lowest cost restic takes. Repository, format and every byte of the data stay what they were.
 * For repositories of experiments only: such a key protects nothing.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scryptSync } from 'node:crypto';

type KeyFile = {
  readonly kdf: string;
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly data: string;
};

type WrapKey = { readonly encryption: Buffer; readonly mask: Buffer; readonly r: Buffer };

const NONCE_BYTES = 16;
const MAC_BYTES = 16;
const CHEAP = { N: 2, r: 8, p: 1 } as const;

/**
 * Wraps the master key of a repository again; gives the new key file and its name, the hash of its content.
 * @throws Error when the password does not open the key.
 */
export function wrapCheaply(keyFile: string, password: string): { readonly name: string; readonly content: string } {
  const key = JSON.parse(keyFile) as KeyFile;
  const master = open(derive(key, password), Buffer.from(key.data, 'base64'));
  const salt = randomBytes(64);
  const cheap = { ...key, ...CHEAP, salt: salt.toString('base64') };
  const content = JSON.stringify({ ...cheap, data: seal(derive(cheap, password), master).toString('base64') });
  return { name: createHash('sha256').update(content).digest('hex'), content };
}

function derive({ kdf, N, r, p, salt }: Omit<KeyFile, 'data'>, password: string): WrapKey {
  if (kdf !== 'scrypt') throw new Error(`A key by ${kdf} is not known.`);
  const derived = scryptSync(password, Buffer.from(salt, 'base64'), 64, { N, r, p, maxmem: 1 << 28 });
  return { encryption: derived.subarray(0, 32), mask: derived.subarray(32, 48), r: derived.subarray(48, 64) };
}

/** AES-256 in counter mode, then Poly1305-AES over the result. */
function seal(key: WrapKey, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-ctr', key.encryption, nonce);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, text, authenticate(key, nonce, text)]);
}

function open(key: WrapKey, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const text = sealed.subarray(NONCE_BYTES, -MAC_BYTES);
  if (!authenticate(key, nonce, text).equals(sealed.subarray(-MAC_BYTES)))
    throw new Error('The password does not open this key.');
  const decipher = createDecipheriv('aes-256-ctr', key.encryption, nonce);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}

function authenticate(key: WrapKey, nonce: Buffer, text: Buffer): Buffer {
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
