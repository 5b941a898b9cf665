/** Channels: the ways on which people and programs outside hear of alerts, and of this server being alive. */
import type { AlertId, ChannelId, DeliveryId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS } from '@holdfast/shared/limits.ts';
import type { ChannelKind } from '../../notify/channel.ts';
import type { Channel, Delivery, DeliveryAttempt } from '../../store/channels.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import { type AdapterInput, parseAdapterInput } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets, encryptSecrets, type SecretRow } from '../secrets.ts';
import { OF_NOW } from './message.ts';
import {
  checkSubscription,
  EVERY_ALERT,
  omitSubscription,
  readSubscription,
  SUBSCRIPTION,
  type Subscription,
} from './subscription.ts';

/** Where a channel leads, in public: kept beside its fields, because the address itself may hold a token. */
const WHERE = 'where';

export type ChannelKinds = readonly ChannelKind[];

export interface ChannelInput extends AdapterInput {
  name: string;
  kind: string;
  enabled?: boolean | undefined;
  /** Every alert and nothing else, if left out. */
  subscription?: Subscription | undefined;
}

export interface ChannelChange {
  name?: string | undefined;
  enabled?: boolean | undefined;
  config?: AdapterInput['config'] | undefined;
  /** What is empty or left out stays. */
  secrets?: AdapterInput['secrets'] | undefined;
  /** Replaced whole. */
  subscription?: Subscription | undefined;
}

/** Throws `invalid` for a kind there is none of. */
export function getChannelKind(kinds: ChannelKinds, kind: string): ChannelKind {
  const found = kinds.find((one) => one.kind === kind);
  if (!found) throw new AppError('invalid', `there is no channel of the kind "${kind}"`, { details: { field: 'kind' } });
  return found;
}

/** The public host it leads to. */
export function whereOf(channel: Channel): string {
  return String(channel.config[WHERE] ?? '');
}

/** Its fields without what is kept beside them. */
export function fieldsOf({ config }: Channel): Channel['config'] {
  const { [WHERE]: _where, ...fields } = omitSubscription(config);
  return fields;
}

/** What is stored as its config: its fields, and what is kept beside them. */
function toStored(fields: Channel['config'], where: string, subscription: Subscription): Channel['config'] {
  return { ...fields, [WHERE]: where, [SUBSCRIPTION]: JSON.stringify(checkSubscription(subscription)) };
}

function rowOf(channel: Pick<Channel, 'id' | 'tenant'>): SecretRow {
  return { tenant: channel.tenant, table: 'channels', row: channel.id };
}

/** Everything a channel needs to send; never for pages. */
export function openChannel(context: CoreContext, channel: Channel) {
  return { config: fieldsOf(channel), secrets: decryptSecrets(context, rowOf(channel), channel.secrets) };
}

export async function listChannels(context: CoreContext, caller: Caller): Promise<readonly Channel[]> {
  demand(caller, 'view');
  return context.store.channels.listChannels(caller.tenant);
}

export async function getChannel(context: CoreContext, caller: Caller, id: ChannelId): Promise<Channel> {
  demand(caller, 'view');
  const channel = await context.store.channels.findChannel(caller.tenant, id);
  if (!channel) throw new AppError('not_found', 'there is no such channel');
  return channel;
}

function publish({ bus }: CoreContext, { tenant }: Caller): void {
  bus.publish(tenant, { kind: 'refresh', topic: TOPICS.channels });
}

function describe(channel: Channel): Record<string, unknown> {
  const { name, kind, enabled } = channel;
  return { name, kind, enabled, config: fieldsOf(channel), where: whereOf(channel), subscription: readSubscription(channel) };
}

/** Throws `invalid` naming the field at fault, and `limit` above `COUNTS.channels`. */
export async function createChannel(
  context: CoreContext,
  caller: Caller,
  kinds: ChannelKinds,
  input: ChannelInput,
): Promise<Channel> {
  demand(caller, 'channel.manage');
  const kind = getChannelKind(kinds, input.kind);
  const name = checkName(input.name);
  const { config, secrets } = parseAdapterInput(kind.fields, input);
  const where = kind.check(config, secrets);
  if ((await context.store.channels.listChannels(caller.tenant)).length >= COUNTS.channels)
    throw new AppError('limit', `there may be ${COUNTS.channels} channels`, { retry: 'after_change' });
  const id = context.createId('channel');
  const now = context.clock.now();
  const channel: Channel = {
    id,
    tenant: caller.tenant,
    name,
    kind: kind.kind,
    config: toStored(config, where, input.subscription ?? EVERY_ALERT),
    secrets: encryptSecrets(context, rowOf({ id, tenant: caller.tenant }), secrets, {}),
    enabled: input.enabled ?? true,
    version: 1,
    createdAt: now,
    updatedAt: now,
    failures: 0,
  };
  await context.store.channels.insertChannel(channel);
  await recordAct(context, caller, {
    action: 'channel.created',
    target: { kind: 'channel', id, name },
    change: describe(channel),
  });
  publish(context, caller);
  return channel;
}

