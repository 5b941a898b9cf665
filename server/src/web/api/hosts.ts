/** End-points about hosts and the ways in which they join. */
import { drainMinutesSchema } from '@holdfast/shared/domain/drain.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, SECRETS_MODES } from '@holdfast/shared/domain/plan.ts';
import { DRAIN, WIRE } from '@holdfast/shared/limits.ts';
import { AGENT_FRAMES, hostFactsSchema, toolReportSchema } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import type { Caller } from '../../core/caller.ts';
import { countUnfinishedRuns, drainHost, resumeHost } from '../../core/host-drain.ts';
import {
  chooseAgent,
  getHost,
  HOST_STANDINGS,
  type HostStanding,
  type HostView,
  listClaimants,
  listHostHappenings,
  listHosts,
  revokeHost,
  rotateHostToken,
  SKEW_LEVELS,
  updateHost,
} from '../../core/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { HostFilter } from '../../store/hosts.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import type { HostHappening } from '../../store/trail.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  tagsInput,
  tagsShape,
  toPageReply,
  toPageRequest,
} from './shapes.ts';

const HAPPENINGS_MAX = 200;
/** Store reads one request may cost while it looks for hosts of one standing. */
const STANDING_READS = 100;

export const secretsModeShape = z.enum(SECRETS_MODES).meta({
  description:
    '`kept`: sealed on the host, which backs up without this server. `just_in_time`: in its memory only; no backup runs while this server is away',
});

const drainShape = z.strictObject({
  since: instantSchema,
  until: instantSchema.meta({ description: 'It ends by itself then' }),
  by: z.string().meta({ description: 'Who ordered it' }),
});

export const hostShape = nameShape(
  'Host',
  z.strictObject({
    id: idSchema('host'),
    name: z.string(),
    standing: z.enum(HOST_STANDINGS).meta({ description: 'What the host is to a reader: connected or not, or taken out' }),
    tags: tagsShape,
    fingerprint: z.string(),
    facts: hostFactsSchema.optional(),
    tools: listOf(toolReportSchema),
    createdAt: instantSchema,
    lastSeenAt: instantSchema.optional(),
    skewMs: z.int().optional().meta({ description: 'Clock of the host minus clock of the server' }),
    skewLevel: z.enum(SKEW_LEVELS).optional().meta({ description: '`warn` beyond 5 seconds, `alert` beyond a minute' }),
    specVersion: z.int().meta({ description: 'Version of the desired state' }),
    acknowledgedSpecVersion: z.int().meta({ description: 'Version the host works by' }),
    drift: z.boolean(),
    concurrency: z.int().meta({ description: 'Runs at the same time' }),
    drain: drainShape.optional().meta({ description: 'While the host takes no new runs' }),
    secretsMode: secretsModeShape,
  }),
);
export type HostShape = z.infer<typeof hostShape>;

export function toHostShape(host: HostView): HostShape {
  const { id, name, standing, tags, fingerprint, facts, tools, createdAt, lastSeenAt, skewMs, drift, concurrency } = host;
  const { specVersion, acknowledgedSpecVersion, skewLevel, secretsMode, drain } = host;
  return {
    id,
    name,
    standing,
    tags,
    fingerprint,
    facts,
    tools,
    createdAt,
    lastSeenAt,
    skewMs,
    skewLevel,
    specVersion,
    acknowledgedSpecVersion,
    drift,
    concurrency,
    drain,
    secretsMode,
  };
}

const claimantShape = nameShape(
  'HostClaimant',
  z.strictObject({
    boot: z.string().meta({ description: 'Made anew at each start of an agent; names it in `choose-agent`' }),
    address: z.string().optional(),
    hostname: z.string(),
    agentVersion: z.string(),
    bootedAt: instantSchema,
    firstSeenAt: instantSchema,
    lastSeenAt: instantSchema,
  }),
);

const unfinishedShape = z
  .strictObject({
    active: z.int().meta({ description: 'Under way: stopping the agent now would cut them off' }),
    waiting: z.int().meta({ description: 'Waiting; they outlive a restart of the agent' }),
    isMore: z.boolean().meta({ description: 'There are more than were counted' }),
  })
  .meta({ description: 'Runs that have not ended, as far as the host has told' });

const hostDetailShape = nameShape(
  'HostDetail',
  hostShape.extend({
    claimants: listOf(claimantShape).meta({
      description: 'Of a quarantined host: the agents seen with its identity, the one seen last first',
    }),
    unfinished: unfinishedShape,
    heartbeat: AGENT_FRAMES.heartbeat.extend({ at: instantSchema }).optional().meta({ description: 'Only while it is online' }),
  }),
);

const happeningShape = nameShape(
  'HostHappening',
  z.strictObject({
    at: instantSchema,
    type: z.string(),
    level: z.enum(['info', 'warn', 'error']),
    text: z.string(),
    run: idSchema('run').optional(),
  }),
);

function toHappeningShape({ at, type, level, text, run }: HostHappening): z.infer<typeof happeningShape> {
  return { at, type, level, text, run };
}

/** Standing is decided by the live connection, which no index knows: active hosts are read until the page is full. */
async function listActiveByStanding(
  context: CoreContext,
  caller: Caller,
  filter: HostFilter,
  standing: HostStanding,
  page: PageRequest,
): Promise<Page<HostView>> {
  const rows: HostView[] = [];
  let after = page.after;
  for (let reads = 0; reads < STANDING_READS; reads += 1) {
    const found = await listHosts(context, caller, filter, { limit: page.limit - rows.length, after });
    rows.push(...found.rows.filter((host) => host.standing === standing));
    after = found.next;
    if (after === undefined || rows.length >= page.limit) break;
  }
  return { rows, next: after };
}

