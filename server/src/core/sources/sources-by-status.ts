/**
 * Sources of one status, or in the order of it: the store knows no judgement, so they are chosen from what is kept, and only those shown are
 * read.
 */

import type { SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import type { SourceFilter, StoredSourceOrder } from '../../store/sources.ts';
import type { Caller } from '../caller.ts';
import { isWithoutPlan, type LookedSource } from '../fleet/look.ts';
import { foldSearch, pageLooked, sortNumber } from '../fleet/look-pages.ts';
import type { CoreContext } from '../ports.ts';
import { judgeSources, type ProtectedSource } from '../protection/protected-sources.ts';
import type { ProtectionStatus } from '../protection/protection.ts';

/** The worst first. */
const GRAVITY: readonly ProtectionStatus[] = ['unprotected', 'at_risk', 'unknown', 'paused', 'protected'];

/** What each order goes by; equal ones go by name. */
const VALUES: Readonly<Record<SourceOrder, ((one: LookedSource) => string) | undefined>> = {
  name: undefined,
  host: ({ host }) => host.name.toLowerCase(),
  kind: ({ source }) => source.kind,
  good: ({ source }) => sortNumber(source.standing?.lastGoodAt ?? 0),
  protection: ({ protection }) => String(GRAVITY.indexOf(protection.status)),
};

/** The page as the store can list it; undefined where only a judgement tells the order. */
export function findStoredPage({ sort, ...page }: SortedPage<SourceOrder>): SortedPage<StoredSourceOrder> | undefined {
  if (sort === undefined) return page;
  const { by, direction } = sort;
  return by === 'protection' ? undefined : { ...page, sort: { by, direction } };
}

/** `invalid` for a mark of another order, or of no list at all. */
export async function listJudgedSources(
  context: CoreContext,
  caller: Caller,
  filter: SourceFilter & { status?: ProtectionStatus | undefined },
  { sort = { by: 'name', direction: 'asc' }, ...page }: SortedPage<SourceOrder>,
): Promise<Page<ProtectedSource>> {
  const look = await context.fleet.look(caller.tenant);
  const { status, host, kind, enabled, withoutPlan } = filter;
  const search = filter.search === undefined ? undefined : foldSearch(filter.search);
  const isFitting = (one: LookedSource) =>
    (status === undefined || one.protection.status === status) &&
    (host === undefined || one.source.host === host) &&
    (kind === undefined || one.source.kind === kind) &&
    (enabled === undefined || one.source.enabled === enabled) &&
    (search === undefined || one.source.nameKey.includes(search)) &&
    (withoutPlan !== true || isWithoutPlan(one));
  const order = { name: sort.by, direction: sort.direction, sayValue: VALUES[sort.by] };
  const { ids, next } = pageLooked(look.sources, order, page, isFitting);
  const read = await judgeSources(context, caller, await context.store.sources.findSources(caller.tenant, ids));
  const byId = new Map(read.map((one) => [one.source.id, one]));
  return { rows: ids.flatMap((id) => byId.get(id) ?? []), next };
}
