/** The list of hosts. */

import { HOST_ORDERS, type HostOrder } from '@holdfast/shared/domain/list-orders.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Caller } from '../../core/caller.ts';
import { HOST_STANDINGS, type HostView, listHosts } from '../../core/hosts/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { HostFilter } from '../../store/hosts.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { hostShape, toHostShape } from './shapes/host-shape.ts';
import { listOf, pageFields, searchInput, sortFields, toPageReply, toSortedRequest } from './shapes/shapes.ts';

/** Store reads one request may cost while it looks for hosts of one standing. */
const STANDING_READS = 100;

/** Standing is decided by the live connection, which no index knows: active hosts are read until the page is full. */
async function listActiveByStanding(
  context: CoreContext,
  caller: Caller,
  filter: HostFilter,
  isWanted: (host: HostView) => boolean,
  page: SortedPage<HostOrder>,
): Promise<Page<HostView>> {
  const rows: HostView[] = [];
  let after = page.after;
  for (let reads = 0; reads < STANDING_READS; reads += 1) {
    const found = await listHosts(context, caller, filter, { ...page, limit: page.limit - rows.length, after });
    rows.push(...found.rows.filter(isWanted));
    after = found.next;
    if (after === undefined || rows.length >= page.limit) break;
  }
  return { rows, next: after };
}

const listQuery = z.strictObject({
  ...pageFields,
  search: searchInput.optional(),
  state: z.enum([...HOST_STANDINGS, 'active', 'draining', 'degraded']).optional(),
  tag: z.string().min(1).max(64).optional(),
  ...sortFields(HOST_ORDERS, 'they go by name'),
});

export const HOST_LIST_ENDPOINT: ApiEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts',
  scope: 'read',
  summary:
    'Lists hosts, by name unless another order is asked for; a page may hold fewer rows than asked for while `meta.next` is there.',
  tag: 'hosts',
  query: listQuery,
  reply: listOf(hostShape),
  async handle(context, caller, { query }) {
    const { state, search, tag } = query;
    const page = toSortedRequest(query);
    const freshSince = context.clock.now() - WIRE.offlineAfterMs;
    if (state === 'online' || state === 'offline') {
      const filter: HostFilter = { search, tag, state: 'active', seenSince: state === 'online' ? freshSince : undefined };
      const isWanted = (host: HostView) => host.standing === state;
      return toPageReply(await listActiveByStanding(context, caller, filter, isWanted, page), toHostShape);
    }
    if (state === 'degraded') {
      const filter: HostFilter = { search, tag, state: 'active', seenSince: freshSince, ailing: true };
      const isWanted = (host: HostView) => host.condition === state;
      return toPageReply(await listActiveByStanding(context, caller, filter, isWanted, page), toHostShape);
    }
    if (state === 'draining') {
      const filter: HostFilter = { search, tag, state: 'active', drainedAt: context.clock.now() };
      return toPageReply(await listHosts(context, caller, filter, page), toHostShape);
    }
    return toPageReply(await listHosts(context, caller, { search, tag, state }, page), toHostShape);
  },
});
