/** Snapshots that a search finds. Runs in a caller's read. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { FoundPage, SortedPage } from '../../page.ts';
import type { Snapshot, SnapshotFilter } from '../../snapshots.ts';
import { toJson } from '../columns.ts';
import { chooseIndex, listSnapshotConditions, SNAPSHOT_COLUMNS, snapshotRow, toSnapshotParams } from '../ledger/snapshot-walk.ts';
import type { Params, Sql } from '../statements.ts';
import { type FoundRow, foundRow, mergeWays, orderFound, sayEdge } from './found-rows.ts';
import { createOrderedPage, cutOrdered, joinConditions, keyedRow, sayAfter, sayOrder, selectKeys } from './keyset.ts';
import { createNameSearch, createSnapshotIdSearch } from './name-search.ts';

const KEYS = { createdAt: 'created_at', no: 'no' };

/** One way of a search: the numbers of snapshots that a filter leaves, or of these among the known ones. */
function buildSnapshotWay(
  filter: SnapshotFilter,
  page: SortedPage<SnapshotListOrder>,
  edge: number | undefined,
  isOfNumbers = false,
): { text: string; params: Params } {
  const ordering = orderFound(page.sort, KEYS);
  const text = `SELECT ${selectKeys(ordering)} FROM snapshots ${isOfNumbers ? 'NOT INDEXED' : `INDEXED BY ${chooseIndex(filter)}`}
WHERE ${joinConditions([
    isOfNumbers && 'no IN (SELECT value FROM json_each(@numbers))',
    ...listSnapshotConditions(filter),
    sayAfter(ordering, page),
    sayEdge(ordering, edge),
  ])}
${sayOrder(ordering)}`;
  return { text, params: { ...toSnapshotParams(filter), ...createOrderedPage(ordering, page), edge } };
}

export function createFoundSnapshots(
  sql: Sql,
): (tenant: TenantId, filter: SnapshotFilter, search: string, page: SortedPage<SnapshotListOrder>) => FoundPage<Snapshot> {
  const findNames = createNameSearch(sql);
  const findIds = createSnapshotIdSearch(sql);
  const listed = z.intersection(snapshotRow, keyedRow);
  return (tenant, { search: _search, ...filter }, search, page) => {
    const ordering = orderFound(page.sort, KEYS);
    const names = findNames(tenant, search);
    const ids = findIds(tenant, search);
    const ways: ((edge: number | undefined) => readonly FoundRow[])[] = [];
    const follow = (within: SnapshotFilter, known?: readonly number[]) =>
      ways.push((edge) => {
        const { text, params } = buildSnapshotWay(within, page, edge, known !== undefined);
        return sql.select(text, foundRow).list({ ...params, tenant, numbers: known && toJson(known) });
      });
    /** The snapshots of each thing, within the filter; none where it wants another thing of the kind. */
    const followEach = <K extends 'host' | 'source' | 'plan' | 'repository'>(noun: K, found: readonly SnapshotFilter[K][]) => {
      for (const id of found) if ((filter[noun] ?? id) === id) follow({ ...filter, [noun]: id });
    };
    followEach('host', names.hosts);
    followEach('source', names.sources);
    followEach('plan', names.plans);
    followEach('repository', names.repositories);
    if (ids.numbers.length > 0) follow(filter, ids.numbers);

    const most = createOrderedPage(ordering, page)['pageLimit'] as number;
    const numbers = mergeWays(ways, most, ordering.isDown);
    const text = `SELECT ${SNAPSHOT_COLUMNS}, ${selectKeys(ordering)} FROM snapshots NOT INDEXED
WHERE no IN (SELECT value FROM json_each(@numbers)) ${sayOrder(ordering)}`;
    const rows = sql.select(text, listed).list({ numbers: toJson(numbers), pageLimit: most });
    const passedOver = [...names.passedOver, ...(ids.isCut ? (['ids'] as const) : [])];
    const found = cutOrdered(rows, ordering, page) as FoundPage<Snapshot>;
    return { ...found, ...(passedOver.length === 0 ? {} : { passedOver }) };
  };
}
