/** Runs that a search finds. Runs in a caller's read. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RunOrder } from '@holdfast/shared/domain/list-orders.ts';
import { SEARCH } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { FoundPage, SortedPage } from '../../page.ts';
import type { Run, RunFilter } from '../../runs.ts';
import { toJson } from '../columns.ts';
import { numberOf } from '../id-numbers.ts';
import { RUN_COLUMNS, runRow } from '../ledger/run-rows.ts';
import { chooseWalk, listRunConditions, toRunParams } from '../ledger/run-walk.ts';
import type { Params, Sql } from '../statements.ts';
import { type FoundRow, foundRow, mergeWays, orderFound, sayEdge } from './found-rows.ts';
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
import { createNameSearch, createRunIdSearch } from './name-search.ts';

type Walk = ReturnType<typeof chooseWalk> & { no: string; condition?: string };

/** By name: the runs of one thing, within the filter. Undefined where the filter wants another thing of this kind. */
function narrow<K extends 'host' | 'plan' | 'repository'>(filter: RunFilter, noun: K, id: RunFilter[K]): RunFilter | undefined {
  return filter[noun] === undefined || filter[noun] === id ? { ...filter, [noun]: id } : undefined;
}

function walkOf(filter: RunFilter): Walk {
  return { ...chooseWalk(filter), no: filter.source === undefined ? 'r.no' : 'w.run_no' };
}

/** A state that so few runs are in at most is looked through itself, whatever they are of: a walk by host or source would pass all their others. */
const FEW = 1000;
const OF_STATE: Walk = { from: 'runs r INDEXED BY runs_by_state', key: 'r.created_at, r.id', facets: 'r.facets', no: 'r.no' };

/** Another source of the run than the one that the filter walks by. */
const HAS_PART = `EXISTS (SELECT 1 FROM run_parts o WHERE o.run_no = r.no AND o.source_no = ${numberOf('@other')})`;
/** Runs of known numbers; few. */
const OF_NUMBERS: Walk = {
  from: 'json_each(@numbers) n CROSS JOIN runs r ON r.no = n.value',
  key: 'r.created_at, r.id',
  facets: 'r.facets',
  no: 'r.no',
};
/** Runs whose error has the text in it; the numbers of its rows are in the order of time. */
const OF_ERRORS: Walk = {
  from: `run_errors e CROSS JOIN runs r INDEXED BY runs_by_time ON r.tenant_no = ${numberOf('@tenant')}
  AND r.created_at = e.rowid >> 20 AND (r.no & 1048575) = (e.rowid & 1048575)`,
  key: 'r.created_at, r.id',
  facets: 'r.facets',
  no: 'r.no',
  condition: 'e.run_errors MATCH @phrase',
};

/** The instants of a page as numbers of the rows of errors, so that no others are read. */
function sayErrorRange(
  { since, until }: RunFilter,
  { after }: SortedPage<RunOrder>,
  { isDown }: Ordering,
  edge: number | undefined,
): readonly (string | false)[] {
  const from = (param: string) => `e.rowid >= (${param} << 20)`;
  const upTo = (param: string) => `e.rowid < ((${param} + 1) << 20)`;
  return [
    since !== undefined && from('@since'),
    until !== undefined && upTo('@until'),
    after !== undefined && (isDown ? upTo('@keyA') : from('@keyA')),
    edge !== undefined && (isDown ? from('@edge') : upTo('@edge')),
  ];
}

/** One way of a search: the numbers of the rows of a walk. */
function buildRunWay(
  filter: RunFilter,
  page: SortedPage<RunOrder>,
  walk: Walk,
  edge: number | undefined,
): { text: string; params: Params } {
  const [createdAt = ''] = walk.key.split(', ');
  const ordering = orderFound(page.sort, { createdAt, no: walk.no });
  const isByErrors = walk.from === OF_ERRORS.from;
  // The table of errors keeps the order of time by itself, and begins where the page does.
  const order = isByErrors ? `ORDER BY e.rowid ${ordering.isDown ? 'DESC' : 'ASC'} LIMIT @pageLimit` : sayOrder(ordering);
  const text = `SELECT ${selectKeys(ordering)} FROM ${walk.from}
WHERE ${joinConditions([
    walk.condition,
    ...listRunConditions(filter, { createdAt, facets: walk.facets }),
    sayAfter(ordering, page),
    sayEdge(ordering, edge),
    ...(isByErrors ? sayErrorRange(filter, page, ordering, edge) : []),
  ])}
${order}`;
  return { text, params: { ...toRunParams(filter), ...createOrderedPage(ordering, page), edge } };
}

