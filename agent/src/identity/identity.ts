/** Who this host is: an Ed25519 key that signs and an X25519 key that secrets are sealed to, both made here and kept here. */
import { join } from 'node:path';
import { type Crypto, publicKeySchema, type SealingKeys, type SigningKeys } from '@holdfast/shared/crypto/crypto.ts';
import { type Fingerprint, fingerprintOf } from '@holdfast/shared/crypto/fingerprint.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { createPrivateFile, ensurePrivateDirectory, readPrivateFile } from './private-file.ts';

export interface Identity {
  signing: SigningKeys;
  sealing: SealingKeys;
  /** What the operator compares with the *Pending hosts* page. Worked out when it is first asked for: an approved host shows it to nobody. */
  readonly fingerprint: Fingerprint;
}

const MAX_BYTES = 4096;
const identityFileSchema = z.object({
  version: z.literal(1),
  signing: z.object({ publicKey: publicKeySchema, secretKey: z.base64url().length(86) }),
  sealing: z.object({ publicKey: publicKeySchema, secretKey: z.base64url().length(43) }),
});

/**
 * The identity in `<stateDir>/identity.json`, made at the first call. Throws `precondition` when the file or the directory
 * is open to others, `integrity` when the file is damaged; a damaged identity is never replaced silently, because the host
 * would turn into a stranger.
 */
export async function loadOrCreateIdentity(stateDir: string, crypto: Crypto): Promise<Identity> {
  await ensurePrivateDirectory(stateDir);
  const path = identityPath(stateDir);
  const found = await readPrivateFile(path, MAX_BYTES);
  if (found !== undefined) return parseIdentity(crypto, path, found);
  const signing = crypto.makeSigningKeys();
  const sealing = crypto.makeSealingKeys();
  const wasFirst = await createPrivateFile(path, writeIdentity(crypto, signing, sealing), crypto.toHex(crypto.randomBytes(8)));
  if (wasFirst) return toIdentity(crypto, signing, sealing);
  return getIdentity(stateDir, crypto);
}

/** The identity, when there is one: for commands that only look. Same errors as `loadOrCreateIdentity`. */
export async function findIdentity(stateDir: string, crypto: Crypto): Promise<Identity | undefined> {
  const path = identityPath(stateDir);
  const found = await readPrivateFile(path, MAX_BYTES);
  return found === undefined ? undefined : parseIdentity(crypto, path, found);
}

/** Like `findIdentity`, but throws `not_found` when this host has none yet. */
export async function getIdentity(stateDir: string, crypto: Crypto): Promise<Identity> {
  const identity = await findIdentity(stateDir, crypto);
  if (identity === undefined) throw new AppError('not_found', `${stateDir} holds no identity: start the agent once to make it`);
  return identity;
}

function identityPath(stateDir: string): string {
  return join(stateDir, 'identity.json');
}

function writeIdentity(crypto: Crypto, signing: SigningKeys, sealing: SealingKeys): string {
  const write = (keys: SigningKeys | SealingKeys) => ({
    publicKey: keys.publicKey,
    secretKey: crypto.toBase64Url(keys.secretKey),
  });
  return `${JSON.stringify({ version: 1, signing: write(signing), sealing: write(sealing) }, null, 2)}\n`;
}

function parseIdentity(crypto: Crypto, path: string, text: string): Identity {
  const damaged = (): AppError =>
    new AppError(
      'integrity',
      `${path} is damaged: restore it from a copy, or move it and credentials.json away and approve this host again`,
    );
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // No cause: the parser's message quotes the text, and the text holds secret keys.
    throw damaged();
  }
  const file = identityFileSchema.safeParse(content);
  if (!file.success) throw damaged();
  const signingSecret = crypto.tryBase64Url(file.data.signing.secretKey);
  const sealingSecret = crypto.tryBase64Url(file.data.sealing.secretKey);
  if (signingSecret === undefined || sealingSecret === undefined) throw damaged();
  const signing: SigningKeys = { publicKey: file.data.signing.publicKey, secretKey: signingSecret };
  const sealing: SealingKeys = { publicKey: file.data.sealing.publicKey, secretKey: sealingSecret };
  if (!belongTogether(crypto, signing, sealing)) throw damaged();
  return toIdentity(crypto, signing, sealing);
}

function toIdentity(crypto: Crypto, signing: SigningKeys, sealing: SealingKeys): Identity {
  let fingerprint: Fingerprint | undefined;
  return {
    signing,
    sealing,
    get fingerprint() {
      fingerprint ??= fingerprintOf(crypto, signing.publicKey, sealing.publicKey);
      return fingerprint;
    },
  };
}

/** One signature and one sealed box show that the secret halves fit the public ones. */
function belongTogether(crypto: Crypto, signing: SigningKeys, sealing: SealingKeys): boolean {
  const probe = new TextEncoder().encode('holdfast');
  try {
    const isSigner = crypto.verify(signing.publicKey, 'self-test', probe, crypto.sign(signing.secretKey, 'self-test', probe));
    return isSigner && crypto.equalBytes(crypto.unseal(sealing, crypto.seal(sealing.publicKey, probe)), probe);
  } catch {
    return false;
  }
}
