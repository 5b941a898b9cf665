/** Alerts as people deal with them: looked at, acknowledged, put off. What is wrong ends them, nobody else. */
import type { AlertId } from '@holdfast/shared/domain/ids.ts';
import type { AlertOrder } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type {
  ActiveAlertFilter,
  Alert,
  AlertCounts,
  AlertEvent,
  AlertEventKind,
  AlertFilter,
  AlertSign,
  AlertState,
} from '../../store/alerts.ts';
import type { Page, PageRequest, SortedPage } from '../../store/page.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** An alert with what is done about it now. */
export interface AlertView extends Alert {
  state: AlertState;
}

const EVENTS_READ = 200;

function toView(context: CoreContext, alert: Alert): AlertView {
  return { ...alert, state: judgeState(alert, context.clock.now()) };
}

/** What a person did about it counts until it is over. */
export function judgeState({ resolvedAt, snoozedUntil, acknowledgedAt }: Alert, now: number): AlertState {
  if (resolvedAt !== undefined) return 'resolved';
  if (snoozedUntil !== undefined && snoozedUntil > now) return 'snoozed';
  return acknowledgedAt === undefined ? 'open' : 'acknowledged';
}

export async function listAlerts(
  context: CoreContext,
  caller: Caller,
  filter: AlertFilter,
  page: PageRequest,
): Promise<Page<AlertView>> {
  demand(caller, 'view');
  const found = await context.store.alerts.listAlerts(caller.tenant, filter, context.clock.now(), page);
  return { ...found, rows: found.rows.map((alert) => toView(context, alert)) };
}

/** Those that are not over: what needs a person first, gravest first; within the same the newest first; or in the order asked for. */
export async function listActiveAlerts(
  context: CoreContext,
  caller: Caller,
  filter: ActiveAlertFilter,
  page: SortedPage<AlertOrder>,
): Promise<Page<AlertView>> {
  demand(caller, 'view');
  const found = await context.store.alerts.listActiveAlerts(caller.tenant, filter, context.clock.now(), page);
  return { ...found, rows: found.rows.map((alert) => toView(context, alert)) };
}

export async function countAlerts(context: CoreContext, caller: Caller): Promise<AlertCounts> {
  demand(caller, 'view');
  return context.store.alerts.countAlerts(caller.tenant, context.clock.now());
}

export async function getAlert(context: CoreContext, caller: Caller, id: AlertId): Promise<AlertView> {
  demand(caller, 'view');
  const alert = await context.store.alerts.findAlert(caller.tenant, id);
  if (!alert) throw new AppError('not_found', 'there is no such alert; alerts that are over are kept for 400 days');
  return toView(context, alert);
}

/** What the alert holds for now, the longest first; none once it is resolved. */
export async function listMembers(
  context: CoreContext,
  caller: Caller,
  alert: Alert,
  page: PageRequest,
): Promise<Page<AlertSign>> {
  demand(caller, 'view');
  if (alert.resolvedAt !== undefined) return { rows: [] };
  return context.store.alerts.listMembers(caller.tenant, alert.condition, alert.thing, page);
}

/** Newest first. */
export async function listAlertEvents(context: CoreContext, caller: Caller, id: AlertId): Promise<readonly AlertEvent[]> {
  demand(caller, 'view');
  return context.store.alerts.listAlertEvents(caller.tenant, id, EVENTS_READ);
}

interface Decision {
  kind: Extract<AlertEventKind, 'acknowledged' | 'snoozed' | 'woken'>;
  text: string;
  change: Partial<Alert>;
}

async function decide(context: CoreContext, caller: Caller, before: AlertView, decision: Decision): Promise<AlertView> {
  const { store, clock, bus } = context;
  if (before.state === 'resolved') throw new AppError('precondition', 'this alert is over; nothing is left to be done about it');
  const now = clock.now();
  const { kind, text, change } = decision;
  const { state: _state, ...stored } = before;
  const alert: Alert = { ...stored, ...change };
  await store.alerts.applyStep({
    alert,
    isNew: false,
    event: { at: now, kind, by: caller.actor.name, text },
    deliveries: [],
    at: now,
  });
  await recordAct(context, caller, { action: `alert.${kind}`, target: { kind: 'alert', id: alert.id, name: alert.title } });
  for (const topic of [TOPICS.alerts, TOPICS.counts, TOPICS.overview]) bus.publish(caller.tenant, { kind: 'refresh', topic });
  return getAlert(context, caller, alert.id);
}

/** Somebody sees to it: it no longer asks for a person. Doing it twice changes nothing. */
export async function acknowledgeAlert(context: CoreContext, caller: Caller, id: AlertId): Promise<AlertView> {
  demand(caller, 'alert.handle');
  const before = await getAlert(context, caller, id);
  if (before.acknowledgedAt !== undefined && before.state !== 'resolved') return before;
  const change = { acknowledgedAt: context.clock.now(), acknowledgedBy: caller.actor.name };
  return decide(context, caller, before, { kind: 'acknowledged', text: 'somebody sees to it', change });
}

/**
 * It asks for nobody and tells nobody until `until` (epoch milliseconds, 30 days ahead at most); then it is open again, if it still holds.
 * Throws `not_found`, `precondition` for one that is over, and `invalid` naming `until`.
 */
export async function snoozeAlert(context: CoreContext, caller: Caller, id: AlertId, until: number): Promise<AlertView> {
  demand(caller, 'alert.handle');
  const before = await getAlert(context, caller, id);
  const now = context.clock.now();
  if (!Number.isInteger(until) || until <= now || until > now + ALERTS.snoozeMaxMs)
    throw createFieldsError({ until: 'Until: must be an instant within the next 30 days' });
  const change = { snoozedUntil: until, snoozedBy: caller.actor.name };
  const text = `until ${new Date(until).toISOString().slice(0, 16)}Z`;
  return decide(context, caller, before, { kind: 'snoozed', text, change });
}

/** Takes acknowledgement and snooze back: the alert is open. */
export async function reopenAlert(context: CoreContext, caller: Caller, id: AlertId): Promise<AlertView> {
  demand(caller, 'alert.handle');
  const before = await getAlert(context, caller, id);
  if (before.state === 'open') return before;
  const change = { acknowledgedAt: undefined, acknowledgedBy: undefined, snoozedUntil: undefined, snoozedBy: undefined };
  return decide(context, caller, before, { kind: 'woken', text: 'opened again', change });
}
