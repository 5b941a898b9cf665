/** Headers that calls may carry and answers do, as the OpenAPI document describes them. */
import { IDEMPOTENCY } from '@holdfast/shared/limits.ts';

type Described = { readonly [name: string]: unknown };

export const IF_MATCH: Described = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description:
    'The version the change was made for: an ETag of the item as it was sent, or its number in quotes; refused as CONFLICT when there is a newer one',
  schema: { type: 'string' },
};

export const IF_NONE_MATCH: Described = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of an earlier answer; answered by 304 while it still holds',
  schema: { type: 'string' },
};

export const IDEMPOTENCY_KEY: Described = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Text of your own that names this call: the same call under the same key within a day is carried out once and answered alike, with `Idempotency-Replayed: true`. Another call under it is refused as CONFLICT',
  schema: { type: 'string', minLength: 1, maxLength: IDEMPOTENCY.keyChars },
};

/** The same for people, who read of them once. */
export const CALL_HEADERS = [IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH].map(({ name, description }) => ({
  name: String(name),
  description: String(description),
}));

export const ANSWER_HEADERS: Described = {
  ETag: {
    description:
      'After a change, the version of the item in quotes; on a read, the version with a tag of the whole answer behind it (`"3-…"`), or a weak tag alone where it has no version',
    schema: { type: 'string' },
  },
  RequestId: {
    description: 'Under which the server’s log has this request; the `X-Request-Id` of the request where it sent one',
    schema: { type: 'string' },
  },
  RetryAfter: { description: 'Seconds to wait, where waiting helps', schema: { type: 'integer', minimum: 1 } },
  Replayed: {
    description: '`true` when this is the answer of an earlier call with the same Idempotency-Key',
    schema: { type: 'string', const: 'true' },
  },
};
