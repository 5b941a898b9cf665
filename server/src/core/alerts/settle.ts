/** Brings alerts into step with their signs: judged one by one, each stored with its history and its messages at once. */
import { setImmediate as giveWay } from 'node:timers/promises';
import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { Alert, AlertSign, NewDelivery, Thing, UnsettledAlert } from '../../store/alerts.ts';
import type { Channel } from '../../store/channels.ts';
import { TOPICS } from '../bus.ts';
import type { CoreContext } from '../ports.ts';
import { chooseListeners } from './escalate.ts';
import { type AlertVerdict, type AlertWords, judgeAlert } from './judge.ts';
import { composeMessage } from './message.ts';
import type { Settling } from './settling.ts';
import { findConcern, isNarrowed, readSubscription, wantsAlert } from './subscription.ts';
import { shortenText } from './text.ts';

const ids = { repository: idSchema('repository'), plan: idSchema('plan'), host: idSchema('host') };

async function nameThing({ store }: CoreContext, tenant: TenantId, thing: Thing, signs: readonly AlertSign[]): Promise<string> {
  const [first] = signs;
  const own = first === undefined ? thing.id : first.name;
  switch (thing.kind) {
    case 'server':
      return 'this server';
    case 'fleet':
      return 'the fleet';
    case 'repository':
      return (await store.repositories.findRepository(tenant, ids.repository.parse(thing.id)))?.name ?? 'a deleted repository';
    case 'plan':
      return (await store.plans.findPlan(tenant, ids.plan.parse(thing.id)))?.name ?? 'a deleted plan';
    case 'host':
      return (await store.hosts.findHost(tenant, ids.host.parse(thing.id)))?.name ?? 'a deleted host';
    case 'source':
    case 'channel':
      return own;
  }
}

async function findWords({ context, tenant }: Settling, group: UnsettledAlert): Promise<AlertWords | undefined> {
  if (group.members === 0) return undefined;
  const signs = await context.store.alerts.listSignsOf(tenant, group.condition, group.thing, ALERTS.namedMembers);
  const [first] = signs;
  if (first === undefined) return undefined;
  const goods = signs.map((sign) => sign.lastGoodAt).filter((at) => at !== undefined);
  return {
    thingName: shortenText(await nameThing(context, tenant, group.thing, signs), 200),
    text: first.text,
    named: signs.map((sign) => shortenText(sign.name, 200)),
    run: signs.find((sign) => sign.run !== undefined)?.run,
    lastGoodAt: goods.length === 0 ? undefined : Math.min(...goods),
  };
}

/** The channels that are told: those that are on and are to hear this news; a channel is never told of its own failure. */
async function listListeners(
  settling: Settling,
  channels: readonly Channel[],
  news: { alert: Alert; tells: NonNullable<AlertVerdict['tells']> },
): Promise<readonly Channel[]> {
  const { context, listensToAlerts } = settling;
  const { alert } = news;
  const able = channels
    .filter(({ id, kind, enabled }) => enabled && listensToAlerts(kind) && alert.thing.id !== id)
    .map((channel) => ({ channel, subscription: readSubscription(channel) }));
  const concern = able.some(({ subscription }) => isNarrowed(subscription)) ? await findConcern(context, alert) : undefined;
  const listeners = await chooseListeners(settling, news, able, {
    idOf: ({ channel }) => channel.id,
    wants: ({ subscription }) => wantsAlert(subscription, alert, concern),
  });
  return listeners.map(({ channel }) => channel);
}

async function writeMessages(settling: Settling, verdict: AlertVerdict, channels: readonly Channel[]): Promise<NewDelivery[]> {
  const { context, linkAlert } = settling;
  const { alert, tells, event } = verdict;
  if (tells === undefined) return [];
  const listeners = await listListeners(settling, channels, { alert, tells });
  if (listeners.length === 0) return [];
  const message = await composeMessage(context, alert, { tells, at: event?.at ?? context.clock.now(), link: linkAlert(alert) });
  const body = JSON.stringify(message);
  // The version the row has after this step: each step has its own, so that no two messages share a topic.
  const topic = `${alert.id} ${tells} ${verdict.isNew ? alert.version : alert.version + 1}`;
  return listeners.map(({ id: channel }) => ({
    id: context.createId('delivery'),
    channel,
    alert: alert.id,
    topic,
    kind: message.type,
    body,
  }));
}

async function settleOne(settling: Settling, group: UnsettledAlert, channels: readonly Channel[]): Promise<boolean> {
  const { context, tenant } = settling;
  const { store, clock, log } = context;
  const now = clock.now();
  const words = await findWords(settling, group);
  const past =
    group.alert === undefined && words !== undefined
      ? await store.alerts.findPast(tenant, group.condition, group.thing, now - ALERTS.returnMs)
      : undefined;
  const verdict = judgeAlert({ now, tenant, group, words, past, createId: () => context.createId('alert') });
  if (verdict === undefined) return false;
  const deliveries = await writeMessages(settling, verdict, channels);
  try {
    await store.alerts.applyStep({ ...verdict, deliveries, at: now });
  } catch (thrown) {
    // A person acted on it at this very moment: it is judged anew.
    if (thrown instanceof AppError && thrown.code === 'conflict') return false;
    throw thrown;
  }
  const { alert, tells } = verdict;
  if (tells !== undefined)
    log.warn(
      { alert: alert.id, condition: alert.condition, thing: alert.thing, members: alert.members },
      `alert ${tells}: ${alert.title}`,
    );
  return true;
}

/** Settles what is unsettled, within bounds; returns how many alerts changed. */
export async function settleAlerts(settling: Settling): Promise<number> {
  const { context, tenant } = settling;
  const { store, clock, bus } = context;
  let changed = 0;
  for (let step = 0; step < ALERTS.stepsPerRound; step += 1) {
    const now = clock.now();
    const groups = await store.alerts.listUnsettled(tenant, now, now - ALERTS.flapClearMs, ALERTS.settledPerStep);
    if (groups.length === 0) break;
    const channels = await store.channels.listChannels(tenant);
    let settled = 0;
    for (const group of groups) {
      if (await settleOne(settling, group, channels)) settled += 1;
      await giveWay();
    }
    changed += settled;
    if (settled === 0) break;
  }
  if (changed > 0)
    for (const topic of [TOPICS.alerts, TOPICS.counts, TOPICS.overview]) bus.publish(tenant, { kind: 'refresh', topic });
  return changed;
}
