/** End-points around channels: the kinds there are, one message with its attempts, and when digests are told. */
import * as z from 'zod';
import { getDelivery } from '../../core/alerts/channels.ts';
import {
  type DigestSettings,
  digestSettingsSchema,
  findDigestVersion,
  getDigestSettings,
  updateDigestSettings,
} from '../../core/alerts/digest-settings.ts';
import { MESSAGE_TYPES } from '../../core/alerts/message.ts';
import { demand } from '../../core/caller.ts';
import type { ChannelDoor } from '../../notify/channel.ts';
import { type ApiEndpoint, type ApiReply, defineEndpoint } from '../http/route.ts';
import { adapterFields, toFieldShape } from './adapters.ts';
import { deliveryShape, toDeliveryShape } from './channels.ts';
import { idParams, instantSchema, listOf, nameShape } from './shapes/shapes.ts';

const kindShape = nameShape(
  'ChannelKind',
  z.strictObject({
    ...adapterFields,
    hears: listOf(z.enum(MESSAGE_TYPES)).meta({ description: 'Messages it has a form for; its subscription chooses among them' }),
  }),
);

const attemptShape = nameShape(
  'DeliveryAttempt',
  z.strictObject({
    at: instantSchema,
    tookMs: z.int().min(0),
    ok: z.boolean(),
    text: z.string().meta({ description: 'What came back, or why nothing did' }),
  }),
);

const digestShape = nameShape('DigestSettings', digestSettingsSchema);

function toDigestReply(settings: DigestSettings): ApiReply<DigestSettings> {
  return { data: settings, version: findDigestVersion(settings) };
}

const { zone, hour, weekday } = digestSettingsSchema.shape;

const messageEndpoint = defineEndpoint({
  method: 'get',
  path: '/deliveries/:id',
  scope: 'read',
  summary: 'One message to a channel with each attempt at it, oldest first.',
  tag: 'channels',
  params: idParams('delivery'),
  reply: nameShape('DeliveryWithAttempts', z.strictObject({ delivery: deliveryShape, attemptLog: listOf(attemptShape) })),
  async handle(context, caller, { params }) {
    const { delivery, attempts } = await getDelivery(context, caller, params.id);
    return {
      data: {
        delivery: toDeliveryShape(delivery),
        attemptLog: attempts.map(({ at, tookMs, ok, text }) => ({ at, tookMs, ok, text })),
      },
    };
  },
});

const digestEndpoint = defineEndpoint({
  method: 'get',
  path: '/digest-settings',
  versioned: true,
  scope: 'read',
  summary: 'When digests are told.',
  tag: 'channels',
  reply: digestShape,
  handle: async (context, caller) => toDigestReply(await getDigestSettings(context, caller)),
});

const changeDigestEndpoint = defineEndpoint({
  method: 'patch',
  path: '/digest-settings',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Changes when digests are told.',
  tag: 'channels',
  body: z.strictObject({
    zone: zone.unwrap().optional(),
    hour: hour.unwrap().optional(),
    weekday: weekday.unwrap().optional(),
  }),
  reply: digestShape,
  async handle(context, caller, { body, facts }) {
    const change = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
    return toDigestReply(await updateDigestSettings(context, caller, change, facts.ifMatch));
  },
});

export function createChannelKindEndpoints({ kinds }: ChannelDoor): readonly ApiEndpoint[] {
  return [
    defineEndpoint({
      method: 'get',
      path: '/channel-kinds',
      scope: 'read',
      summary: 'The kinds of channels with their fields.',
      tag: 'channels',
      reply: nameShape('ChannelKinds', z.strictObject({ kinds: listOf(kindShape) })),
      async handle(_context, caller) {
        demand(caller, 'view');
        return {
          data: {
            kinds: kinds.map(({ kind, label, summary, fields, hears }) => ({
              kind,
              label,
              summary,
              hears,
              fields: fields.map(toFieldShape),
            })),
          },
        };
      },
    }),
    messageEndpoint,
    digestEndpoint,
    changeDigestEndpoint,
  ];
}
