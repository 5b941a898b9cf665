/**
 * Secrets on their way to one host. A sealed box has neither a sender nor associated bytes, so the binding (host,
 * purpose, object, version) lies inside the sealed text and the server's signature lies outside, over the box.
 */
import * as z from 'zod';
import { AppError } from '../errors.ts';
import { TEXT } from '../limits.ts';
import { type Crypto, type SealingKeys, type SigningKeys, signatureSchema } from './crypto.ts';
import { SIZES } from './primitives.ts';

/** Limits of one sealed set of secrets. */
export const SEALED = {
  values: 64,
  nameChars: 64,
  valueChars: TEXT.fieldChars,
  /** Bytes of JSON under the seal. */
  plaintextBytes: 48 * 1024,
  /** Characters of base64url on the wire. */
  boxChars: Math.ceil(((48 * 1024 + SIZES.sealOverhead) * 4) / 3),
} as const;

const SEAL_PURPOSES = ['source', 'repository', 'request', 'token'] as const;
/** `ref` is the id of the source, repository or request, or of the announcement that a host token answers. */
export type SealPurpose = (typeof SEAL_PURPOSES)[number];

/** What a set of secrets is for. Versions only rise for the same host, purpose and ref. */
export interface SealBinding {
  host: string;
  purpose: SealPurpose;
  ref: string;
  version: number;
}

export type SecretValues = Readonly<Record<string, string>>;

export const sealedSecretsSchema = z.object({
  box: z.base64url().max(SEALED.boxChars),
  signature: signatureSchema,
});
export type SealedSecrets = z.infer<typeof sealedSecretsSchema>;

const contentSchema = z.object({
  host: z.string().max(80),
  purpose: z.enum(SEAL_PURPOSES),
  ref: z.string().max(80),
  version: z.int().nonnegative(),
  values: z.record(
    z
      .string()
      .max(SEALED.nameChars)
      .regex(/^[A-Za-z][A-Za-z0-9_-]*$/),
    z.string().max(SEALED.valueChars),
  ),
});

const CONTEXT = 'secrets';

/**
 * Seals values so that only the owner of `hostSealingKey` reads them, and knows that this server meant them for this
 * binding. Throws `invalid` for names that are no field names, `limit` for too many or too long values.
 */
export function sealFor(
  crypto: Crypto,
  hostSealingKey: string,
  serverKeys: SigningKeys,
  binding: SealBinding,
  values: SecretValues,
): SealedSecrets {
  const content = contentSchema.safeParse({ ...binding, values });
  if (!content.success) {
    // The issue's own text could quote a value, so only the place of the fault is told.
    const places = content.error.issues.map((issue) => issue.path.join('.'));
    throw new AppError('invalid', `secrets cannot be sealed: ${places.join(', ')} is not valid or too long`);
  }
  const plaintext = new TextEncoder().encode(JSON.stringify(content.data));
  if (Object.keys(values).length > SEALED.values || plaintext.length > SEALED.plaintextBytes) {
    throw new AppError('limit', `secrets of one object may have ${SEALED.values} values and ${SEALED.plaintextBytes} bytes`, {
      retry: 'after_change',
    });
  }
  const box = crypto.seal(hostSealingKey, plaintext);
  crypto.wipe(plaintext);
  return { box: crypto.toBase64Url(box), signature: crypto.sign(serverKeys.secretKey, CONTEXT, box) };
}

/** Whether the server of this key sealed it; what it is bound to is known only to who opens it. */
export function isSealedBy(crypto: Crypto, pinnedServerKey: string, sealed: SealedSecrets): boolean {
  const box = crypto.tryBase64Url(sealed.box);
  return box !== undefined && crypto.verify(pinnedServerKey, CONTEXT, box, sealed.signature);
}

export interface OpenedSecrets {
  values: SecretValues;
  /** Remember it: the next set for the same ref must not be older. */
  version: number;
}

/**
 * Opens what `sealFor` made. `expected.version` is the oldest version that is still welcome. Throws `integrity` for a
 * signature that is not the pinned server's, a box for other keys, another binding, or an older version.
 */
export function openSealed(
  crypto: Crypto,
  hostKeys: SealingKeys,
  pinnedServerKey: string,
  expected: SealBinding,
  sealed: SealedSecrets,
): OpenedSecrets {
  const box = crypto.tryBase64Url(sealed.box);
  if (box === undefined || !crypto.verify(pinnedServerKey, CONTEXT, box, sealed.signature)) {
    throw new AppError('integrity', 'sealed secrets were refused: they are not signed by the server this host trusts');
  }
  const { values, ...binding } = parseContent(crypto.unseal(hostKeys, box));
  if (binding.host !== expected.host || binding.purpose !== expected.purpose || binding.ref !== expected.ref) {
    throw new AppError('integrity', 'sealed secrets were refused: they were made for another host or another use', {
      details: {
        expected: `${expected.host} ${expected.purpose} ${expected.ref}`,
        found: `${binding.host} ${binding.purpose} ${binding.ref}`,
      },
    });
  }
  if (binding.version < expected.version) {
    throw new AppError('integrity', `sealed secrets were refused: version ${binding.version} is older than ${expected.version}`);
  }
  return { values, version: binding.version };
}

function parseContent(plaintext: Uint8Array): z.infer<typeof contentSchema> {
  try {
    return contentSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext)));
  } catch {
    // No cause: a parser's message may quote the plaintext.
    throw new AppError('integrity', 'sealed secrets were refused: their content is not readable');
  }
}
