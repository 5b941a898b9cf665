/** `/settings/channels`: who hears of alerts, and from when on something is one; `/settings/channels/:channel`: one with its messages. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import {
  countUndelivered,
  deleteChannel,
  fieldsOf,
  getChannel,
  getChannelKind,
  listChannels,
  listDeliveries,
  settleUndelivered,
  updateChannel,
  whereOf,
} from '../../../core/alerts/channels.ts';
import { messageSchema } from '../../../core/alerts/message.ts';
import { readSubscription } from '../../../core/alerts/subscription.ts';
import { getThresholds, thresholdsSchema, updateThresholds } from '../../../core/alerts/thresholds.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ChannelDoor } from '../../../notify/channel.ts';
import type { Channel, Delivery } from '../../../store/channels.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { describeConfig } from '../forms/adapter-form.ts';
import { type FormProblem, isShown, NO_PROBLEM, toSchemaProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { CHANNEL_PART, type ChannelPageView, channelPage, channelPart } from './channel-page.view.ts';
import { describeSubscription } from './channel-subscription.ts';
import { CHANNELS_PART, type ChannelsView, channelsPage, channelsTable, type ThresholdsView } from './channels.view.ts';
import type { DeliveryLine } from './deliveries.view.ts';
import { postDigest, readDigestView } from './digest-form.ts';

/** What a message says, in a sentence. */
function findText(delivery: Delivery): string {
  try {
    return messageSchema.parse(JSON.parse(delivery.body)).text;
  } catch {
    return delivery.kind;
  }
}

/** A message on the page of its channel or of its alert. */
export function toDeliveryLine(delivery: Delivery, channel: string, { urls }: Pick<Visit, 'urls'>): DeliveryLine {
  const { id, state, createdAt, dueAt, attempts, outcome } = delivery;
  return {
    ...{ id, state, createdAt, dueAt, attempts, outcome },
    text: findText(delivery),
    href: urls.delivery({ channel: delivery.channel, delivery: id }),
    channel: { name: channel, href: urls.channel({ channel: delivery.channel }) },
  };
}

function describeChannels(channels: readonly Channel[]): string {
  const on = channels.filter(({ enabled }) => enabled);
  const failing = on.filter(({ failures }) => failures > 0).length;
  if (on.length === 0) return 'Nobody is told of alerts.';
  if (failing > 0) return `${formatNoun(failing, 'channel')} of ${on.length} ${failing === 1 ? 'does' : 'do'} not deliver.`;
  return on.length === 1 ? 'One channel is on.' : `${on.length} channels are on.`;
}

async function readThresholdsView(context: CoreContext, visit: Visit, problem: FormProblem): Promise<ThresholdsView> {
  const { caller, form, urls } = visit;
  const stored = await getThresholds(context, caller);
  const isRefused = Object.keys(problem.fields).length > 0;
  const shown = (name: keyof typeof stored) => (isRefused ? readText(form, name) : String(stored[name]));
  return {
    action: isAllowed(caller, 'channel.manage') ? urls.setThresholds() : undefined,
    values: {
      failuresInARow: shown('failuresInARow'),
      silentMinutes: shown('silentMinutes'),
      hostDiskGib: shown('hostDiskGib'),
      serverDiskGib: shown('serverDiskGib'),
      certificateDays: shown('certificateDays'),
    },
    errors: problem.fields,
  };
}

