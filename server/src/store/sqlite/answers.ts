import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { AnswerKey, AnswerStore, KeptAnswer } from '../answers.ts';
import { counted, optional } from './columns.ts';
import type { Params, Sql } from './statements.ts';

const DELETED_PER_STEP = 1000;

const answerRow: z.ZodType<KeptAnswer> = z.object({ request: z.string(), answer: optional(z.string()) });

export function createAnswers(sql: Sql): AnswerStore {
  const place = 'tenant_id = @tenant AND holder = @holder AND key_hash = @keyHash';
  const find = sql.select(`SELECT request, answer FROM kept_answers WHERE ${place}`, answerRow);
  const count = sql.select('SELECT count(*) AS count FROM kept_answers WHERE tenant_id = @tenant AND holder = @holder', counted);
  const free = sql.change(`DELETE FROM kept_answers WHERE ${place} AND expires_at <= @now`);
  const insert = sql.change(`INSERT INTO kept_answers (tenant_id, holder, key_hash, request, expires_at)
    VALUES (@tenant, @holder, @keyHash, @request, @expiresAt)`);
  const settle = sql.change(`UPDATE kept_answers SET answer = @answer WHERE ${place} AND answer IS NULL`);
  const remove = sql.change(`DELETE FROM kept_answers WHERE ${place} AND answer IS NULL`);
  const expire = sql.change(`DELETE FROM kept_answers WHERE (tenant_id, holder, key_hash) IN (
    SELECT tenant_id, holder, key_hash FROM kept_answers WHERE expires_at <= @now ORDER BY expires_at LIMIT ${DELETED_PER_STEP})`);
  const bind = ({ tenant, holder, keyHash }: AnswerKey): Params => ({ tenant, holder, keyHash });
  return {
    claimAnswer: (key, { request, now, expiresAt, atMost }) =>
      sql.write(() => {
        free.run({ ...bind(key), now });
        const kept = find.find(bind(key));
        if (kept !== undefined) return kept;
        if ((count.find(bind(key))?.count ?? 0) >= atMost)
          throw new AppError('limit', `more than ${atMost} calls with an Idempotency-Key within a day; leave it out, or wait`, {
            retry: 'after_change',
          });
        insert.run({ ...bind(key), request, expiresAt });
        return undefined;
      }),
    settleAnswer: (key, answer) => sql.write(() => void settle.run({ ...bind(key), answer })),
    releaseAnswer: (key) => sql.write(() => void remove.run(bind(key))),
    deleteExpiredAnswers: (now) => sql.write(() => expire.run({ now })),
  };
}