const OF_ROW: Ordering['keys'] = ['r.created_at', 'r.no'];

export function createFoundRuns(
  sql: Sql,
): (tenant: TenantId, filter: RunFilter, search: string, page: SortedPage<RunOrder>) => FoundPage<Run> {
  const findNames = createNameSearch(sql);
  const findIds = createRunIdSearch(sql);
  const listed = z.intersection(runRow, keyedRow);
  const beyondFew = sql.select(
    `SELECT r.no FROM runs r INDEXED BY runs_by_state WHERE r.tenant_no = ${numberOf('@tenant')} AND r.state = @state
     LIMIT 1 OFFSET ${FEW}`,
    z.object({ no: z.int() }),
  );
  return (tenant, { search: _search, ...filter }, search, page) => {
    const ordering = { ...orderFound(page.sort, { createdAt: '', no: '' }), keys: OF_ROW };
    const names = findNames(tenant, search);
    const ids = findIds(tenant, search);
    const ways: ((edge: number | undefined) => readonly FoundRow[])[] = [];
    const follow = (within: RunFilter | undefined, walk = within && walkOf(within), more: Params = {}) => {
      if (within === undefined || walk === undefined) return;
      ways.push((edge) => {
        const { text, params } = buildRunWay(within, page, walk, edge);
        return sql.select(text, foundRow).list({ ...params, ...more, tenant });
      });
    };
    const { state } = filter;
    const isFew = state !== undefined && beyondFew.find({ tenant, state }) === undefined;
    const followThing = (within: RunFilter | undefined) => {
      if (within === undefined || !isFew) follow(within);
      else follow({ ...within, source: undefined }, ofPart(OF_STATE, within), partOf(within));
    };
    for (const id of names.hosts) followThing(narrow(filter, 'host', id));
    for (const id of names.plans) followThing(narrow(filter, 'plan', id));
    for (const id of names.repositories) followThing(narrow(filter, 'repository', id));
    for (const id of names.sources) {
      if (filter.source === undefined || filter.source === id) followThing({ ...filter, source: id });
      else follow(filter, { ...walkOf(filter), condition: HAS_PART }, { other: id });
    }
    if (ids.numbers.length > 0)
      follow({ ...filter, source: undefined }, ofPart(OF_NUMBERS, filter), { ...partOf(filter), numbers: toJson(ids.numbers) });
    const phrase = search.replaceAll('\u0000', ' ').replaceAll('"', '""');
    if ([...search].length >= SEARCH.errorChars)
      follow({ ...filter, source: undefined }, ofPart(OF_ERRORS, filter), { ...partOf(filter), phrase: `"${phrase}"` });

    const most = createOrderedPage(ordering, page)['pageLimit'] as number;
    const numbers = mergeWays(ways, most, ordering.isDown);
    const text = `SELECT ${RUN_COLUMNS}, ${selectKeys(ordering)} FROM json_each(@numbers) n CROSS JOIN runs r ON r.no = n.value
${sayOrder(ordering)}`;
    const rows = sql.select(text, listed).list({ tenant, numbers: toJson(numbers), pageLimit: most });
    const passedOver = [...names.passedOver, ...(ids.isCut ? (['ids'] as const) : [])];
    const found = cutOrdered(rows, ordering, page) as FoundPage<Run>;
    return { ...found, ...(passedOver.length === 0 ? {} : { passedOver }) };
  };
}

/** Where the filter asks for a source and the walk is not by it. */
function ofPart(walk: Walk, { source }: RunFilter): Walk {
  if (source === undefined) return walk;
  return { ...walk, condition: [walk.condition, HAS_PART].filter((one) => one !== undefined).join(' AND ') };
}

function partOf({ source }: RunFilter): Params {
  return source === undefined ? {} : { other: source };
}
