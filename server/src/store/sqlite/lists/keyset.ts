/** Keyset paging: the cursor is the key of the last row, opaque to everybody else. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Page, PageRequest } from '../../page.ts';

/** What a list is ordered by, the id last: text for names, epoch milliseconds for instants. */
export type Key = readonly [string | number, string];

const textKey = z.tuple([z.string().max(1000), z.string().max(200)]);
const timeKey = z.tuple([z.int(), z.string().max(200)]);

function encodeKey(key: Key): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url');
}

function parseKey<T>(cursor: string, schema: z.ZodType<T>): T {
  const invalid = new AppError('invalid', 'the page mark is not one of ours; start again from the first page', {
    details: { field: 'after' },
  });
  if (cursor.length > 4000 || !/^[A-Za-z0-9_-]+$/u.test(cursor)) throw invalid;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw invalid;
  }
}

function checkLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= HTTP.pageSizeMax) return limit;
  throw new AppError('invalid', `a page has 1 to ${HTTP.pageSizeMax} rows`, { details: { field: 'limit' } });
}

/** The parameters of a page: one row more than asked for tells whether there is another page. */
export interface PageParams {
  pageLimit: number;
  afterKey: string | number | null;
  afterId: string | null;
}

function createParams(page: PageRequest, schema: z.ZodType<Key>): PageParams & Record<string, string | number | null> {
  const key = page.after === undefined ? undefined : parseKey(page.after, schema);
  return { pageLimit: checkLimit(page.limit) + 1, afterKey: key?.[0] ?? null, afterId: key?.[1] ?? null };
}

export function createNamePage(page: PageRequest): ReturnType<typeof createParams> {
  return createParams(page, textKey);
}

export function createTimePage(page: PageRequest): ReturnType<typeof createParams> {
  return createParams(page, timeKey);
}

/** Cuts the extra row off and names the key of the last one shown. */
export function cutPage<T>(rows: readonly T[], page: PageRequest, keyOf: (row: T) => Key): Page<T> {
  if (rows.length <= page.limit) return { rows };
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return last === undefined ? { rows: shown } : { rows: shown, next: encodeKey(keyOf(last)) };
}

/**
 * One order of a list: expressions of SQL that every row has a value of, the last ones such that no two rows are equal. All go up, or all
 * go down, so that an index can be walked. At most three.
 */
export interface Ordering {
  /** Names the order in its page marks, so that a mark of another one is refused. */
  name: string;
  keys: readonly string[];
  isDown: boolean;
}

const PARAMS = ['keyA', 'keyB', 'keyC'] as const;
const scalar = z.union([z.string().max(1000), z.number()]);

/** The values of an ordering's keys, as the columns `keyA`, `keyB` and `keyC` of its rows. */
export function selectKeys({ keys }: Ordering): string {
  return keys.map((key, place) => `${key} AS ${PARAMS[place]}`).join(', ');
}

/** What a row brings along for the mark of the next page. */
export const keyedRow = z.object({ keyA: scalar, keyB: scalar, keyC: scalar.optional() });

/** The condition that begins after the page's mark; undefined for the first page. */
export function sayAfter({ keys, isDown }: Ordering, page: PageRequest): string | undefined {
  if (page.after === undefined) return undefined;
  return `(${keys.join(', ')}) ${isDown ? '<' : '>'} (${keys.map((_, place) => `@${PARAMS[place]}`).join(', ')})`;
}

export function sayOrder({ keys, isDown }: Ordering): string {
  return `ORDER BY ${keys.map((key) => `${key}${isDown ? ' DESC' : ''}`).join(', ')} LIMIT @pageLimit`;
}

/** The parameters of a page in this order. */
export function createOrderedPage(ordering: Ordering, page: PageRequest): Record<string, string | number> {
  const mark = page.after === undefined ? [] : parseMark(page.after, ordering.name, ordering.keys.length);
  const params: Record<string, string | number> = { pageLimit: checkLimit(page.limit) + 1 };
  for (const [place, value] of mark.entries()) params[PARAMS[place] ?? ''] = value;
  return params;
}

/** Cuts the extra row off, takes the keys out of the rows and names those of the last one shown. */
export function cutOrdered<T extends z.infer<typeof keyedRow>>(
  rows: readonly T[],
  ordering: Ordering,
  page: PageRequest,
): Page<Omit<T, keyof z.infer<typeof keyedRow>>> {
  const shown = rows.slice(0, page.limit);
  const bare = shown.map(({ keyA: _a, keyB: _b, keyC: _c, ...row }) => row);
  const last = shown.at(-1);
  if (rows.length <= page.limit || last === undefined) return { rows: bare };
  const keys = [last.keyA, last.keyB, last.keyC].slice(0, ordering.keys.length).filter((key) => key !== undefined);
  return { rows: bare, next: formatMark(ordering.name, keys) };
}

/** A page mark that carries the name of the order it belongs to. */
export function formatMark(name: string, values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([name, ...values]), 'utf8').toString('base64url');
}

/** The values of a mark of this order; `invalid` for every other one. */
export function parseMark(cursor: string, name: string, length: number): readonly (string | number)[] {
  const [, ...values] = parseKey(
    cursor,
    z.tuple([z.literal(name)], z.union([z.string().max(3000), z.number()])).refine((mark) => mark.length === length + 1),
  );
  return values;
}

/** The WHERE of a list and its parameters, gathered condition by condition. */
export function joinConditions(conditions: readonly (string | false | undefined)[]): string {
  return conditions.filter((condition) => typeof condition === 'string').join('\n  AND ');
}
