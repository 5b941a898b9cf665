/** Pages of what is kept of a fleet, in orders that no index of the store knows. Pure. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Direction } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { takeFront } from '@holdfast/shared/front.ts';
import * as z from 'zod';
import type { PageRequest } from '../../store/page.ts';
import type { LookedSource } from './look.ts';

export interface LookOrder {
  /** Names the order in its marks. */
  name: string;
  direction: Direction;
  /** Compared as text; equal ones go by name. Undefined: all go by name. */
  sayValue: ((one: LookedSource) => string) | undefined;
}

/** Where a source stands in an order: no two stand at the same place. */
interface Place {
  value: string;
  nameKey: string;
  id: string;
}

/** A page is marked by the place of the last source before it, which need not be there any more. */
const markSchema = z.tuple([z.string(), z.string(), z.string(), z.string()]);

/** A number as text that is compared as the number: whole, from 0 up to 10^16. */
export function sortNumber(value: number): string {
  return String(value).padStart(16, '0');
}

function comparePlaces(a: Place, b: Place): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  if (a.nameKey !== b.nameKey) return a.nameKey < b.nameKey ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return 0;
}

function formatMark(order: string, { value, nameKey, id }: Place): string {
  return Buffer.from(JSON.stringify([order, value, nameKey, id]), 'utf8').toString('base64url');
}

function parseMark(order: string, mark: string): Place {
  try {
    const [of, value, nameKey, id] = markSchema.parse(JSON.parse(Buffer.from(mark, 'base64url').toString('utf8')));
    if (of === order) return { value, nameKey, id };
  } catch {
    // Said below, as for the mark of another order.
  }
  throw new AppError('invalid', 'the cursor is not one of this list; start again from the first page', {
    details: { field: 'after' },
  });
}

/** By name, which is how equal ones go: the sources come like that. */
function* listPlaces(
  sources: readonly LookedSource[],
  { direction, sayValue }: LookOrder,
  isFitting: (one: LookedSource) => boolean,
): Generator<Place> {
  const isTurned = direction === 'desc';
  for (let step = 0; step < sources.length; step += 1) {
    const one = sources[isTurned ? sources.length - 1 - step : step];
    if (one !== undefined && isFitting(one))
      yield { value: sayValue?.(one) ?? '', nameKey: one.source.nameKey, id: one.source.id };
  }
}

/**
 * The ids of one page of those of the sources that fit; the sources come in the order of a look. By name, none is looked at behind the end of
 * the page. `invalid` for a mark of another order, or of no list at all.
 */
export function pageLooked(
  sources: readonly LookedSource[],
  wish: LookOrder,
  { after, limit }: PageRequest,
  isFitting: (one: LookedSource) => boolean = () => true,
): { ids: readonly SourceId[]; next?: string | undefined } {
  const order = `${wish.name} ${wish.direction}`;
  const mark = after === undefined ? undefined : parseMark(order, after);
  const turn = wish.direction === 'desc' ? -1 : 1;
  const compare = (a: Place, b: Place) => turn * comparePlaces(a, b);
  const rest = listPlaces(sources, wish, isFitting).filter((place) => mark === undefined || compare(place, mark) > 0);
  const front = wish.sayValue === undefined ? rest.take(limit + 1).toArray() : takeFront(rest, limit + 1, compare);
  const shown = front.slice(0, limit);
  const last = front.length > limit ? shown.at(-1) : undefined;
  return { ids: shown.map(({ id }) => id as SourceId), next: last && formatMark(order, last) };
}

/** As the store folds what it searches in. */
export function foldSearch(search: string): string {
  return search.normalize('NFKC').toLowerCase();
}
