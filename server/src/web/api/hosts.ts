/** End-points about hosts and the ways in which they join. */
import { drainMinutesSchema } from '@holdfast/shared/domain/drain.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, runLimitsSchema } from '@holdfast/shared/domain/plan.ts';
import { DRAIN } from '@holdfast/shared/limits.ts';
import { AGENT_FRAMES } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { countUnfinishedRuns, drainHost, resumeHost } from '../../core/hosts/host-drain.ts';
import { findHostVersion } from '../../core/hosts/host-version.ts';
import {
  chooseAgent,
  getHost,
  listClaimants,
  pageHostHappenings,
  revokeHost,
  rotateHostToken,
  updateHost,
} from '../../core/hosts/hosts.ts';
import type { HostHappening } from '../../store/trail.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { HOST_LIST_ENDPOINT } from './host-list.ts';
import { hostShape, secretsModeShape, toHostShape } from './shapes/host-shape.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  tagsInput,
  toPageReply,
  toPageRequest,
} from './shapes/shapes.ts';

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

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/:id',
  versioned: true,
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
    return { data: { ...toHostShape(host), claimants, unfinished, heartbeat }, version: findHostVersion(host) };
  },
});

const patchEndpoint = defineEndpoint({
  method: 'patch',
  path: '/hosts/:id',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary:
    'Changes the name, the tags, how many runs a host carries out at the same time, what each of them may take, or whether it keeps its secrets.',
  tag: 'hosts',
  params: idParams('host'),
  body: z.strictObject({
    name: nameSchema.optional(),
    tags: tagsInput.optional(),
    concurrency: z.int().min(1).max(32).optional(),
    limits: runLimitsSchema.optional().meta({ description: 'In place of all that there were; `{}` takes them away' }),
    secretsMode: secretsModeShape.optional(),
  }),
  reply: hostShape,
  async handle(context, caller, { params, body, facts }) {
    const host = await updateHost(context, caller, params.id, body, facts.ifMatch);
    return { data: toHostShape(host), version: findHostVersion(host) };
  },
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
  query: z.strictObject({ ...pageFields }),
  reply: listOf(happeningShape),
  handle: async (context, caller, { params, query }) =>
    toPageReply(await pageHostHappenings(context, caller, params.id, toPageRequest(query)), toHappeningShape),
});

export const HOST_ENDPOINTS: readonly ApiEndpoint[] = [
  HOST_LIST_ENDPOINT,
  getEndpoint,
  patchEndpoint,
  drainEndpoint,
  resumeEndpoint,
  revokeEndpoint,
  rotateEndpoint,
  chooseAgentEndpoint,
  happeningsEndpoint,
];
