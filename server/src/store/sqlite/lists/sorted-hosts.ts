/** Lists of hosts, by name or in another order. Runs in a caller's read. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { HostOrder } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { Host, HostFilter, HostPage } from '../../hosts.ts';
import type { Page, PageRequest, Sort } from '../../page.ts';
import { foldName, toJson } from '../columns.ts';
import { HOST_COLUMNS, hostRow } from '../host-rows.ts';
import type { Params, Sql } from '../statements.ts';
import { rankGroups, walkGroups } from './grouped-list.ts';
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

const VERSION = "coalesce(h.facts ->> '$.agentVersion', '')";
const BY_NAME: Ordering = { name: 'name.asc', keys: ['h.name_key', 'h.id'], isDown: false };
const BY_NAME_DOWN: Ordering = { ...BY_NAME, name: 'name.desc', isDown: true };
const BY_SEEN: Ordering = { name: 'seen.asc', keys: ['h.last_seen_at', 'h.rowid'], isDown: false };
const BY_SEEN_DOWN: Ordering = { ...BY_SEEN, name: 'seen.desc', isDown: true };

/** The plus keeps the order of the list: its index is walked, and the connected are looked up. */
const IS_ONLINE = 'coalesce(h.last_seen_at >= @freshSince AND +h.id IN (SELECT value FROM json_each(@connected)), 0)';

function toConditions(filter: HostFilter): readonly (string | false)[] {
  return [
    'h.tenant_id = @tenant',
    filter.state !== undefined && 'h.state = @state',
    filter.tag !== undefined &&
      'EXISTS (SELECT 1 FROM host_tags t WHERE t.tenant_id = h.tenant_id AND t.tag = @tag AND t.host_id = h.id)',
    filter.search !== undefined && 'instr(h.name_key, @search) > 0',
    filter.seenSince !== undefined && 'h.last_seen_at >= @seenSince',
    filter.notSeenSince !== undefined && '(h.last_seen_at IS NULL OR h.last_seen_at < @notSeenSince)',
    filter.connection !== undefined && (filter.connection.isOnline ? IS_ONLINE : `NOT ${IS_ONLINE}`),
    filter.drainedAt !== undefined && 'h.drain_until > @drainedAt',
    filter.ailing === true && "h.ailments <> '[]'",
    filter.ailing === false && "coalesce(h.ailments, '[]') = '[]'",
    filter.offersDumps === true && "h.facts ->> '$.dumpDirs[0]' IS NOT NULL",
    filter.version !== undefined && `${VERSION} = @version`,
  ];
}

/** By name where no order is given; one by when hosts were seen leaves out those that never were. */
export function buildHostList(filter: HostFilter, page: PageRequest, ordering = BY_NAME): { text: string; params: Params } {
  const isBySeen = ordering.name.startsWith('seen');
  const index = isBySeen ? ' INDEXED BY hosts_by_contact' : filter.ailing === true ? ' INDEXED BY hosts_ailing' : '';
  const text = `SELECT ${HOST_COLUMNS}, ${selectKeys(ordering)} FROM hosts h${index}
WHERE ${joinConditions([...toConditions(filter), isBySeen && 'h.last_seen_at IS NOT NULL', sayAfter(ordering, page)])}
${sayOrder(ordering)}`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  const { ailing: _inText, connection, ...params } = filter;
  const connected = connection && { connected: toJson(connection.ids), freshSince: connection.since };
  return { text, params: { ...params, ...connected, search, ...createOrderedPage(ordering, page) } };
}

/** First what needs somebody. An active host is online while it was seen lately, and degraded while something of it is broken. */
function listStatuses(freshSince: number): readonly HostFilter[] {
  return [
    { state: 'quarantined' },
    { state: 'active', notSeenSince: freshSince },
    { state: 'active', seenSince: freshSince, ailing: true },
    { state: 'active', seenSince: freshSince, ailing: false },
    { state: 'revoked' },
  ];
}

