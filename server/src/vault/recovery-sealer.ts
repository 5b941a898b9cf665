/** What is sealed to the recovery key: only whoever has its other half, which lies with people, reads it again. */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { type AgeKey, isAgeRecipient, makeAgeKey, sealAgeFile } from './age-file.ts';
import { deriveKey, type NamedKey } from './boxed-text.ts';

export interface RecoverySealer {
  /** A fresh pair; its secret half is kept nowhere. */
  makeKey(): AgeKey;
  /** Whether text is a recipient of age that can be sealed to. */
  isRecipient(text: string): boolean;
  /** An armored age file. Throws `invalid` for a recipient that is none. */
  seal(recipient: string, text: string): string;
  /** What a content comes to, under a key of this server: equal for equal contents, and says nothing of them to anybody else. */
  markContent(text: string): string;
}

export function createRecoverySealer(crypto: Crypto, master: NamedKey): RecoverySealer {
  const markKey = deriveKey(crypto, master.key, 'recovery-copy-mark');
  return {
    makeKey: () => makeAgeKey(crypto.randomBytes),
    isRecipient: isAgeRecipient,
    seal: (recipient, text) => sealAgeFile(crypto.randomBytes, recipient, text),
    markContent: (text) => crypto.toBase64Url(crypto.digest(new TextEncoder().encode(text), 32, markKey)),
  };
}