async function replyChannels(
  context: CoreContext,
  visit: Visit,
  { kinds }: ChannelDoor,
  problem: FormProblem = NO_PROBLEM,
  digestProblem?: FormProblem,
): Promise<PageReply> {
  const { caller, urls } = visit;
  const channels = await listChannels(context, caller);
  const undelivered = await Promise.all(channels.map(({ id }) => countUndelivered(context, caller, id)));
  const view: ChannelsView = {
    face: readClockface(context, visit),
    here: urls.channels(),
    heading: describeChannels(channels),
    alertsHref: urls.alerts(),
    addHref: isAllowed(caller, 'channel.manage') ? urls.addChannel() : undefined,
    rows: channels.map((channel, index) => ({
      id: channel.id,
      name: channel.name,
      href: urls.channel({ channel: channel.id }),
      kind: kinds.find(({ kind }) => kind === channel.kind)?.label ?? channel.kind,
      where: whereOf(channel),
      state: stateOf(channel),
      failure: channel.failure,
      undelivered: undelivered[index] ?? 0,
      workedAt: channel.workedAt,
    })),
    thresholds: await readThresholdsView(context, visit, problem),
    digest: await readDigestView(context, visit, digestProblem),
  };
  if (wantsPart(visit, CHANNELS_PART)) return { kind: 'page', html: channelsTable(view) };
  const status = problem === NO_PROBLEM && digestProblem === undefined ? 200 : 422;
  return { kind: 'page', status, html: channelsPage(await buildShell(context, visit, 'channels'), view) };
}

function stateOf({ enabled, failures, workedAt }: Channel): 'off' | 'failing' | 'works' | 'untried' {
  if (!enabled) return 'off';
  if (failures > 0) return 'failing';
  return workedAt === undefined ? 'untried' : 'works';
}

const numberText = z
  .string()
  .trim()
  .transform((text) => (text === '' ? Number.NaN : Number(text)));

async function postThresholds(context: CoreContext, visit: Visit, door: ChannelDoor): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const { failuresInARow, silentMinutes, hostDiskGib, serverDiskGib, certificateDays } = thresholdsSchema.shape;
  const schema = z.object({
    failuresInARow: numberText.pipe(failuresInARow.unwrap()),
    silentMinutes: numberText.pipe(silentMinutes.unwrap()),
    hostDiskGib: numberText.pipe(hostDiskGib.unwrap()),
    serverDiskGib: numberText.pipe(serverDiskGib.unwrap()),
    certificateDays: numberText.pipe(certificateDays.unwrap()),
  });
  const names = Object.keys(schema.shape);
  const parsed = schema.safeParse(Object.fromEntries(names.map((name) => [name, readText(visit.form, name)])));
  if (!parsed.success) return replyChannels(context, visit, door, toSchemaProblem(parsed.error));
  await updateThresholds(context, visit.caller, parsed.data);
  const text = 'Saved. It holds from the next look on, within a minute.';
  return { kind: 'redirect', to: visit.urls.channels(), flash: { tone: 'good', text } };
}

function readChannel(context: CoreContext, visit: Visit): Promise<Channel> {
  return getChannel(context, visit.caller, getParam(visit, 'channel', idSchema('channel')));
}

async function showChannel(context: CoreContext, visit: Visit, { kinds }: ChannelDoor): Promise<PageReply> {
  const { caller, urls } = visit;
  const channel = await readChannel(context, visit);
  const { id, name, failure, failingSince, failures, workedAt, enabled } = channel;
  const kind = getChannelKind(kinds, channel.kind);
  const trail = readTrail(visit);
  const page = await listDeliveries(context, caller, { channel: id }, trail.request);
  const view: ChannelPageView = {
    face: readClockface(context, visit),
    here: visit.here,
    crumbs: [{ label: 'Channels', href: urls.channels() }, { label: name }],
    ...{ name, failure, failingSince, failures, workedAt },
    kind: kind.label,
    where: whereOf(channel),
    state: stateOf(channel),
    isOfLife: kind.everyMs !== undefined,
    undelivered: await countUndelivered(context, caller, id),
    facts: [
      ...describeConfig(kind.fields, fieldsOf(channel), Object.keys(channel.secrets)),
      ...(await describeSubscription(context, visit, kind.hears, readSubscription(channel))),
    ],
    messages: page.rows.map((delivery) => toDeliveryLine(delivery, name, visit)),
    ...linkPages(trail, page.next, (after) => urls.channel({ channel: id }, { after })),
    manage: isAllowed(caller, 'channel.manage')
      ? {
          testAction: urls.testChannel({ channel: id }),
          editHref: urls.editChannel({ channel: id }),
          switchAction: urls.switchChannel({ channel: id }),
          switchTo: !enabled,
          resendAction: urls.resendUndelivered({ channel: id }),
          dismissAction: urls.dismissUndelivered({ channel: id }),
          deleteAction: urls.deleteChannel({ channel: id }),
        }
      : undefined,
  };
  if (wantsPart(visit, CHANNEL_PART)) return { kind: 'page', html: channelPart(view) };
  return { kind: 'page', html: channelPage(await buildShell(context, visit, 'channels'), view) };
}

