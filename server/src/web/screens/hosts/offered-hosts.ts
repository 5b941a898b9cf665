/** What a form offers of a fleet that may be big: the first by name, or what a search found, and always what is chosen. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import { type HostView, listHosts } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Page } from '../../../store/page.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import { type ChoiceSearch, foundName, searchName } from '../forms/choice-search.view.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { loadNames } from '../runs/run-names.ts';

/** Hosts that a search looks for sources on. */
const HOSTS_SEARCHED = 20;

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

/** Active hosts for a select, 200 at most and those of `keep`. */
export async function offerHosts(
  context: CoreContext,
  caller: Caller,
  { find = '', keep = [] }: { find?: string; keep?: readonly (HostId | undefined)[] } = {},
): Promise<Offer<HostView>> {
  const search = find === '' ? undefined : find;
  const page = await listHosts(context, caller, { state: 'active', search }, { limit: HTTP.pageSizeMax });
  const listed = new Set(page.rows.map(({ id }) => id));
  const names = await loadNames(context, caller, { hosts: keep.filter((id) => id !== undefined && !listed.has(id)) });
  const kept = [...names.hosts.values()].filter(({ state }) => state === 'active');
  return { rows: [...kept, ...page.rows], found: page.rows, isCut: page.next !== undefined };
}

interface SourceWish {
  /** Only those of it. */
  kind?: string | undefined;
  /** Only those on it. */
  host?: HostId | undefined;
  find?: string | undefined;
  keep?: readonly (SourceId | undefined)[];
}

/** Sources for a select, by their own name or that of their host. */
export async function offerSources(
  context: CoreContext,
  caller: Caller,
  { kind, host, find = '', keep = [] }: SourceWish,
): Promise<Offer<Source>> {
  const search = find === '' ? undefined : find;
  const page = await listSources(context, caller, { kind, host, search }, { limit: HTTP.pageSizeMax });
  const onHosts = search === undefined || host !== undefined ? NONE : await findOnHosts(context, caller, kind, search);
  const found = dropTwins([...page.rows, ...onHosts.rows]);
  const { sources } = await loadNames(context, caller, { sources: keep });
  const isWished = (source: Source) =>
    (kind === undefined || source.kind === kind) && (host === undefined || source.host === host);
  const kept = [...sources.values()].filter(isWished);
  return { rows: dropTwins([...kept, ...found]), found, isCut: page.next !== undefined || onHosts.next !== undefined };
}

const NONE: Page<Source> = { rows: [] };

function dropTwins(sources: readonly Source[]): readonly Source[] {
  return [...new Map(sources.map((source) => [source.id, source])).values()];
}

/** Sources on the first hosts whose name fits. */
async function findOnHosts(
  context: CoreContext,
  caller: Caller,
  kind: string | undefined,
  search: string,
): Promise<Page<Source>> {
  const { rows, next } = await listHosts(context, caller, { state: 'active', search }, { limit: HOSTS_SEARCHED });
  const sources = await Promise.all(rows.map(({ id }) => context.store.sources.listSourcesOfHost(caller.tenant, id)));
  return { rows: sources.flat().filter((source) => kind === undefined || source.kind === kind), next };
}

/** Of what somebody just searched for, the first that is there: it is what they mean. Undefined where nobody searched. */
export function findSought({ find, isAsked, isNew }: Sought, { found }: Pick<Offer<HostView>, 'found'>): HostId | undefined {
  return isAsked && isNew && find !== '' ? (found.find(({ standing }) => standing === 'online') ?? found[0])?.id : undefined;
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
