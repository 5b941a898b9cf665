/** Lists of runs in another order than newest first. Runs in a caller's read. */
import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Direction, RunOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { RunState } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { Page, PageRequest, Sort, SortedPage } from '../../page.ts';
import type { Run, RunFilter } from '../../runs.ts';
import { counted } from '../columns.ts';
import { idOf, numberOf } from '../id-numbers.ts';
import { RUN_COLUMNS, runRow } from '../ledger/run-rows.ts';
import { chooseWalk, listRunConditions, toRunParams } from '../ledger/run-walk.ts';
import type { Params, Sql } from '../statements.ts';
import { type Group, type GroupKey, rankGroups, walkGroups } from './grouped-list.ts';
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

/** As a reader looks through them: first what failed, then what goes on, last what is well. */
const STATES: readonly RunState[] = ['failed', 'partial', 'cancelled', 'skipped', 'queued', 'running', 'finalizing', 'succeeded'];

/** Runs of a period that are sorted rather than looked for along the whole order. */
const MOST_SORTED = 20_000;

/** Missing durations are the shortest. */
const DURATION = 'coalesce(r.duration_ms, -1)';
/** Behind every name. */
const LAST = 'char(1114111)';

/** What the index of an order holds, so that equal figures have an order too. */
function describeFigures(column: 'duration' | 'bytes', direction: Direction): Ordering {
  const key = column === 'duration' ? DURATION : 'r.bytes';
  return { name: `${column}.${direction}`, keys: [key, 'r.facets', 'r.rowid'], isDown: direction === 'desc' };
}

/** By name, and within one name newest first. */
function describeNames(column: 'plan' | 'host', direction: Direction): Ordering {
  const isDown = direction === 'desc';
  const table = column === 'plan' ? 'plans' : 'hosts';
  const name = `coalesce((SELECT n.name_key FROM ${table} n WHERE n.id = ${idOf(`r.${column}_no`)} AND n.tenant_id = @tenant), ${LAST})`;
  return { name: `${column}.${direction}.few`, keys: [name, isDown ? 'r.created_at' : '-r.created_at', 'r.id'], isDown };
}

function describeCreated(from: string): Ordering {
  return { name: 'created.asc', keys: from.split(', '), isDown: false };
}

/** What a filter leaves is so little that it is sorted itself. */
function isNarrow({ source, plan, host, active, requestedBy }: RunFilter): boolean {
  return source !== undefined || plan !== undefined || host !== undefined || active === true || requestedBy !== undefined;
}

/** `walk`: what is gone through; an ordering that is not its own is sorted. */
function buildSortedRuns(
  filter: RunFilter,
  page: PageRequest,
  ordering: Ordering,
  walk: ReturnType<typeof chooseWalk>,
): { text: string; params: Params } {
  const [createdAt = ''] = walk.key.split(', ');
  const text = `SELECT ${RUN_COLUMNS}, ${selectKeys(ordering)} FROM ${walk.from}
WHERE ${joinConditions([...listRunConditions(filter, { createdAt, facets: walk.facets }), sayAfter(ordering, page)])}
${sayOrder(ordering)}`;
  return { text, params: { ...toRunParams(filter), ...createOrderedPage(ordering, page) } };
}

/** The index of an order that is walked whole. */
function walkFigures(column: 'duration' | 'bytes'): ReturnType<typeof chooseWalk> {
  return { from: `runs r INDEXED BY runs_by_${column}`, key: 'r.created_at, r.id', facets: 'r.facets' };
}

function buildPeriodCount(filter: RunFilter): string {
  return `SELECT count(*) AS count FROM (SELECT 1 FROM runs r INDEXED BY runs_by_time WHERE r.tenant_no = ${numberOf('@tenant')} AND r.created_at >= @since
${filter.until === undefined ? '' : 'AND r.created_at < @until '}LIMIT ${MOST_SORTED + 1})`;
}

const lone = z.object({ id: z.string() });

type ListPlain = (tenant: TenantId, filter: RunFilter, page: PageRequest) => Page<Run>;