/** Changes a channel; its kind stays. What it was heard to do stays as well, until the next attempt. */
export async function updateChannel(
  context: CoreContext,
  caller: Caller,
  kinds: ChannelKinds,
  id: ChannelId,
  change: ChannelChange,
  expectedVersion?: number,
): Promise<Channel> {
  demand(caller, 'channel.manage');
  const before = await getChannel(context, caller, id);
  const kind = getChannelKind(kinds, before.kind);
  const opened = openChannel(context, before);
  const input = { config: change.config ?? opened.config, secrets: change.secrets ?? {} };
  const { config, secrets } = parseAdapterInput(kind.fields, input, Object.keys(before.secrets));
  const where = kind.check(config, { ...opened.secrets, ...secrets });
  const after: Channel = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    enabled: change.enabled ?? before.enabled,
    config: toStored(config, where, change.subscription ?? readSubscription(before)),
    secrets: encryptSecrets(context, rowOf(before), secrets, before.secrets),
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  await context.store.channels.updateChannel(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'channel.updated',
    target: { kind: 'channel', id, name: after.name },
    change: { before: describe(before), after: describe(after), secretsChanged: Object.keys(secrets) },
  });
  publish(context, caller);
  return after;
}

/** Takes a channel off with the messages that wait for it. */
export async function deleteChannel(context: CoreContext, caller: Caller, id: ChannelId): Promise<void> {
  demand(caller, 'channel.manage');
  const channel = await getChannel(context, caller, id);
  await context.store.channels.deleteChannel(caller.tenant, id);
  await recordAct(context, caller, {
    action: 'channel.deleted',
    target: { kind: 'channel', id, name: channel.name },
    change: describe(channel),
  });
  publish(context, caller);
}

/** What a channel was, or is to be, told; newest first. */
export async function listDeliveries(
  context: CoreContext,
  caller: Caller,
  filter: { channel?: ChannelId | undefined; alert?: AlertId | undefined },
  page: PageRequest,
): Promise<Page<Delivery>> {
  demand(caller, 'view');
  return context.store.channels.listDeliveries(caller.tenant, filter, page);
}

/** Messages that were given up and that nobody has seen to yet, among the channel's newest `OUTGOING.lookedBack`. */
export async function countUndelivered(context: CoreContext, caller: Caller, id: ChannelId): Promise<number> {
  demand(caller, 'view');
  return context.store.channels.countUndelivered(caller.tenant, id, OF_NOW);
}

/** Dismisses what was not delivered, or sends it again: once, for what is older than a day. Returns how many messages. */
export async function settleUndelivered(
  context: CoreContext,
  caller: Caller,
  id: ChannelId,
  act: 'dismiss' | 'resend',
): Promise<number> {
  demand(caller, 'channel.manage');
  const { name } = await getChannel(context, caller, id);
  const state = act === 'dismiss' ? 'dismissed' : 'waiting';
  const at = context.clock.now();
  const messages = await context.store.channels.settleUndelivered(caller.tenant, id, OF_NOW, { state, at });
  if (messages === 0) return 0;
  const action = act === 'dismiss' ? 'channel.dismissed' : 'channel.resent';
  await recordAct(context, caller, { action, target: { kind: 'channel', id, name }, change: { messages } });
  publish(context, caller);
  return messages;
}

/** A message to a channel with each attempt at it, oldest first. */
export async function getDelivery(
  context: CoreContext,
  caller: Caller,
  id: DeliveryId,
): Promise<{ delivery: Delivery; attempts: readonly DeliveryAttempt[] }> {
  demand(caller, 'view');
  const { channels } = context.store;
  const delivery = await channels.findDelivery(caller.tenant, id);
  if (delivery === undefined) throw new AppError('not_found', 'there is no such message; messages are kept for 30 days');
  return { delivery, attempts: await channels.listAttempts(caller.tenant, id) };
}
