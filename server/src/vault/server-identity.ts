/** The server's own Ed25519 key: agents pin its public half at enrolment, and trust only what it signed. */
import { type Crypto, publicKeySchema, type SigningKeys } from '@holdfast/shared/crypto/crypto.ts';
import { encodeFields } from '@holdfast/shared/crypto/field-bytes.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { decryptText, deriveKey, encryptText, type NamedKey } from './boxed-text.ts';

/** What the store keeps: text only, the secret half encrypted under the master key. */
export const serverIdentityRecordSchema = z.object({ publicKey: publicKeySchema, sealedSecretKey: z.string().max(400) });
export type ServerIdentityRecord = z.infer<typeof serverIdentityRecordSchema>;

/** A fresh identity, for the first start of an installation. */
export function createServerIdentity(crypto: Crypto, master: NamedKey): { keys: SigningKeys; record: ServerIdentityRecord } {
  const keys = crypto.makeSigningKeys();
  return { keys, record: sealServerIdentity(crypto, master, keys) };
}

/** The record under this master key; also how an identity moves to a new master key. */
export function sealServerIdentity(crypto: Crypto, master: NamedKey, keys: SigningKeys): ServerIdentityRecord {
  const sealedSecretKey = encryptText(crypto, deriveIdentityKey(crypto, master), keys.secretKey, encodePlace(keys.publicKey));
  return { publicKey: keys.publicKey, sealedSecretKey };
}

/** Throws `integrity` when the record was changed, mixed from two records, or made with another master key. */
export function openServerIdentity(crypto: Crypto, master: NamedKey, record: ServerIdentityRecord): SigningKeys {
  const place = encodePlace(record.publicKey);
  const secretKey = decryptText(crypto, deriveIdentityKey(crypto, master), record.sealedSecretKey, place);
  const isPair =
    secretKey.length === 64 && crypto.verify(record.publicKey, 'self-test', place, crypto.sign(secretKey, 'self-test', place));
  if (!isPair) throw new AppError('integrity', "the server's stored identity is damaged: its two halves do not belong together");
  return { publicKey: record.publicKey, secretKey };
}

function deriveIdentityKey(crypto: Crypto, master: NamedKey): NamedKey {
  return { keyId: master.keyId, key: deriveKey(crypto, master.key, 'server-identity') };
}

function encodePlace(publicKey: string): Uint8Array {
  return encodeFields(['holdfast/server-identity/v1', publicKey]);
}