/** What both ask for; undefined where no host can be both. */
function narrow(filter: HostFilter, within: HostFilter): HostFilter | undefined {
  if (filter.state !== undefined && within.state !== undefined && filter.state !== within.state) return undefined;
  if (filter.version !== undefined && within.version !== undefined && filter.version !== within.version) return undefined;
  if (filter.ailing !== undefined && within.ailing !== undefined && filter.ailing !== within.ailing) return undefined;
  const seenSince = Math.max(filter.seenSince ?? 0, within.seenSince ?? 0);
  const notSeenSince = Math.min(filter.notSeenSince ?? Number.POSITIVE_INFINITY, within.notSeenSince ?? Number.POSITIVE_INFINITY);
  return {
    ...filter,
    ...within,
    seenSince: seenSince === 0 ? undefined : seenSince,
    notSeenSince: notSeenSince === Number.POSITIVE_INFINITY ? undefined : notSeenSince,
  };
}

const toGroupId = ({ state, version }: HostFilter): string => version ?? state ?? '';

/** As people count versions: `0.10.0` is above `0.9.3`; what never told is the oldest. */
function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);
}

export function createSortedHosts(sql: Sql): (tenant: TenantId, filter: HostFilter, page: HostPage) => Page<Host> {
  const listed = z.intersection(hostRow, keyedRow);
  const nextVersion = sql.select(
    `SELECT min(${VERSION}) AS version FROM hosts h INDEXED BY hosts_by_version WHERE h.tenant_id = @tenant AND ${VERSION} > @after`,
    z.object({ version: z.string().nullable() }),
  );
  const listBy = (tenant: TenantId, filter: HostFilter | undefined, page: PageRequest, ordering: Ordering): Page<Host> => {
    if (filter === undefined) return { rows: [] };
    const { text, params } = buildHostList(filter, page, ordering);
    return cutOrdered(sql.select(text, listed).list({ ...params, tenant }), ordering, page);
  };
  const listVersions = (tenant: TenantId): readonly HostFilter[] => {
    const versions = [''];
    for (let after = ''; ; ) {
      const found = nextVersion.find({ tenant, after })?.version ?? undefined;
      if (found === undefined) return versions.toSorted(compareVersions).map((version) => ({ version }));
      versions.push(found);
      after = found;
    }
  };
  /** Those that were never seen stand at the end of the oldest. */
  const listBySeen = (tenant: TenantId, filter: HostFilter, page: PageRequest, isDown: boolean): Page<Host> => {
    const groups = rankGroups(['never', 'seen'], (word) => word, isDown);
    const list = (word: string, inner: PageRequest) =>
      word === 'seen'
        ? listBy(tenant, filter, inner, isDown ? BY_SEEN_DOWN : BY_SEEN)
        : listBy(tenant, narrow(filter, { notSeenSince: 0 }), inner, BY_NAME);
    return walkGroups({ name: `seen.${isDown ? 'desc' : 'asc'}.all`, groups, list }, page);
  };
  const bySort = (
    tenant: TenantId,
    filter: HostFilter,
    { freshSince = 0, ...page }: HostPage,
    { by, direction }: Sort<HostOrder>,
  ): Page<Host> => {
    const isDown = direction === 'desc';
    if (by === 'name') return listBy(tenant, filter, page, isDown ? BY_NAME_DOWN : BY_NAME);
    if (by === 'seen') return listBySeen(tenant, filter, page, isDown);
    const groups = rankGroups(by === 'status' ? listStatuses(freshSince) : listVersions(tenant), toGroupId, isDown);
    const list = (within: HostFilter, inner: PageRequest) => listBy(tenant, narrow(filter, within), inner, BY_NAME);
    return walkGroups({ name: `${by}.${direction}`, groups, list }, page);
  };
  return (tenant, filter, { sort, ...page }) =>
    sort === undefined ? listBy(tenant, filter, page, BY_NAME) : bySort(tenant, filter, page, sort);
}
