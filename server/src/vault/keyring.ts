/**
 * The keys under which secrets rest. Each tenant has a random data key, wrapped by the master key; each field is
 * encrypted with the data key and tied to its tenant, table, row and field, so a ciphertext is worth nothing elsewhere.
 */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { encodeFields } from '@holdfast/shared/crypto/field-bytes.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { decryptText, deriveKey, encryptText, type NamedKey, nameKey, readKeyId } from './boxed-text.ts';

export interface DataKey extends NamedKey {
  tenant: string;
}

export interface Keyring {
  /** The master key's public name. */
  readonly masterKeyId: string;
  /** A fresh data key and how the store keeps it. */
  wrapNewDataKey(tenant: string): { dataKey: DataKey; wrapped: string };
  /** The data key of this tenant. Throws `integrity` when it is another tenant's, was changed, or has another master key. */
  openDataKey(tenant: string, wrapped: string): DataKey;
  /** The same data key wrapped by this master key: how a master key is exchanged without touching a single field. */
  wrapDataKey(dataKey: DataKey): string;
}

/** Master keys wrap data keys through a key of their own purpose, never directly. */
export function createKeyring(crypto: Crypto, master: NamedKey): Keyring {
  const wrapping: NamedKey = { keyId: master.keyId, key: deriveKey(crypto, master.key, 'wrap-data-key') };
  const wrapDataKey = (dataKey: DataKey) => encryptText(crypto, wrapping, dataKey.key, encodeWrapPlace(dataKey.tenant));
  return {
    masterKeyId: master.keyId,
    wrapDataKey,
    wrapNewDataKey(tenant) {
      const key = crypto.randomBytes(32);
      const dataKey: DataKey = { tenant, key, keyId: nameKey(crypto, key) };
      return { dataKey, wrapped: wrapDataKey(dataKey) };
    },
    openDataKey(tenant, wrapped) {
      const key = decryptText(crypto, wrapping, wrapped, encodeWrapPlace(tenant));
      if (key.length !== 32) throw new AppError('integrity', 'a stored data key has the wrong size');
      return { tenant, key, keyId: nameKey(crypto, key) };
    },
  };
}

/** Where an encrypted value lives. */
export interface FieldPlace {
  tenant: string;
  table: string;
  row: string;
  field: string;
}

export interface FieldCipher {
  /** `v1.<key id>.<nonce>.<box>`; equal plaintexts give different texts. */
  encryptField(place: FieldPlace, plaintext: string): string;
  /** Throws `integrity` for a text that was moved from another place, changed, or made with a key that is not at hand. */
  decryptField(place: FieldPlace, text: string): string;
  /** False when the text should be written again because a newer data key exists; rotation resumes by asking this. */
  isCurrent(text: string): boolean;
}

/** A cipher for one tenant: writes with the first key, reads with whichever of the given keys made the text. */
export function createFieldCipher(crypto: Crypto, current: DataKey, older: readonly DataKey[] = []): FieldCipher {
  const keys = [current, ...older];
  const associate = (place: FieldPlace, keyId: string): Uint8Array => {
    if (place.tenant !== current.tenant || keys.some((key) => key.tenant !== place.tenant)) {
      throw new AppError('internal', `the cipher of tenant ${current.tenant} was asked for a field of tenant ${place.tenant}`);
    }
    return encodeFields(['holdfast/field/v1', keyId, place.tenant, place.table, place.row, place.field]);
  };
  return {
    encryptField(place, plaintext) {
      const bytes = new TextEncoder().encode(plaintext);
      const text = encryptText(crypto, current, bytes, associate(place, current.keyId));
      crypto.wipe(bytes);
      return text;
    },
    decryptField(place, text) {
      const keyId = readKeyId(text);
      const key = keys.find((candidate) => candidate.keyId === keyId);
      if (key === undefined) {
        throw new AppError('integrity', `a stored secret needs data key ${keyId}, which is not at hand`, {
          details: { table: place.table, row: place.row, field: place.field },
        });
      }
      try {
        return new TextDecoder().decode(decryptText(crypto, key, text, associate(place, keyId)));
      } catch (cause) {
        if (!(cause instanceof AppError) || cause.code !== 'integrity') throw cause;
        throw new AppError('integrity', 'a stored secret is damaged or was moved here from another place: enter it again', {
          details: { table: place.table, row: place.row, field: place.field },
          cause,
        });
      }
    },
    isCurrent: (text) => readKeyId(text) === current.keyId,
  };
}

function encodeWrapPlace(tenant: string): Uint8Array {
  return encodeFields(['holdfast/data-key/v1', tenant]);
}
