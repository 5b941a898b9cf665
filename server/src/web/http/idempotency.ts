/**
 * `Idempotency-Key`: a call that comes again under its key is answered as the first time, and nothing is done twice. Keys are
 * their holder's own, live a day, and outlive a restart of the server.
 */
import { createHash } from 'node:crypto';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { IDEMPOTENCY } from '@holdfast/shared/limits.ts';
import type { Request } from 'express';
import * as z from 'zod';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { AnswerKey } from '../../store/answers.ts';
import { createHttpFault } from './http-error.ts';
import type { ApiReply } from './route.ts';

/** Visible characters of ASCII, as a header carries them. */
const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY.keyChars}}$`);

const replySchema = z.object({ data: z.unknown(), next: z.string().optional(), version: z.number().optional() });

export interface Answered {
  reply: ApiReply<unknown>;
  /** It is what was answered before. */
  isRepeat: boolean;
}

export interface Repeats {
  /** Carries `work` out, once for each key; without a key it simply does. */
  answerOnce(
    caller: Caller,
    asked: { key: string | undefined; route: string; body: unknown },
    work: () => Promise<ApiReply<unknown>>,
  ): Promise<Answered>;
}

/** The key that a request carries. Throws `invalid` for one that is empty, too long or not plain text. */
export function readIdempotencyKey(request: Request): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined || KEY.test(key)) return key;
  throw createHttpFault('invalid', 400, `Idempotency-Key must be 1 to ${IDEMPOTENCY.keyChars} visible characters`);
}

/** The part of a body that is for its call alone, and of it what may be kept nowhere: no digest is made of that either. */
const CREDENTIAL = 'credential';
const UNKEPT = 'password';

/** Objects by their sorted keys: the same body in another order is the same body; one with another password of a credential is, too. */
function digest(value: unknown): string {
  const text = JSON.stringify(value, (name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([key]) => name !== CREDENTIAL || key !== UNKEPT)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
  return createHash('sha256').update(text).digest('base64url');
}

export function createRepeats(context: Pick<CoreContext, 'store' | 'clock' | 'crypto' | 'cipher'>): Repeats {
  const { store, clock, crypto, cipher } = context;
  const underWay = new Set<string>();

  /** What was asked and answered may hold a secret, so neither is stored in the clear. */
  const placeOf = (key: AnswerKey, field: 'request' | 'answer') => ({
    ...{ tenant: key.tenant, table: 'kept_answers', field },
    row: `${key.holder}.${key.keyHash}`,
  });

  function refuse(
    kept: { request: string; answer?: string | undefined },
    key: AnswerKey,
    fingerprint: string,
  ): AppError | undefined {
    if (cipher.decryptField(placeOf(key, 'request'), kept.request) !== fingerprint)
      return new AppError('conflict', 'this Idempotency-Key was used for another call: take a new one for each thing you start', {
        details: { field: 'Idempotency-Key' },
      });
    if (kept.answer !== undefined) return undefined;
    if (underWay.has(nameOf(key)))
      return new AppError('conflict', 'the first call under this Idempotency-Key is still being carried out', {
        retry: 'later',
        details: { field: 'Idempotency-Key', retryAfterS: 1 },
      });
    return new AppError(
      'conflict',
      'the first call under this Idempotency-Key never came to an answer: look whether it was carried out, and take a new key if it was not',
      { details: { field: 'Idempotency-Key' } },
    );
  }

  const nameOf = ({ tenant, holder, keyHash }: AnswerKey) => `${tenant} ${holder} ${keyHash}`;

  async function claim(key: AnswerKey, fingerprint: string) {
    const now = clock.now();
    return await store.answers.claimAnswer(key, {
      request: cipher.encryptField(placeOf(key, 'request'), fingerprint),
      now,
      expiresAt: now + IDEMPOTENCY.lifeMs,
      atMost: IDEMPOTENCY.keysPerHolder,
    });
  }

  async function carryOut(key: AnswerKey, work: () => Promise<ApiReply<unknown>>): Promise<ApiReply<unknown>> {
    try {
      const reply = await work();
      const text = JSON.stringify(reply);
      if (text.length > IDEMPOTENCY.answerChars) await store.answers.releaseAnswer(key);
      else await store.answers.settleAnswer(key, cipher.encryptField(placeOf(key, 'answer'), text));
      return reply;
    } catch (thrown) {
      // What was refused was not done. Of a fault nobody knows how far it came, so its key stays taken.
      if (toAppError(thrown).code !== 'internal') await store.answers.releaseAnswer(key);
      throw thrown;
    }
  }

  return {
    async answerOnce(caller, { key: given, route, body }, work) {
      if (given === undefined) return { reply: await work(), isRepeat: false };
      const key = { tenant: caller.tenant, holder: caller.actor.id, keyHash: crypto.hashToken(given) };
      const name = nameOf(key);
      const fingerprint = `${route} ${digest(body)}`;
      const kept = await claim(key, fingerprint);
      if (kept !== undefined) {
        const refusal = refuse(kept, key, fingerprint);
        if (refusal !== undefined || kept.answer === undefined) throw refusal ?? new AppError('internal', 'an answer is missing');
        return { reply: replySchema.parse(JSON.parse(cipher.decryptField(placeOf(key, 'answer'), kept.answer))), isRepeat: true };
      }
      underWay.add(name);
      try {
        return { reply: await carryOut(key, work), isRepeat: false };
      } finally {
        underWay.delete(name);
      }
    },
  };
}
