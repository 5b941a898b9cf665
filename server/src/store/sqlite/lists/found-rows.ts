/**
 * What a search found along several ways at once, newest or oldest first: each way is a list of its own in the order of time, and a row
 * that lies on several of them is shown once.
 */
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { SortedPage } from '../../page.ts';
import type { Ordering } from './keyset.ts';

/** Creation and number: the names of the two are those that `selectKeys` gives. */
export const foundRow = z.object({ keyA: z.number(), keyB: z.number() });
export type FoundRow = z.infer<typeof foundRow>;

/** The first rows of one way, at most `pageLimit`; with an edge none beyond that instant, which cannot be on the page any more. */
type Way = (edge: number | undefined) => readonly FoundRow[];

/** Numbers of the rows that come first of all ways, at most `most`. */
export function mergeWays(ways: readonly Way[], most: number, isDown: boolean): readonly number[] {
  const compare = (a: FoundRow, b: FoundRow) =>
    isDown ? b.keyA - a.keyA || b.keyB - a.keyB : a.keyA - b.keyA || a.keyB - b.keyB;
  let first: FoundRow[] = [];
  const known = new Set<number>();
  for (const way of ways) {
    const fresh = way(first[most - 1]?.keyA).filter(({ keyB }) => !known.has(keyB));
    for (const { keyB } of fresh) known.add(keyB);
    if (fresh.length > 0) first = [...first, ...fresh].sort(compare).slice(0, most);
  }
  return first.map(({ keyB }) => keyB);
}

/** By creation, rows of one instant by their number; `prefix` is that of the columns. `invalid` for another order. */
export function orderFound(sort: SortedPage<string>['sort'], { createdAt, no }: { createdAt: string; no: string }): Ordering {
  if (sort !== undefined && sort.by !== 'created')
    throw new AppError('invalid', 'what is searched for is ordered by when it was created; leave out the search or the order', {
      details: { field: 'sort' },
    });
  const isDown = sort?.direction !== 'asc';
  return { name: `found.${isDown ? 'desc' : 'asc'}`, keys: [createdAt, no], isDown };
}

/** The condition that ends a way at the edge; `edge` is the parameter's value. */
export function sayEdge({ keys, isDown }: Ordering, edge: number | undefined): string | false {
  return edge !== undefined && `${keys[0]} ${isDown ? '>=' : '<='} @edge`;
}
