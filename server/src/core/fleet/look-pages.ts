/** Pages of what is kept of a fleet, in orders that no index of the store knows. Pure. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Direction } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { PageRequest } from '../../store/page.ts';
import type { LookedSource } from './look.ts';

export interface LookOrder {
  /** Names the order in its marks. */
  name: string;
  direction: Direction;
  /** Compared as text; equal ones go by name. */
  sayValue(one: LookedSource): string;
}

/** Where a source stands in an order: no two stand at the same place. */
type Place = readonly [value: string, nameKey: string, id: string];
/** A page is marked by the place of the last source before it, which need not be there any more. */
const markSchema = z.tuple([z.string(), z.string(), z.string(), z.string()]);

/** A number as text that is compared as the number: whole, from 0 up to 10^16. */
export function sortNumber(value: number): string {
  return String(value).padStart(16, '0');
}

function comparePlaces(a: Place, b: Place): number {
  for (const [at, value] of a.entries()) {
    const other = b[at] ?? '';
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}

function formatMark(order: string, place: Place): string {
  return Buffer.from(JSON.stringify([order, ...place]), 'utf8').toString('base64url');
}

function parseMark(order: string, mark: string): Place {
  try {
    const [of, ...place] = markSchema.parse(JSON.parse(Buffer.from(mark, 'base64url').toString('utf8')));
    if (of === order) return place;
  } catch {
    // Said below, as for the mark of another order.
  }
  throw new AppError('invalid', 'the cursor is not one of this list; start again from the first page', {
    details: { field: 'after' },
  });
}

/** The ids of one page of these sources. `invalid` for a mark of another order, or of no list at all. */
export function pageLooked(
  sources: readonly LookedSource[],
  { name, direction, sayValue }: LookOrder,
  { after, limit }: PageRequest,
): { ids: readonly SourceId[]; next?: string | undefined } {
  const order = `${name} ${direction}`;
  const mark = after === undefined ? undefined : parseMark(order, after);
  const turn = direction === 'desc' ? -1 : 1;
  const rest = sources
    .map((one): Place => [sayValue(one), one.source.nameKey, one.source.id])
    .filter((place) => mark === undefined || turn * comparePlaces(place, mark) > 0)
    .sort((a, b) => turn * comparePlaces(a, b));
  const shown = rest.slice(0, limit);
  const last = rest.length > limit ? shown.at(-1) : undefined;
  return { ids: shown.map(([, , id]) => id as SourceId), next: last && formatMark(order, last) };
}

/** As the store folds what it searches in. */
export function foldSearch(search: string): string {
  return search.normalize('NFKC').toLowerCase();
}
