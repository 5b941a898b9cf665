/**
 * The one key an operator must keep: everything encrypted in the database hangs from it. It comes from the environment
 * or from a file, and is made at the first start when there is neither and nothing is encrypted yet.
 */
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { deriveKey, type NamedKey, nameKey } from './boxed-text.ts';

/** `environment` is HOLDFAST_MASTER_KEY, `file` is HOLDFAST_MASTER_KEY_FILE, `data_dir` is `master.key` in the data directory. */
export type MasterKeySource = 'environment' | 'file' | 'data_dir';

export interface MasterKeyRequest {
  /** Content of HOLDFAST_MASTER_KEY. */
  value?: string | undefined;
  /** Path in HOLDFAST_MASTER_KEY_FILE. */
  file?: string | undefined;
  dataDir: string;
  /** True once the store holds anything encrypted: from then on a missing key is a lost one, and none is made. */
  hasEncryptedRows: boolean;
  /** What the store kept from the first start, to tell a wrong key before anything is decrypted with it. */
  checkValue?: string | undefined;
}

export interface MasterKey extends NamedKey {
  source: MasterKeySource;
  /** The file it was read from or written to. */
  path?: string;
  /** True when it was made just now: tell the operator to keep a copy apart from the database. */
  created: boolean;
  /** For the store to keep; says nothing about the key. */
  checkValue: string;
  /** Sentences for the log, each naming a weakness that does not stop the start. */
  warnings: readonly string[];
}

const MIN_BYTES = 32;
const MAX_CHARS = 4096;
/** Random 32 bytes show about 30 different values; a key of a few repeated ones was typed, not made. */
const MIN_DISTINCT_BYTES = 12;
const HOW_TO_MAKE = 'make one with: openssl rand -base64 32';

interface KeyText {
  text: string;
  /** How error messages call the place it came from. */
  name: string;
  source: MasterKeySource;
  path?: string;
  created: boolean;
  warnings: string[];
}

/**
 * Finds or makes the master key. Throws `invalid` for a short or malformed key, `precondition` for a wrong or lost one or
 * an unsafe file; each message is one line that says what to do.
 *
 * A file in the data directory is ours: it is refused when group or others may read it. A file named by the operator may
 * be mounted by a secret store that fixes its mode, so there the same is a warning.
 */
export async function loadMasterKey(crypto: Crypto, request: MasterKeyRequest): Promise<MasterKey> {
  const found = await findKeyText(request);
  const made = found ?? (await createKeyFile(crypto, request));
  const bytes = parseKeyText(crypto, made);
  const key = deriveKey(crypto, crypto.digest(bytes, 64), 'master-key');
  crypto.wipe(bytes);
  const checkValue = crypto.toBase64Url(deriveKey(crypto, key, 'master-key-check'));
  if (request.checkValue !== undefined && !crypto.equalText(request.checkValue, checkValue)) {
    throw new AppError(
      'precondition',
      `the master key from ${made.name} is not the one this database was encrypted with: put the right key back`,
    );
  }
  const { source, created, warnings } = made;
  const path = made.path === undefined ? {} : { path: made.path };
  return { keyId: nameKey(crypto, key), key, source, ...path, created, checkValue, warnings };
}

async function findKeyText(request: MasterKeyRequest): Promise<KeyText | undefined> {
  if (request.value !== undefined && request.file !== undefined) {
    throw new AppError('invalid', 'HOLDFAST_MASTER_KEY and HOLDFAST_MASTER_KEY_FILE are both set: keep one of them');
  }
  if (request.value !== undefined) {
    return { text: request.value, name: 'HOLDFAST_MASTER_KEY', source: 'environment', created: false, warnings: [] };
  }
  if (request.file !== undefined) {
    const found = await readKeyFile(request.file);
    if (found === undefined) {
      throw new AppError('precondition', `the master key file ${request.file} does not exist: put it back`);
    }
    const warnings = isOpenToOthers(found.mode)
      ? [`the master key file ${request.file} can be read by other users of this machine: make it readable by the server alone`]
      : [];
    return { text: found.text, name: request.file, source: 'file', path: request.file, created: false, warnings };
  }
  const path = keyPath(request);
  const found = await readKeyFile(path);
  if (found === undefined) return undefined;
  if (isOpenToOthers(found.mode)) {
    throw new AppError(
      'precondition',
      `the master key ${path} can be read by other users of this machine: run chmod 600 ${path}`,
    );
  }
  return { text: found.text, name: path, source: 'data_dir', path, created: false, warnings: [] };
}

