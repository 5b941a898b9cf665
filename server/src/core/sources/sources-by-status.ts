/** Sources of one status: the store knows no judgement, so they are chosen from what is kept, and only those shown are read. */

import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Page, SortedPage } from '../../store/page.ts';
import type { SourceFilter } from '../../store/sources.ts';
import type { Caller } from '../caller.ts';
import { isWithoutPlan, type LookedSource } from '../fleet/look.ts';
import type { CoreContext } from '../ports.ts';
import { judgeSources, type ProtectedSource } from '../protection/protected-sources.ts';
import type { ProtectionStatus } from '../protection/protection.ts';

/** What each order goes by; equal ones go by name. */
const VALUES: Readonly<Record<SourceOrder, (one: LookedSource) => string>> = {
  name: () => '',
  host: ({ host }) => host.name.toLowerCase(),
  kind: ({ source }) => source.kind,
  good: ({ source }) => String(source.standing?.lastGoodAt ?? 0).padStart(16, '0'),
};

/** Where a source stands in an order: no two stand at the same place. */
type Place = readonly [value: string, nameKey: string, id: string];
/** A page is marked by the place of the last source before it, which need not be there any more. */
const markSchema = z.tuple([z.string(), z.string(), z.string(), z.string()]);

function findPlace(by: SourceOrder, one: LookedSource): Place {
  return [VALUES[by](one), one.source.nameKey, one.source.id];
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

/** `invalid` for a mark of another order, or of no list at all. */
export async function listSourcesByStatus(
  context: CoreContext,
  caller: Caller,
  status: ProtectionStatus,
  filter: SourceFilter,
  { after, limit, sort = { by: 'name', direction: 'asc' } }: SortedPage<SourceOrder>,
): Promise<Page<ProtectedSource>> {
  const order = `${sort.by} ${sort.direction}`;
  const mark = after === undefined ? undefined : parseMark(order, after);
  const turn = sort.direction === 'desc' ? -1 : 1;
  const look = await context.fleet.look(caller.tenant);
  // As the store folds what it searches in.
  const search = filter.search?.normalize('NFKC').toLowerCase();
  const rest = look.sources
    .filter(
      (one) =>
        one.protection.status === status &&
        (filter.host === undefined || one.source.host === filter.host) &&
        (filter.kind === undefined || one.source.kind === filter.kind) &&
        (search === undefined || one.source.nameKey.includes(search)) &&
        (filter.withoutPlan !== true || isWithoutPlan(one)),
    )
    .map((one) => findPlace(sort.by, one))
    .filter((place) => mark === undefined || turn * comparePlaces(place, mark) > 0)
    .sort((a, b) => turn * comparePlaces(a, b));
  const shown = rest.slice(0, limit);
  const ids = shown.map(([, , id]) => id as SourceId);
  const read = await judgeSources(context, caller, await context.store.sources.findSources(caller.tenant, ids));
  const byId = new Map(read.map((one) => [one.source.id, one]));
  const rows = ids.flatMap((id) => byId.get(id) ?? []);
  const last = rest.length > limit ? shown.at(-1) : undefined;
  return { rows, next: last && formatMark(order, last) };
}
