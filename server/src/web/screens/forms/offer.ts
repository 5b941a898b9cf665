/** What somebody looks for beside a select, and what the select offers then: the first by name, or what fits, and always what is chosen. */
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import type { Page } from '../../../store/page.ts';
import type { Visit } from '../../http/route.ts';
import { type ChoiceSearch, foundName, searchName } from './choice-search.view.ts';
import { findText, readList, readText } from './form-values.ts';

/** What was typed to find one, as it came with the form. */
export interface Sought {
  find: string;
  /** The form was sent only to search, or with a search that was typed and not sent yet. */
  isAsked: boolean;
  /** It is another search than the one before. */
  isNew: boolean;
}

/** A form that asks for nothing to be done is sent as an address. `field`: whose search, where a form has several. */
export function readSought({ form, query }: Pick<Visit, 'form' | 'query'>, field?: string): Sought {
  const read = (name: string) => readText(form, name) || (findText(query, name) ?? '');
  const find = read(searchName(field)).trim().slice(0, TEXT.searchChars);
  const isSent = [form, query].some((values) => Object.hasOwn(values, foundName(field)));
  const isNew = find !== read(foundName(field)).trim();
  // A form whose own `act` says what its sending does has both: the search goes first.
  const isSearch = [...readList(form, 'act'), ...readList(query, 'act')].includes('find');
  return { find, isAsked: isSearch || (isSent && isNew), isNew };
}

export interface Offer<T> {
  /** What is kept first, then what was found, by name. */
  rows: readonly T[];
  /** What fits the search alone. */
  found: readonly T[];
  /** There are more than are offered. */
  isCut: boolean;
}

/** What is listed, and before it what of `keep` is not among it. */
export async function offerListed<T extends { id: string }>(
  { rows, next }: Page<T>,
  keep: readonly (T['id'] | undefined)[],
  read: (ids: readonly T['id'][]) => Promise<readonly T[]>,
): Promise<Offer<T>> {
  const listed = new Set<string>(rows.map(({ id }) => id));
  const missing = [...new Set(keep)].filter((id) => id !== undefined && !listed.has(id)) as readonly T['id'][];
  const kept = missing.length === 0 ? [] : await read(missing);
  return { rows: [...kept, ...rows], found: rows, isCut: next !== undefined };
}

/** Only those that a form can take at all. */
export function narrowOffer<T>({ rows, found, isCut }: Offer<T>, fits: (row: T) => boolean): Offer<T> {
  return { rows: rows.filter(fits), found: found.filter(fits), isCut };
}

/** Of a list that is read as a whole, what a select offers: the first, or what fits by name, 200 at most and those of `keep`. Pure. */
export function offerAmong<T extends { id: string; name: string }>(
  all: readonly T[],
  { find = '', keep = [] }: { find?: string; keep?: readonly (string | undefined)[] },
): Offer<T> {
  const word = find.toLowerCase();
  const fitting = all.filter(({ name }) => name.toLowerCase().includes(word));
  const found = fitting.slice(0, HTTP.pageSizeMax);
  const kept = all.filter((row) => keep.includes(row.id) && !found.includes(row));
  return { rows: [...kept, ...found], found, isCut: fitting.length > found.length };
}

/** The search beside a select: where the fleet is too big for it, or somebody searched. */
export function describeSearch(
  label: string,
  { find, isNew }: Pick<Sought, 'find'> & Partial<Sought>,
  offer: Pick<Offer<unknown>, 'found' | 'isCut'>,
  follows?: ChoiceSearch['follows'],
): ChoiceSearch | undefined {
  if (find === '' && !offer.isCut) return undefined;
  return { label, find, found: offer.found.length, isCut: offer.isCut, isNew, follows };
}
