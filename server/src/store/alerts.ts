/** Alerts: the signs they are made of, the alerts themselves, and what happened to them. */
import type {
  AlertId,
  ChannelId,
  DeliveryId,
  HostId,
  PlanId,
  RepositoryId,
  RunId,
  SourceId,
  TenantId,
} from '@holdfast/shared/domain/ids.ts';
import type { AlertOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { AlertCondition, Severity, ThingKind } from '../core/alerts/conditions.ts';
import type { HostState } from './hosts.ts';
import type { Page, PageRequest, SortedPage } from './page.ts';

/** What an alert is about; `id` is empty for the server and the fleet. */
export interface Thing {
  kind: ThingKind;
  id: string;
}

export const SIGN_SCOPES = ['source', 'plan', 'repository', 'host', 'channel', 'server'] as const;
export type SignScope = (typeof SIGN_SCOPES)[number];

/** One thing that is wrong with one subject, by the newest look at it. */
export interface AlertSign {
  scope: SignScope;
  /** The id of what was looked at; empty for the server. */
  scopeId: string;
  /** What is wrong, within the scope: such as the source in one of its plans. */
  subject: string;
  condition: AlertCondition;
  /** The alert it belongs to. */
  thing: Thing;
  /** Of the subject, as people know it. */
  name: string;
  text: string;
  /** Epoch milliseconds. */
  since: number;
  run?: RunId | undefined;
  lastGoodAt?: number | undefined;
}

/** What one look covered: so many ids of a scope, or all ids of it after the first and up to the second. */
export type SignRange = { scope: SignScope } & ({ ids: readonly string[] } | { after: string; through: string | undefined });

const ALERT_STATES = ['open', 'acknowledged', 'snoozed', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export interface Alert {
  id: AlertId;
  tenant: TenantId;
  condition: AlertCondition;
  severity: Severity;
  thing: Thing;
  thingName: string;
  title: string;
  text: string;
  /** How many subjects it holds for, and the names of some of them. */
  members: number;
  named: readonly string[];
  /** When what is wrong began; when this server noticed. */
  since: number;
  raisedAt: number;
  settledAt: number;
  /** Since when nothing is wrong any more, while a flapping alert is still kept. */
  clearSince?: number | undefined;
  resolvedAt?: number | undefined;
  /** How often it came back within an hour of being over. */
  flaps: number;
  acknowledgedAt?: number | undefined;
  acknowledgedBy?: string | undefined;
  snoozedUntil?: number | undefined;
  snoozedBy?: string | undefined;
  run?: RunId | undefined;
  lastGoodAt?: number | undefined;
  /** Rises with every change. */
  version: number;
}

export const ALERT_EVENT_KINDS = [
  'raised',
  'returned',
  'grown',
  'acknowledged',
  'snoozed',
  'woken',
  'escalated',
  'resolved',
] as const;
export type AlertEventKind = (typeof ALERT_EVENT_KINDS)[number];

export interface AlertEvent {
  at: number;
  kind: AlertEventKind;
  /** Who did it; undefined for what happened by itself. */
  by?: string | undefined;
  text: string;
}

/** Signs and the alert they belong to where the two do not fit each other. */
export interface UnsettledAlert {
  condition: AlertCondition;
  thing: Thing;
  /** Signs now; 0 when the last one went. */
  members: number;
  /** Of the signs: the oldest beginning and the newest change. */
  since: number;
  changedAt: number;
  alert?: Alert | undefined;
}

/** A message for one channel. */
export interface NewDelivery {
  id: DeliveryId;
  channel: ChannelId;
  alert?: AlertId | undefined;
  /** The same topic is told to a channel once. */
  topic: string;
  kind: string;
  body: string;
}

/** What becomes of an alert, stored whole: its row, the line of its history, and the messages about it. */
export interface AlertStep {
  alert: Alert;
  isNew: boolean;
  event?: AlertEvent | undefined;
  deliveries: readonly NewDelivery[];
  at: number;
}

export interface AlertFilter {
  /** `active`: all that is not resolved. */
  state?: AlertState | 'active' | undefined;
  severity?: Severity | undefined;
  condition?: AlertCondition | undefined;
  thing?: Thing | undefined;
  /** Part of the title, the detail, or a name of what it is about; case does not matter. */
  search?: string | undefined;
}

export interface ActiveAlertFilter extends AlertFilter {
  state: Exclude<AlertFilter['state'], 'resolved' | undefined>;
}

export interface AlertCounts {
  open: number;
  acknowledged: number;
  snoozed: number;
  /** Of the open ones. */
  critical: number;
}

/** How one source fared in one of its plans, newest first. */
export interface RecentPart {
  source: SourceId;
  plan: PlanId;
  host: HostId;
  repository: RepositoryId;
  run: RunId;
  state: TerminalState;
  failure?: Failure | undefined;
  /** Host's time. */
  endedAt: number;
}

/** The newest forget run of a plan on one host, in one repository, that came to an end of its own. */
export interface NewestForget {
  plan: PlanId;
  host: HostId;
  repository: RepositoryId;
  /** One host removed what all hosts of the plan have there, as the server planned it. */
  isForAll: boolean;
  run: RunId;
  state: TerminalState;
  failure?: Failure | undefined;
  at: number;
}

/** The newest drill of a source that was neither cancelled nor skipped. */
export interface NewestDrill {
  source: SourceId;
  run: RunId;
  /** Without one it says nothing of the backup. */
  hasVerdict: boolean;
  failure?: Failure | undefined;
  /** When it ended, by the clock of its host. */
  at: number;
}

/** A host as far as alerts ask. */
export interface HostGlance {
  id: HostId;
  name: string;
  state: HostState;
  createdAt: number;
  lastSeenAt?: number | undefined;
  agentVersion?: string | undefined;
  tags: readonly string[];
}

export interface AlertStore {
  /** The signs of a range, by scope id. */
  listSigns(tenant: TenantId, range: SignRange): Promise<readonly AlertSign[]>;
  /** Makes the signs of a range exactly these; a sign that stays as it is keeps the instant of its last change. True when any changed. */
  replaceSigns(tenant: TenantId, range: SignRange, signs: readonly AlertSign[], at: number): Promise<boolean>;
  /** Signs of one alert, the oldest first, page by page. */
  listMembers(tenant: TenantId, condition: AlertCondition, thing: Thing, page: PageRequest): Promise<Page<AlertSign>>;
  /** The first of them. */
  listSignsOf(tenant: TenantId, condition: AlertCondition, thing: Thing, limit: number): Promise<readonly AlertSign[]>;
  /**
   * Where signs and alerts differ at `now`: signs without an alert or that changed after it was settled, alerts without a sign, and
   * alerts whose snooze is over. One that is kept only because it flaps comes back when it has been clear since `clearBefore`.
   */
  listUnsettled(tenant: TenantId, now: number, clearBefore: number, limit: number): Promise<readonly UnsettledAlert[]>;
  /** The alert of this condition and thing that was resolved last, at or after `since`. */
  findPast(tenant: TenantId, condition: AlertCondition, thing: Thing, since: number): Promise<Alert | undefined>;
  /** Stores a step; `conflict` when the alert changed since it was read. A message whose topic the channel was told is left out. */
  applyStep(step: AlertStep): Promise<void>;
  findAlert(tenant: TenantId, id: AlertId): Promise<Alert | undefined>;
  /** Newest first: by when they were raised, resolved ones by when they were over. `now` decides what is still snoozed. */
  listAlerts(tenant: TenantId, filter: AlertFilter, now: number, page: PageRequest): Promise<Page<Alert>>;
  /**
   * Those that are not over, what needs a person first unless another order is asked for: by what is done about it, then the gravest, then the
   * newest. `now` as above.
   */
  listActiveAlerts(tenant: TenantId, filter: ActiveAlertFilter, now: number, page: SortedPage<AlertOrder>): Promise<Page<Alert>>;
  /** Alerts about these things of one kind that are not resolved, the gravest first, then the newest. */
  listActiveAbout(tenant: TenantId, kind: ThingKind, ids: readonly string[]): Promise<readonly Alert[]>;
  countAlerts(tenant: TenantId, now: number): Promise<AlertCounts>;
  /** Alerts that are not resolved, by condition. */
  countByCondition(tenant: TenantId): Promise<ReadonlyMap<AlertCondition, number>>;
  /** Newest first. */
  listAlertEvents(tenant: TenantId, id: AlertId, limit: number): Promise<readonly AlertEvent[]>;
  /** Drops alerts that were over before this instant, at most `limit`; returns how many. */
  pruneAlerts(before: number, limit: number): Promise<number>;

  /** The last ended backups of each source in each plan, newest first, at most `perSource` of a source. */
  listRecentParts(tenant: TenantId, sources: readonly SourceId[], perSource: number): Promise<readonly RecentPart[]>;
  /** The newest ended drill of each of these sources that had one since `since`, wherever it took place. */
  listNewestDrills(tenant: TenantId, sources: readonly SourceId[], since: number): Promise<readonly NewestDrill[]>;
  /** Of each of these plans on each host and in each repository that had one since `since`; a run that was cancelled is none. */
  listNewestForgets(tenant: TenantId, plans: readonly PlanId[], since: number): Promise<readonly NewestForget[]>;
  /** By id; without hosts that are revoked. */
  listHostGlances(tenant: TenantId, after: string, limit: number): Promise<readonly HostGlance[]>;
  /** Ids in their order, for looks at everything. */
  listSourceIds(tenant: TenantId, after: string, limit: number): Promise<readonly SourceId[]>;
  listPlanIds(tenant: TenantId, after: string, limit: number): Promise<readonly PlanId[]>;
  listRepositoryIds(tenant: TenantId, after: string, limit: number): Promise<readonly RepositoryId[]>;
}
