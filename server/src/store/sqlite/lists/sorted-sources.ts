/** Lists of sources, by name or in another order. Runs in a caller's read. */
import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Direction } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { Page, PageRequest, Sort, SortedPage } from '../../page.ts';
import type { Source, SourceFilter, StoredSourceOrder } from '../../sources.ts';
import { foldName } from '../columns.ts';
import { SOURCE_COLUMNS, sourceRow, toSource } from '../source-rows.ts';
import type { Params, Sql } from '../statements.ts';
import { walkGroups } from './grouped-list.ts';
import {
  createOrderedPage,
  cutOrdered,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from './keyset.ts';
import { createNameWalk } from './name-walk.ts';

const order = (name: string, keys: readonly string[], direction: Direction): Ordering => ({
  name: `${name}.${direction}`,
  keys,
  isDown: direction === 'desc',
});
const byName = (direction: Direction) => order('name', ['s.name_key', 's.id'], direction);
const byKind = (direction: Direction) => order('kind', ['s.kind', 's.name_key', 's.id'], direction);
const byGood = (direction: Direction) => order('good', ['g.good_at', 'g.source_id'], direction);

/** `from`: what is walked through, with the source as `s`. */
export function buildSourceList(
  filter: SourceFilter,
  page: PageRequest,
  ordering = byName('asc'),
): { text: string; params: Params } {
  const isByGood = ordering.keys[0] === 'g.good_at';
  const from = isByGood
    ? 'source_goods g INDEXED BY source_goods_by_time CROSS JOIN sources s ON s.id = g.source_id AND s.tenant_id = g.tenant_id'
    : 'sources s';
  const text = `SELECT ${SOURCE_COLUMNS}, ${selectKeys(ordering)} FROM ${from}
WHERE ${joinConditions([
    isByGood ? 'g.tenant_id = @tenant' : 's.tenant_id = @tenant',
    filter.host !== undefined && 's.host_id = @host',
    filter.kind !== undefined && 's.kind = @kind',
    filter.enabled !== undefined && 's.enabled = @enabled',
    filter.search !== undefined && 'instr(s.name_key, @search) > 0',
    filter.withoutPlan === true &&
      `NOT EXISTS (SELECT 1 FROM plan_sources ps JOIN plans p ON p.id = ps.plan_id
        WHERE ps.tenant_id = s.tenant_id AND ps.source_id = s.id AND p.enabled = 1)`,
    sayAfter(ordering, page),
  ])}
${sayOrder(ordering)}`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  return {
    text,
    params: { host: filter.host, kind: filter.kind, enabled: filter.enabled, search, ...createOrderedPage(ordering, page) },
  };
}

export function createSortedSources(
  sql: Sql,
): (tenant: TenantId, filter: SourceFilter, page: SortedPage<StoredSourceOrder>) => Page<Source> {
  const listed = z.intersection(sourceRow, keyedRow);
  const walkHosts = createNameWalk(sql, 'hosts');
  const listBy = (tenant: TenantId, filter: SourceFilter, page: PageRequest, ordering: Ordering): Page<Source> => {
    const { text, params } = buildSourceList(filter, page, ordering);
    const cut = cutOrdered(sql.select(text, listed).list({ ...params, tenant }), ordering, page);
    return { ...cut, rows: cut.rows.map(toSource) };
  };
  const bySort = (tenant: TenantId, filter: SourceFilter, page: PageRequest, { by, direction }: Sort<StoredSourceOrder>) => {
    if (by === 'name' || (by === 'host' && filter.host !== undefined)) return listBy(tenant, filter, page, byName(direction));
    if (by === 'kind') return listBy(tenant, filter, page, byKind(direction));
    if (by === 'good') return listBy(tenant, filter, page, byGood(direction));
    const groups = (from: Parameters<typeof walkHosts>[2]) => walkHosts(tenant, direction, from);
    const list = (host: string, inner: PageRequest) =>
      listBy(tenant, { ...filter, host: idSchema('host').parse(host) }, inner, byName('asc'));
    return walkGroups({ name: `host.${direction}`, groups, list }, page);
  };
  return (tenant, filter, { sort, ...page }) =>
    sort === undefined ? listBy(tenant, filter, page, byName('asc')) : bySort(tenant, filter, page, sort);
}
