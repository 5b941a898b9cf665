/** End-points of channels: the ways on which people and programs outside hear of alerts. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { configSchema, nameSchema } from '@holdfast/shared/domain/plan.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import {
  countUndelivered,
  createChannel,
  deleteChannel,
  fieldsOf,
  getChannel,
  listChannels,
  listDeliveries,
  settleUndelivered,
  updateChannel,
  whereOf,
} from '../../core/alerts/channels.ts';
import { readSubscription, subscriptionSchema } from '../../core/alerts/subscription.ts';
import { type Caller, demand } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { ChannelDoor } from '../../notify/channel.ts';
import type { Channel, Delivery } from '../../store/channels.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import {
  configShape,
  idParams,
  instantSchema,
  keyByName,
  listOf,
  nameShape,
  pageFields,
  secretsInput,
  secretsShape,
  toHeldPage,
  toPageReply,
  toPageRequest,
  toSecretsView,
  versionSchema,
} from './shapes/shapes.ts';

const subscriptionShape = nameShape('Subscription', subscriptionSchema);

const channelShape = nameShape(
  'Channel',
  z.strictObject({
    id: idSchema('channel'),
    name: z.string(),
    kind: z.string(),
    where: z.string().meta({ description: 'The host it leads to' }),
    config: configShape,
    secrets: secretsShape,
    enabled: z.boolean(),
    subscription: subscriptionShape.meta({ description: 'What it is told, of what its kind has a form for' }),
    failures: z.int().min(0).meta({ description: 'Attempts in a row that failed' }),
    failingSince: instantSchema.optional(),
    failure: z.string().optional().meta({ description: 'Why the last attempt failed' }),
    workedAt: instantSchema.optional(),
    triedAt: instantSchema.optional(),
    undelivered: z
      .int()
      .min(0)
      .meta({
        description: `Messages that were given up and neither sent again nor dismissed, among its newest ${OUTGOING.lookedBack}`,
      }),
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

/** As the store has it, with what it was to be told and was not. */
type Told = Channel & { undelivered: number };

async function readTold(context: CoreContext, caller: Caller, channel: Channel): Promise<Told> {
  return { ...channel, undelivered: await countUndelivered(context, caller, channel.id) };
}

function toChannelShape(channel: Told): z.infer<typeof channelShape> {
  const { tenant: _tenant, ...shown } = channel;
  return {
    ...shown,
    config: fieldsOf(channel),
    secrets: toSecretsView(channel.secrets),
    where: whereOf(channel),
    subscription: readSubscription(channel),
  };
}

export const deliveryShape = nameShape(
  'Delivery',
  z.strictObject({
    id: idSchema('delivery').meta({ description: 'The `webhook-id` of the message' }),
    channel: idSchema('channel'),
    alert: idSchema('alert').optional(),
    kind: z.string(),
    state: z.enum(['waiting', 'delivered', 'given_up', 'dismissed']),
    attempts: z.int().min(0),
    createdAt: instantSchema,
    dueAt: instantSchema.meta({ description: 'When it is tried next, or was tried last' }),
    settledAt: instantSchema.optional(),
    outcome: z.string().optional().meta({ description: 'What came back from the last attempt' }),
  }),
);

export function toDeliveryShape({
  tenant: _tenant,
  body: _body,
  topic: _topic,
  ...shown
}: Delivery): z.infer<typeof deliveryShape> {
  return shown;
}

const settledShape = nameShape('UndeliveredMessages', z.strictObject({ messages: z.int().min(0) }));

function defineUndelivered(act: 'resend' | 'dismiss', summary: string): ApiEndpoint {
  return defineEndpoint({
    method: 'post',
    path: `/channels/:id/undelivered/${act}`,
    scope: 'admin',
    summary,
    tag: 'channels',
    params: idParams('channel'),
    reply: settledShape,
    handle: async (context, caller, { params }) => ({
      data: { messages: await settleUndelivered(context, caller, params.id, act) },
    }),
  });
}

export function createChannelEndpoints({ kinds, sendTest }: ChannelDoor): readonly ApiEndpoint[] {
  const channels = describeCatalogKind('channel', 'channels', 'admin', channelShape, toChannelShape);
  return [
    defineEndpoint({
      method: 'get',
      path: '/channels',
      scope: 'read',
      summary: 'Lists channels by name.',
      tag: 'channels',
      query: z.strictObject({ ...pageFields }),
      reply: listOf(channelShape),
      async handle(context, caller, { query }) {
        const channels = await listChannels(context, caller);
        const told = await Promise.all(channels.map((channel) => readTold(context, caller, channel)));
        return toHeldPage(told, query, keyByName, toChannelShape);
      },
    }),
    channels.create(
      'Adds a channel.',
      z.strictObject({
        name: nameSchema,
        kind: z
          .string()
          .min(1)
          .max(32)
          .meta({ description: kinds.map(({ kind, summary }) => `\`${kind}\`: ${summary}`).join(' ') }),
        enabled: z.boolean().default(true),
        subscription: subscriptionShape.optional().meta({ description: 'Every alert and nothing else, if left out' }),
        config: configSchema.default({}),
        secrets: secretsInput.default({}),
      }),
      async (context, caller, input) => ({ ...(await createChannel(context, caller, kinds, input)), undelivered: 0 }),
    ),
    channels.get('One channel.', async (context, caller, id) => readTold(context, caller, await getChannel(context, caller, id))),
    channels.update(
      'Changes a channel.',
      z.strictObject({
        name: nameSchema.optional(),
        enabled: z.boolean().optional(),
        subscription: subscriptionShape.optional().meta({ description: 'Replaced whole' }),
        config: configSchema.optional(),
        secrets: secretsInput.optional(),
      }),
      async (context, caller, id, change, version) =>
        readTold(context, caller, await updateChannel(context, caller, kinds, id, change, version)),
    ),
    channels.delete('Deletes a channel with the messages that wait for it.', deleteChannel),
    defineEndpoint({
      method: 'post',
      path: '/channels/:id/test',
      scope: 'admin',
      summary: 'Sends a test message now and says what came back.',
      tag: 'channels',
      params: idParams('channel'),
      reply: nameShape('ChannelTest', z.strictObject({ outcome: z.string() })),
      async handle(context, caller, { params }) {
        demand(caller, 'channel.manage');
        return { data: { outcome: await sendTest(await getChannel(context, caller, params.id)) } };
      },
    }),
    defineUndelivered('resend', 'Sends again what was given up; what is older than a day is tried once.'),
    defineUndelivered('dismiss', 'What was given up counts no longer as undelivered.'),
    defineEndpoint({
      method: 'get',
      path: '/channels/:id/deliveries',
      scope: 'read',
      summary: 'What a channel was, or is to be, told; newest first.',
      tag: 'channels',
      params: idParams('channel'),
      query: z.strictObject({ ...pageFields }),
      reply: listOf(deliveryShape),
      async handle(context, caller, { params, query }) {
        await getChannel(context, caller, params.id);
        const page = await listDeliveries(context, caller, { channel: params.id }, toPageRequest(query));
        return toPageReply(page, toDeliveryShape);
      },
    }),
  ];
}
