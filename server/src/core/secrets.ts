/** Secret fields: encrypted in rows, sealed on their way to a host, never shown. */
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import { type SealBinding, type SealedSecrets, sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { EncryptedSecrets } from '../store/encrypted-secrets.ts';
import type { CoreContext } from './ports.ts';

/** The row a secret belongs to; part of what its ciphertext is bound to. */
export interface SecretRow {
  tenant: TenantId;
  table: 'sources' | 'repositories' | 'channels';
  row: string;
}

/** Encrypts the given secrets; a field left out or empty keeps what is stored. */
export function encryptSecrets(context: CoreContext, row: SecretRow, given: Secrets, stored: EncryptedSecrets): EncryptedSecrets {
  const changed = Object.entries(given)
    .filter(([, value]) => value !== '')
    .map(([field, value]) => [field, context.cipher.encryptField({ ...row, field }, value)] as const);
  return { ...stored, ...Object.fromEntries(changed) };
}

export function decryptSecrets(context: CoreContext, row: SecretRow, encrypted: EncryptedSecrets): Secrets {
  return Object.fromEntries(
    Object.entries(encrypted).map(([field, ciphertext]) => [field, context.cipher.decryptField({ ...row, field }, ciphertext)]),
  );
}

/** Seals secrets for one host and use; undefined when there are none. */
export function sealSecrets(
  context: CoreContext,
  sealingKey: string,
  binding: SealBinding,
  values: Secrets,
): SealedSecrets | undefined {
  if (Object.keys(values).length === 0) return undefined;
  return sealFor(context.crypto, sealingKey, context.identity, binding, values);
}
