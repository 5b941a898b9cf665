/** Answers kept for calls that came with an Idempotency-Key. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';

/** Whose key it is: an actor's id, and the hash of the key. */
export interface AnswerKey {
  tenant: TenantId;
  holder: string;
  keyHash: string;
}

export interface KeptAnswer {
  /** Ciphertext of what was asked. */
  request: string;
  /** Ciphertext of what came of it; undefined while nothing did. */
  answer?: string | undefined;
}

export interface AnswerStore {
  /**
   * Takes the key for a call; gives what is kept under it instead when it is taken already. One that has expired at `now`
   * is free again. `limit` when the holder has `atMost` of them.
   */
  claimAnswer(
    key: AnswerKey,
    claim: { request: string; now: number; expiresAt: number; atMost: number },
  ): Promise<KeptAnswer | undefined>;
  settleAnswer(key: AnswerKey, answer: string): Promise<void>;
  /** The call did nothing: the key may be used again. */
  releaseAnswer(key: AnswerKey): Promise<void>;
  /** Gives how many went; bounded, so that a call never takes long. */
  deleteExpiredAnswers(now: number): Promise<number>;
}
