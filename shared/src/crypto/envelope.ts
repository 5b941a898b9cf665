/**
 * Signed documents, such as the spec of a host. What is signed are the exact bytes of the JSON text that is sent and
 * kept, so nothing depends on two programs writing the same object in the same way.
 */
import { AppError } from '../errors.ts';
import type { Crypto, SigningKeys } from './crypto.ts';

export interface SignedDocument {
  /** JSON text; keep it as it is, or the signature is lost. */
  document: string;
  signature: string;
}

/** Writes the object as JSON and signs that text for the context. */
export function signDocument(crypto: Crypto, keys: SigningKeys, context: string, content: object): SignedDocument {
  const document = JSON.stringify(content);
  return { document, signature: crypto.sign(keys.secretKey, context, new TextEncoder().encode(document)) };
}

/** The parsed text, still to be validated by a schema. Throws `integrity` for a signature by another key or context. */
export function verifyDocument(crypto: Crypto, publicKey: string, context: string, signed: SignedDocument): unknown {
  // A lone surrogate and U+FFFD have the same bytes; only well-formed text has one meaning per signature.
  const isGenuine =
    signed.document.isWellFormed() &&
    crypto.verify(publicKey, context, new TextEncoder().encode(signed.document), signed.signature);
  if (!isGenuine) {
    throw new AppError('integrity', `a ${context} document was refused: it is not signed by the key that is trusted for it`);
  }
  try {
    return JSON.parse(signed.document);
  } catch (cause) {
    throw new AppError('invalid', `a ${context} document is signed but is not JSON`, { cause });
  }
}