/** Hosts or plans by name, then what has none: runs of no plan and of plans that are gone. */
function createNameGroups(sql: Sql) {
  const walkNames = { plan: createNameWalk(sql, 'plans'), host: createNameWalk(sql, 'hosts') };
  const gone = sql.select(
    `WITH RECURSIVE seen(no) AS (
       SELECT min(plan_no) FROM runs INDEXED BY runs_by_plan WHERE tenant_no = ${numberOf('@tenant')} AND plan_no > 0
       UNION ALL SELECT (SELECT min(plan_no) FROM runs INDEXED BY runs_by_plan WHERE tenant_no = ${numberOf('@tenant')} AND plan_no > seen.no)
         FROM seen WHERE seen.no IS NOT NULL)
     SELECT n.id FROM seen JOIN id_numbers n ON n.no = seen.no
     WHERE NOT EXISTS (SELECT 1 FROM plans p WHERE p.id = n.id AND p.tenant_id = @tenant) ORDER BY n.id`,
    lone,
  );
  /** Ranks are numbers here: text marks stand before them in every page mark. */
  function* walkRest(tenant: TenantId, from: GroupKey | undefined): Iterable<Group<RunFilter>> {
    if (from === undefined || from[0] === 0) yield { key: [0, ''], within: { withoutPlan: true } };
    for (const { id } of gone.list({ tenant })) {
      if (from !== undefined && from[0] === 1 && id < from[1]) continue;
      yield { key: [1, id], within: { plan: idSchema('plan').parse(id) } };
    }
  }
  return function* walk(
    tenant: TenantId,
    column: 'plan' | 'host',
    direction: Direction,
    from: GroupKey | undefined,
  ): Iterable<Group<RunFilter>> {
    const isInRest = typeof from?.[0] === 'number';
    for (const { key, within } of isInRest ? [] : walkNames[column](tenant, direction, from))
      yield {
        key,
        within: column === 'plan' ? { plan: idSchema('plan').parse(within) } : { host: idSchema('host').parse(within) },
      };
    if (column === 'plan') yield* walkRest(tenant, isInRest ? from : undefined);
  };
}

export function createSortedRuns(
  sql: Sql,
  listPlain: ListPlain,
): (tenant: TenantId, filter: RunFilter, page: SortedPage<RunOrder>) => Page<Run> {
  const row = z.intersection(runRow, keyedRow);
  const nameGroups = createNameGroups(sql);
  const listBy = (tenant: TenantId, filter: RunFilter, page: PageRequest, ordering: Ordering, walk = chooseWalk(filter)) => {
    const { text, params } = buildSortedRuns(filter, page, ordering, walk);
    return cutOrdered(sql.select(text, row).list({ ...params, tenant }), ordering, page);
  };
  /** Whether what the filter leaves is sorted by itself. */
  const isFew = (tenant: TenantId, filter: RunFilter) =>
    isNarrow(filter) ||
    (filter.since !== undefined &&
      (sql.select(buildPeriodCount(filter), counted).find({ ...filter, tenant })?.count ?? 0) <= MOST_SORTED);
  /** Few runs of a period are gone through by time, whatever else they are. */
  const walkFew = (filter: RunFilter) => (isNarrow(filter) ? chooseWalk(filter) : chooseWalk({}));

  const bySort = (tenant: TenantId, filter: RunFilter, page: PageRequest, { by, direction }: Sort<RunOrder>): Page<Run> => {
    const isDown = direction === 'desc';
    const list = (within: RunFilter, inner: PageRequest) => listPlain(tenant, { ...filter, ...within }, inner);
    switch (by) {
      case 'created':
        return isDown ? listPlain(tenant, filter, page) : listBy(tenant, filter, page, describeCreated(chooseWalk(filter).key));
      case 'duration':
      case 'bytes': {
        const walk = isFew(tenant, filter) ? walkFew(filter) : walkFigures(by);
        return listBy(tenant, filter, page, describeFigures(by, direction), walk);
      }
      case 'state': {
        const groups = rankGroups(
          STATES.filter((state) => filter.state === undefined || filter.state === state),
          String,
          isDown,
        );
        const within = (state: RunState, inner: PageRequest) => list({ state }, inner);
        return walkGroups({ name: `state.${direction}`, groups, list: within }, page);
      }
      default:
        if (isFew(tenant, filter)) return listBy(tenant, filter, page, describeNames(by, direction), walkFew(filter));
        return walkGroups({ name: `${by}.${direction}`, groups: (from) => nameGroups(tenant, by, direction, from), list }, page);
    }
  };
  return (tenant, filter, { sort, ...page }) =>
    sort === undefined ? listPlain(tenant, filter, page) : bySort(tenant, filter, page, sort);
}
