/** Sources of one status: the store knows no judgement, so they are chosen from what is kept, and only those shown are read. */

import type { SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { Caller } from '../../core/caller.ts';
import type { LookedSource } from '../../core/fleet/look.ts';
import type { CoreContext } from '../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../core/protected-sources.ts';
import type { ProtectionStatus } from '../../core/protection.ts';
import type { SourceFilter } from '../../store/catalog.ts';
import type { Page, PageRequest, Sort } from '../../store/page.ts';

/** How two sources stand to each other; equal ones stay in the order of names. */
const COMPARE: Readonly<Record<SourceOrder, (a: LookedSource, b: LookedSource) => number>> = {
  name: () => 0,
  host: (a, b) => compareText(a.host.name.toLowerCase(), b.host.name.toLowerCase()),
  kind: (a, b) => compareText(a.source.kind, b.source.kind),
  good: (a, b) => (a.source.standing?.lastGoodAt ?? 0) - (b.source.standing?.lastGoodAt ?? 0),
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isWithoutPlan({ source }: LookedSource): boolean {
  return !source.plans.some(({ enabled }) => enabled);
}

/** A page is marked by the last source before it; one whose mark is gone meanwhile is the first. */
export async function listSourcesByStatus(
  context: CoreContext,
  caller: Caller,
  status: ProtectionStatus,
  filter: SourceFilter,
  { after, limit, sort }: PageRequest & { sort?: Sort<SourceOrder> | undefined },
): Promise<Page<ProtectedSource>> {
  const look = await context.fleet.look(caller.tenant);
  // As the store folds what it searches in.
  const search = filter.search?.normalize('NFKC').toLowerCase();
  const matches = look.sources.filter(
    (one) =>
      one.protection.status === status &&
      (filter.host === undefined || one.source.host === filter.host) &&
      (filter.kind === undefined || one.source.kind === filter.kind) &&
      (search === undefined || one.source.nameKey.includes(search)) &&
      (filter.withoutPlan !== true || isWithoutPlan(one)),
  );
  if (sort !== undefined) matches.sort(COMPARE[sort.by]);
  if (sort?.direction === 'desc') matches.reverse();
  const from = matches.findIndex(({ source }) => source.id === after) + 1;
  const ids = matches.slice(from, from + limit).map(({ source }) => source.id);
  const read = await judgeSources(context, caller, await context.store.catalog.findSources(caller.tenant, ids));
  const byId = new Map(read.map((one) => [one.source.id, one]));
  const rows = ids.flatMap((id) => byId.get(id) ?? []);
  return matches.length > from + limit ? { rows, next: ids.at(-1) } : { rows };
}
