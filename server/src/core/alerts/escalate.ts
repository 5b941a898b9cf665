/**
 * Escalation: an alert nobody takes is told to further channels, one step after the other. A channel that a step names hears of an alert
 * only then, and when it is over. An alert that is acknowledged or put off goes no further.
 */
import type { ChannelId } from '@holdfast/shared/domain/ids.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { Alert, AlertEvent } from '../../store/alerts.ts';
import { isAsGrave } from './conditions.ts';
import { composeMessage } from './message.ts';
import { readRules } from './rule-settings.ts';
import type { AlertRules, EscalationStep } from './rules.ts';
import type { Settling } from './settling.ts';

const EVENTS_READ = 200;
/** What begins the count of steps anew. */
const BEGINNINGS: ReadonlySet<AlertEvent['kind']> = new Set(['raised', 'returned']);

/** Steps already taken for an alert since it was last raised; its events newest first. */
export function countSteps(events: readonly AlertEvent[]): number {
  const begun = events.findIndex(({ kind }) => BEGINNINGS.has(kind));
  return (begun < 0 ? events : events.slice(0, begun)).filter(({ kind }) => kind === 'escalated').length;
}

/** The steps that concern so grave an alert, the soonest first. */
function listSteps({ escalation }: AlertRules, { severity }: Pick<Alert, 'severity'>): readonly EscalationStep[] {
  return escalation.filter(({ least }) => isAsGrave(severity, least)).toSorted((a, b) => a.afterMinutes - b.afterMinutes);
}

/** The next step, when its time has come. One at a time: a server that was away tells nobody of all of them at once. */
export function findDueStep(
  rules: AlertRules,
  alert: Pick<Alert, 'severity' | 'raisedAt'>,
  taken: number,
  now: number,
): EscalationStep | undefined {
  const step = listSteps(rules, alert)[taken];
  return step !== undefined && now - alert.raisedAt >= step.afterMinutes * MINUTE_MS ? step : undefined;
}

/** Channels that hear of alerts by escalation alone. */
function listEscalationChannels({ escalation }: AlertRules): ReadonlySet<ChannelId> {
  return new Set(escalation.map(({ channel }) => channel));
}

/** Those of them that were told of this alert. */
async function findToldByEscalation(
  { context: { store }, tenant }: Pick<Settling, 'context' | 'tenant'>,
  rules: AlertRules,
  alert: Alert,
): Promise<ReadonlySet<ChannelId>> {
  const taken = countSteps(await store.alerts.listAlertEvents(tenant, alert.id, EVENTS_READ));
  return new Set(
    listSteps(rules, alert)
      .slice(0, taken)
      .map(({ channel }) => channel),
  );
}

/**
 * Who hears of an alert: a channel by what it asked for, and one of an escalation by what was escalated to it, whatever it asked for: not that an
 * alert was raised, and that somebody took it or that it is over only where it was told of it.
 */
export async function chooseListeners<T>(
  settling: Pick<Settling, 'context' | 'tenant'>,
  { alert, tells }: { alert: Alert; tells: 'raised' | 'acknowledged' | 'resolved' },
  able: readonly T[],
  { idOf, wants }: { idOf(listener: T): ChannelId; wants(listener: T): boolean },
): Promise<readonly T[]> {
  const rules = await readRules(settling.context);
  const waiting = listEscalationChannels(rules);
  if (!able.some((one) => waiting.has(idOf(one)))) return able.filter(wants);
  const told = tells === 'raised' ? new Set() : await findToldByEscalation(settling, rules, alert);
  return able.filter((one) => (waiting.has(idOf(one)) ? told.has(idOf(one)) : wants(one)));
}

async function takeStep(settling: Settling, alert: Alert, step: EscalationStep, taken: number): Promise<void> {
  const { context, tenant, linkAlert } = settling;
  const { store, clock, log } = context;
  const channel = (await store.channels.listChannels(tenant)).find(({ id }) => id === step.channel);
  const isHeard = channel?.enabled === true && settling.listensToAlerts(channel.kind);
  const now = clock.now();
  const wait = `nobody has taken it for ${step.afterMinutes} min`;
  const message = await composeMessage(context, alert, { tells: 'raised', at: now, link: linkAlert(alert) });
  const body = JSON.stringify({ ...message, text: `${wait}: ${message.text}`.slice(0, 1000) });
  const topic = `${alert.id} escalated ${alert.raisedAt} ${taken}`;
  const delivery = { id: context.createId('delivery'), channel: step.channel, alert: alert.id, topic, kind: message.type, body };
  const said = isHeard ? `${wait}; ${channel.name} is told` : `${wait}; the channel to be told is switched off`;
  await store.alerts.applyStep({
    alert,
    isNew: false,
    event: { at: now, kind: 'escalated', text: said },
    deliveries: isHeard ? [delivery] : [],
    at: now,
  });
  log.warn({ alert: alert.id, condition: alert.condition, step: taken + 1 }, `alert escalated: ${alert.title}`);
}

/** Takes the steps that are due; returns how many. */
export async function escalateAlerts(settling: Settling): Promise<number> {
  const { context, tenant } = settling;
  const { store, clock } = context;
  const rules = await readRules(context);
  if (rules.escalation.length === 0) return 0;
  const soonest = Math.min(...rules.escalation.map(({ afterMinutes }) => afterMinutes)) * MINUTE_MS;
  let escalated = 0;
  let after: string | undefined;
  for (let step = 0; step < ALERTS.stepsPerRound; step += 1) {
    const now = clock.now();
    const page = await store.alerts.listAlerts(tenant, { state: 'open' }, now, { limit: ALERTS.sourcesPerStep, after });
    for (const alert of page.rows) {
      if (now - alert.raisedAt < soonest) continue;
      const taken = countSteps(await store.alerts.listAlertEvents(tenant, alert.id, EVENTS_READ));
      const due = findDueStep(rules, alert, taken, now);
      if (due === undefined) continue;
      try {
        await takeStep(settling, alert, due, taken);
        escalated += 1;
      } catch (thrown) {
        // A person took it at this very moment.
        if (!(thrown instanceof AppError && thrown.code === 'conflict')) throw thrown;
      }
    }
    after = page.next;
    if (after === undefined) break;
  }
  return escalated;
}