/** An act on a channel, answered by its page with what came of it. */
function createAct(act: (context: CoreContext, visit: Visit, channel: Channel) => Promise<string>): ScreenRoute['handle'] {
  return async (context, visit) => {
    demand(visit.caller, 'channel.manage');
    const channel = await readChannel(context, visit);
    const to = visit.urls.channel({ channel: channel.id });
    try {
      return { kind: 'redirect', to, flash: { tone: 'good', text: await act(context, visit, channel) } };
    } catch (thrown) {
      if (!isShown(thrown) && !isRefusal(thrown)) throw thrown;
      return { kind: 'redirect', to, flash: { tone: 'bad', text: `It did not work: ${thrown.message}.` } };
    }
  };
}

/** An address that must not be reached is for the person to mend. */
function isRefusal(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'forbidden';
}

async function remove(context: CoreContext, visit: Visit): Promise<PageReply> {
  const channel = await readChannel(context, visit);
  await deleteChannel(context, visit.caller, channel.id);
  const text = `The channel “${channel.name}” is deleted.`;
  return { kind: 'redirect', to: visit.urls.channels(), flash: { tone: 'good', text } };
}

export function createChannelScreens(door: ChannelDoor): readonly ScreenRoute[] {
  const { kinds, sendTest } = door;
  return [
    { method: 'get', path: PAGES.channels, handle: (context, visit) => replyChannels(context, visit, door) },
    { method: 'post', path: PAGES.setThresholds, handle: (context, visit) => postThresholds(context, visit, door) },
    {
      method: 'post',
      path: PAGES.setDigest,
      handle: (context, visit) =>
        postDigest(context, visit, (problem) => replyChannels(context, visit, door, NO_PROBLEM, problem)),
    },
    { method: 'get', path: PAGES.channel, handle: (context, visit) => showChannel(context, visit, door) },
    {
      method: 'post',
      path: PAGES.testChannel,
      handle: createAct(async (_context, _visit, channel) => `The test was taken: ${await sendTest(channel)}.`),
    },
    {
      method: 'post',
      path: PAGES.switchChannel,
      handle: createAct(async (context, visit, { id, name, enabled }) => {
        await updateChannel(context, visit.caller, kinds, id, { enabled: !enabled });
        return enabled ? `“${name}” is off: it is told of nothing.` : `“${name}” is on.`;
      }),
    },
    {
      method: 'post',
      path: PAGES.resendUndelivered,
      handle: createAct(async (context, visit, { id }) => {
        const messages = await settleUndelivered(context, visit.caller, id, 'resend');
        return messages === 0 ? 'Nothing is left to send again.' : `${formatNoun(messages, 'message')} will be sent again.`;
      }),
    },
    {
      method: 'post',
      path: PAGES.dismissUndelivered,
      handle: createAct(async (context, visit, { id }) => {
        const messages = await settleUndelivered(context, visit.caller, id, 'dismiss');
        return messages === 0 ? 'Nothing is left to dismiss.' : `${formatNoun(messages, 'message')} dismissed.`;
      }),
    },
    { method: 'post', path: PAGES.deleteChannel, handle: remove },
  ];
}
