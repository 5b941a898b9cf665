/** The list of hosts. */

import { HOST_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import { filterByStanding, LISTED_STANDINGS, listHosts } from '../../core/hosts/hosts.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { hostShape, toHostShape } from './shapes/host-shape.ts';
import { listOf, pageFields, searchInput, sortFields, toPageReply, toSortedRequest } from './shapes/shapes.ts';

const listQuery = z.strictObject({
  ...pageFields,
  search: searchInput.optional(),
  state: z.enum(LISTED_STANDINGS).optional(),
  tag: z.string().min(1).max(64).optional(),
  ...sortFields(HOST_ORDERS, 'they go by name'),
});

export const HOST_LIST_ENDPOINT: ApiEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts',
  scope: 'read',
  summary: 'Lists hosts, by name unless another order is asked for.',
  tag: 'hosts',
  query: listQuery,
  reply: listOf(hostShape),
  async handle(context, caller, { query }) {
    const { state, search, tag } = query;
    const filter = { search, tag, ...filterByStanding(context, state) };
    return toPageReply(await listHosts(context, caller, filter, toSortedRequest(query)), toHostShape);
  },
});
