/** Who is told of a plan: the channels that hear of its failures, and of each of its backups. */
import { listChannels } from '../../../core/alerts/channels.ts';
import { getConditionRule } from '../../../core/alerts/conditions.ts';
import { isConcerned, readSubscription, wantsAlert, wantsRun } from '../../../core/alerts/subscription.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ChannelKind } from '../../../notify/channel.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Visit } from '../../http/route.ts';
import type { ChannelLink, PlanListeners } from './plan.view.ts';

export type HearingKind = Pick<ChannelKind, 'kind' | 'hears'>;

/** Channels that are switched on, by name. One that pauses its alerts for a while, or waits for quiet hours to end, is among them. */
export async function readListeners(
  context: CoreContext,
  visit: Visit,
  plan: Plan,
  kinds: readonly HearingKind[],
): Promise<PlanListeners> {
  const { caller, urls } = visit;
  const [channels, hostIds] = await Promise.all([
    listChannels(context, caller),
    context.store.plans.listHostsOfPlan(caller.tenant, plan.id),
  ]);
  const hosts = await context.store.hosts.findHosts(caller.tenant, hostIds);
  const concern = { plans: new Set([plan.id]), tags: new Set(hosts.flatMap(({ tags }) => tags)) };
  const failed = { condition: 'backup.failed', severity: getConditionRule('backup.failed').severity } as const;
  const told = { failures: [] as ChannelLink[], runs: [] as ChannelLink[] };
  for (const channel of channels) {
    const hears = kinds.find(({ kind }) => kind === channel.kind)?.hears;
    if (!channel.enabled || hears === undefined) continue;
    const subscription = readSubscription(channel);
    const link = { id: channel.id, name: channel.name, href: urls.channel({ channel: channel.id }) };
    const hearsAlert = hears.includes('alert.raised') && wantsAlert(subscription, failed, concern);
    const hearsRun = (type: 'run.failed' | 'run.succeeded') =>
      wantsRun(subscription, hears, type) && isConcerned(subscription, concern);
    if (hearsAlert || hearsRun('run.failed')) told.failures.push(link);
    if (hearsRun('run.succeeded')) told.runs.push(link);
  }
  return { ...told, channelsHref: urls.channels() };
}
