/**
 * What every end-point's schemas are made of. A schema with a name becomes a component of the OpenAPI document.
 * Replies are strict, so that a field nobody described fails the tests instead of leaving the server.
 */
import type { Config } from '@holdfast/shared/adapters/field.ts';
import { type Id, type IdKind, idSchema } from '@holdfast/shared/domain/ids.ts';
import { DIRECTIONS, type Direction, findDefaultDirection } from '@holdfast/shared/domain/list-orders.ts';
import { configSchema, nameSchema, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { EncryptedSecrets } from '../../../store/encrypted-secrets.ts';
import type { FoundPage, PageRequest, SortedPage } from '../../../store/page.ts';
import type { ApiReply } from '../../http/route.ts';

/** Gives a schema its name in the OpenAPI document; a name is used once. */
export function nameShape<T extends z.ZodType>(id: string, schema: T): T {
  return schema.meta({ id });
}

/** An instant in epoch milliseconds, UTC. */
export const instantSchema = z.int().min(0).meta({ description: 'Epoch milliseconds, UTC' });

export const versionSchema = z.int().min(1).meta({ description: 'Rises with every change; send it as If-Match to guard one' });

/** An array that rows may fill without a copy. */
export function listOf<T>(schema: z.ZodType<T>): z.ZodType<readonly T[]> {
  return z.array(schema);
}

export const tagsShape = listOf(z.string());
export const tagsInput = z.array(tagSchema).max(TEXT.tags);
export const searchInput = z.string().trim().min(1).max(TEXT.searchChars);

/** Path parameters of an end-point about one thing. */
export function idParams<K extends IdKind>(kind: K): z.ZodType<{ id: Id<K> }> {
  return z.strictObject({ id: idSchema(kind) });
}

/** `true` or `false` in a query. */
export const flagInput = z.enum(['true', 'false']).transform((value) => value === 'true');

/** The two parameters every list that pages has. The cursor is what `meta.next` of the page before said, and opaque. */
export const pageFields = {
  cursor: z.string().min(1).max(4000).optional().meta({ description: '`meta.next` of the page before; opaque' }),
  limit: z.coerce.number().int().min(1).max(HTTP.pageSizeMax).default(HTTP.pageSize).meta({ description: 'Rows at most' }),
};

export function toPageRequest(query: { cursor?: string | undefined; limit: number }): PageRequest {
  return { limit: query.limit, after: query.cursor };
}

/** What a list may be ordered by, beside its own order. */
export function sortFields<C extends string>(orders: readonly [C, ...C[]], own: string) {
  return {
    sort: z
      .enum(orders)
      .optional()
      .meta({ description: `What to order by; without it ${own}` }),
    order: z.enum(DIRECTIONS).optional().meta({ description: 'Upwards or downwards; without it what one looks for first' }),
  };
}

/** A page request with the order that was wished for. */
export function toSortedRequest<C extends string>(query: {
  cursor?: string | undefined;
  limit: number;
  sort?: C | undefined;
  order?: Direction | undefined;
}): SortedPage<C> {
  const { sort, order } = query;
  if (sort === undefined) {
    if (order === undefined) return toPageRequest(query);
    throw new AppError('invalid', 'order: say by sort what to order by', { details: { field: 'order' } });
  }
  return { ...toPageRequest(query), sort: { by: sort, direction: order ?? findDefaultDirection(sort) } };
}

/** A page of rows as a reply, each row through its view. */
export function toPageReply<Row, View>(page: FoundPage<Row>, toView: (row: Row) => View): ApiReply<readonly View[]> {
  return { data: page.rows.map(toView), next: page.next, passedOver: page.passedOver };
}

const configValue: z.ZodType<Config[string]> = z.union([z.string(), z.number(), z.boolean(), listOf(z.string())]);
/**
 * A page of a list that is short enough to be held: its rows by `keyOf`, which names each row once. The cursor is the key of
 * the last row shown, so that rows may come and go in between.
 */
export function toHeldPage<Row, View>(
  rows: readonly Row[],
  query: { cursor?: string | undefined; limit: number },
  keyOf: (row: Row) => string,
  toView: (row: Row) => View,
): ApiReply<readonly View[]> {
  const after = query.cursor === undefined ? undefined : readHeldCursor(query.cursor);
  const keyed = rows.map((row) => ({ key: keyOf(row), row })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rest = after === undefined ? keyed : keyed.filter(({ key }) => key > after);
  const shown = rest.slice(0, query.limit);
  const last = rest.length > shown.length ? shown.at(-1) : undefined;
  return {
    data: shown.map(({ row }) => toView(row)),
    total: rows.length,
    next: last && Buffer.from(`${HELD_MARK}${last.key}`, 'utf8').toString('base64url'),
  };
}

const HELD_MARK = 'after:';

function readHeldCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (/^[A-Za-z0-9_-]+$/u.test(cursor) && text.startsWith(HELD_MARK)) return text.slice(HELD_MARK.length);
  throw new AppError('invalid', 'the cursor is not one of this list; start again from the first page', {
    details: { field: 'cursor' },
  });
}

/** Orders by name as people read it, and by id where names are equal. */
export function keyByName({ name, id }: { name: string; id: string }): string {
  return `${name.toLowerCase()}\u0000${id}`;
}

/** Orders by age, the oldest first. */
export function keyByAge({ createdAt, id }: { createdAt: number; id: string }): string {
  return `${String(createdAt).padStart(16, '0')}\u0000${id}`;
}

/** Public values of an adapter's fields, by name. */
export const configShape: z.ZodType<Config> = z.record(z.string(), configValue);

/** What may be known of secrets: which of them are stored. */
export const secretsShape = z
  .record(z.string(), z.strictObject({ stored: z.literal(true) }))
  .meta({ description: 'Secret fields that have a value; the values themselves never leave' });

export function toSecretsView(secrets: EncryptedSecrets): Record<string, { stored: true }> {
  return Object.fromEntries(Object.keys(secrets).map((name) => [name, { stored: true as const }]));
}

/** Secrets of a source or repository, by field name. An empty or absent one keeps what is stored. */
export const secretsInput = z
  .record(z.string().max(64), z.string().max(TEXT.fieldChars))
  .meta({ description: 'Secret fields by name; one that is empty or left out keeps its stored value' });

/** The answer to a deletion. */
export function deletedShape<K extends IdKind>(kind: K): z.ZodType<{ id: Id<K>; deleted: true }> {
  return z.strictObject({ id: idSchema(kind), deleted: z.literal(true) });
}

export const adapterKindInput = z.string().min(1).max(32).meta({ description: 'The kind of an adapter, see GET /adapters' });

/** What describes a new source or repository to the adapter of its kind. */
export const adapterInput = {
  kind: adapterKindInput,
  config: configSchema,
  secrets: secretsInput.default({}),
};

/** What can be changed of a source or repository that is kept; what is left out stays. */
export const keptInput = {
  name: nameSchema.optional(),
  config: configSchema.optional(),
  secrets: secretsInput.optional(),
};