const listQuery = z.strictObject({
  ...pageFields,
  search: searchInput.optional(),
  state: z.enum([...HOST_STANDINGS, 'active', 'draining']).optional(),
  tag: z.string().min(1).max(64).optional(),
});

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts',
  scope: 'read',
  summary: 'Lists hosts by name; a page may hold fewer rows than asked for while `meta.next` is there.',
  tag: 'hosts',
  query: listQuery,
  reply: listOf(hostShape),
  async handle(context, caller, { query }) {
    const { state, search, tag } = query;
    const page = toPageRequest(query);
    if (state === 'online' || state === 'offline') {
      const seenSince = state === 'online' ? context.clock.now() - WIRE.offlineAfterMs : undefined;
      const filter: HostFilter = { search, tag, state: 'active', seenSince };
      return toPageReply(await listActiveByStanding(context, caller, filter, state, page), toHostShape);
    }
    if (state === 'draining') {
      const filter: HostFilter = { search, tag, state: 'active', drainedAt: context.clock.now() };
      return toPageReply(await listHosts(context, caller, filter, page), toHostShape);
    }
    return toPageReply(await listHosts(context, caller, { search, tag, state }, page), toHostShape);
  },
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/:id',
  scope: 'read',
  summary: 'One host with its facts, tools and last heartbeat.',
  tag: 'hosts',
  params: idParams('host'),
  reply: hostDetailShape,
  async handle(context, caller, { params }) {
    const host = await getHost(context, caller, params.id);
    const heartbeat = host.standing === 'online' ? context.directory.findHeartbeat(host.id) : undefined;
    const claimants = [...(await listClaimants(context, caller, host.id))];
    const unfinished = await countUnfinishedRuns(context, caller, host.id);
    return { data: { ...toHostShape(host), claimants, unfinished, heartbeat } };
  },
});

const patchEndpoint = defineEndpoint({
  method: 'patch',
  path: '/hosts/:id',
  scope: 'admin',
  summary: 'Changes the name, the tags, how many runs a host carries out at the same time, or whether it keeps its secrets.',
  tag: 'hosts',
  params: idParams('host'),
  body: z.strictObject({
    name: nameSchema.optional(),
    tags: tagsInput.optional(),
    concurrency: z.int().min(1).max(32).optional(),
    secretsMode: secretsModeShape.optional(),
  }),
  reply: hostShape,
  handle: async (context, caller, { params, body }) => ({
    data: toHostShape(await updateHost(context, caller, params.id, body)),
  }),
});

const drainEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/:id/drain',
  scope: 'admin',
  summary:
    'Drains a host: it takes no new runs until then, what runs ends, fires and orders wait. Asked again, it gets a new end.',
  tag: 'hosts',
  params: idParams('host'),
  body: z.strictObject({ minutes: drainMinutesSchema.default(DRAIN.minutes).meta({ description: 'From now' }) }),
  reply: hostShape,
  handle: async (context, caller, { params, body }) => ({
    data: toHostShape(await drainHost(context, caller, params.id, body.minutes)),
  }),
});

const resumeEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/:id/resume',
  scope: 'admin',
  summary: 'Ends the drain of a host: what waits begins. A host that is not drained stays as it is.',
  tag: 'hosts',
  params: idParams('host'),
  reply: hostShape,
  handle: async (context, caller, { params }) => ({ data: toHostShape(await resumeHost(context, caller, params.id)) }),
});

const revokeEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/:id/revoke',
  scope: 'admin',
  summary: 'Ends the access of a host at once; its history stays, its repositories are not touched.',
  tag: 'hosts',
  params: idParams('host'),
  reply: hostShape,
  async handle(context, caller, { params }) {
    await revokeHost(context, caller, params.id);
    return { data: toHostShape(await getHost(context, caller, params.id)) };
  },
});

const rotateEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/:id/rotate-token',
  scope: 'admin',
  summary: 'Gives an online host a new token; the old one works until the new one was used once.',
  tag: 'hosts',
  params: idParams('host'),
  reply: hostShape,
  async handle(context, caller, { params }) {
    await rotateHostToken(context, caller, params.id);
    return { data: toHostShape(await getHost(context, caller, params.id)) };
  },
});

const chooseAgentEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/:id/choose-agent',
  scope: 'admin',
  summary: 'Ends a quarantine in favour of one of the agents seen; it is let in when it dials next, every copy is locked out.',
  tag: 'hosts',
  params: idParams('host'),
  body: z.strictObject({ boot: z.string().min(8).max(64) }),
  reply: hostShape,
  async handle(context, caller, { params, body }) {
    await chooseAgent(context, caller, params.id, body.boot);
    return { data: toHostShape(await getHost(context, caller, params.id)) };
  },
});

const happeningsEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/:id/happenings',
  scope: 'read',
  summary: 'What happened to a host, newest first: connections, notices, reconciliations.',
  tag: 'hosts',
  params: idParams('host'),
  query: z.strictObject({ limit: z.coerce.number().int().min(1).max(HAPPENINGS_MAX).default(50) }),
  reply: listOf(happeningShape),
  handle: async (context, caller, { params, query }) => ({
    data: (await listHostHappenings(context, caller, params.id, query.limit)).map(toHappeningShape),
  }),
});

export const HOST_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  getEndpoint,
  patchEndpoint,
  drainEndpoint,
  resumeEndpoint,
  revokeEndpoint,
  rotateEndpoint,
  chooseAgentEndpoint,
  happeningsEndpoint,
];