async function createKeyFile(crypto: Crypto, request: MasterKeyRequest): Promise<KeyText> {
  const path = keyPath(request);
  if (request.hasEncryptedRows || request.checkValue !== undefined) {
    throw new AppError(
      'precondition',
      `the master key is lost: the database holds encrypted values, but neither HOLDFAST_MASTER_KEY, HOLDFAST_MASTER_KEY_FILE nor ${path} is there; put the key back`,
    );
  }
  const text = Buffer.from(crypto.randomBytes(MIN_BYTES)).toString('base64');
  const wasFirst = await writeNewFile(crypto, request.dataDir, path, `${text}\n`);
  if (!wasFirst) {
    const found = await findKeyText(request);
    if (found !== undefined) return found;
    throw new AppError('unavailable', `the master key ${path} appeared and vanished while it was made: start again`);
  }
  return { text, name: path, source: 'data_dir', path, created: true, warnings: [] };
}

function keyPath(request: MasterKeyRequest): string {
  return join(request.dataDir, 'master.key');
}

function isOpenToOthers(mode: number): boolean {
  return (mode & 0o077) !== 0;
}

/** Undefined when there is no such file. Text and mode come from one descriptor, so they belong to the same file. */
async function readKeyFile(path: string): Promise<{ text: string; mode: number } | undefined> {
  try {
    await using handle = await open(path, 'r');
    const { mode, size } = await handle.stat();
    if (size > MAX_CHARS) throw new AppError('invalid', `${path} is too long for a master key: ${HOW_TO_MAKE}`);
    return { text: await handle.readFile('utf8'), mode };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'ENOENT') return undefined;
    throw new AppError('precondition', `the master key file ${path} cannot be read (${code}): let the server's user read it`, {
      cause,
    });
  }
}

/**
 * Writes a file of mode 0600 that is either whole and on disk or absent, and never replaces one. False when another
 * process was first.
 */
async function writeNewFile(crypto: Crypto, directory: string, path: string, content: string): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${crypto.toHex(crypto.randomBytes(8))}.new`;
  try {
    {
      await using handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(content);
      await handle.sync();
    }
    await link(temporary, path);
    await using folder = await open(directory, 'r');
    await folder.sync();
    return true;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'EEXIST') return false;
    throw new AppError(
      'precondition',
      `the master key cannot be written to ${path} (${code}): make the data directory writable`,
      {
        cause,
      },
    );
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** Hex or base64 (either alphabet, padded or not) of 32 bytes or more. Text that is both is taken as hex. */
function parseKeyText(crypto: Crypto, from: KeyText): Uint8Array {
  const text = from.text.trim();
  if (text === '') throw new AppError('invalid', `the master key from ${from.name} is empty: ${HOW_TO_MAKE}`);
  if (text.length > MAX_CHARS) throw new AppError('invalid', `the master key from ${from.name} is too long: ${HOW_TO_MAKE}`);
  const bytes = decodeKeyText(crypto, text);
  if (bytes === undefined) {
    throw new AppError('invalid', `the master key from ${from.name} is neither base64 nor hex: ${HOW_TO_MAKE}`);
  }
  if (bytes.length < MIN_BYTES) {
    throw new AppError(
      'invalid',
      `the master key from ${from.name} has ${bytes.length} bytes, but needs ${MIN_BYTES}: ${HOW_TO_MAKE}`,
    );
  }
  if (new Set(bytes).size < MIN_DISTINCT_BYTES) {
    throw new AppError('invalid', `the master key from ${from.name} is not random: ${HOW_TO_MAKE}`);
  }
  return bytes;
}

function decodeKeyText(crypto: Crypto, text: string): Uint8Array | undefined {
  if (/^(?:[0-9a-f]{2})+$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  const plain = text
    .replace(/={1,2}$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
  return crypto.tryBase64Url(plain);
}
