/** Keyset paging: the cursor is the key of the last row, opaque to everybody else. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Page, PageRequest } from '../page.ts';

/** What a list is ordered by, the id last: text for names, epoch milliseconds for instants. */
export type Key = readonly [string | number, string];

const textKey = z.tuple([z.string().max(1000), z.string().max(200)]);
const timeKey = z.tuple([z.int(), z.string().max(200)]);

function encodeKey(key: Key): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url');
}

function parseKey(cursor: string, schema: typeof textKey | typeof timeKey): Key {
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

function createParams(
  page: PageRequest,
  schema: typeof textKey | typeof timeKey,
): PageParams & Record<string, string | number | null> {
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

/** The WHERE of a list and its parameters, gathered condition by condition. */
export function joinConditions(conditions: readonly (string | false | undefined)[]): string {
  return conditions.filter((condition) => typeof condition === 'string').join('\n  AND ');
}
