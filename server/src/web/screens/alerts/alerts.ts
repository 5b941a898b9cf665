/** `/alerts`: what is wrong and needs a person, gravest first; what somebody sees to; and what is over. */
import { ALERT_ORDERS, type AlertOrder } from '@holdfast/shared/domain/list-orders.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { type AlertView, countAlerts, listActiveAlerts, listAlerts } from '../../../core/alerts/alerts.ts';
import { ALERT_CONDITIONS, getConditionRule, SEVERITIES } from '../../../core/alerts/conditions.ts';
import { getRules } from '../../../core/alerts/rule-settings.ts';
import { listOpenWindows } from '../../../core/alerts/windows.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { AlertCounts, AlertFilter } from '../../../store/alerts.ts';
import type { Page, SortedPage } from '../../../store/page.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import type { Clockface } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { describeHandling, describeNames, describeOpen, hrefOfThing } from './alert-words.ts';
import { ALERTS_ANSWER, type AlertLine, type AlertsView, alertsAnswer, alertsPage } from './alerts.view.ts';

const STATES = ['active', 'open', 'acknowledged', 'snoozed', 'resolved'] as const;
const STATE_LABELS: Readonly<Record<(typeof STATES)[number], string>> = {
  active: 'Not resolved',
  open: 'Open',
  acknowledged: 'Acknowledged',
  snoozed: 'Snoozed',
  resolved: 'Resolved',
};
const SEVERITY_LABELS = { critical: 'Critical', warning: 'Warnings', notice: 'Notices' } as const;

interface AlertQuery extends Pick<AlertFilter, 'severity' | 'condition'> {
  state: (typeof STATES)[number];
  q: string | undefined;
}

export function readAlertQuery({ query }: Pick<Visit, 'query'>): AlertQuery {
  const find = <T extends string>(name: string, known: readonly T[]): T | undefined =>
    known.find((one) => one === findText(query, name));
  return {
    state: find('state', STATES) ?? 'active',
    severity: find('severity', SEVERITIES),
    condition: find('condition', ALERT_CONDITIONS),
    q: findText(query, 'q')?.slice(0, TEXT.searchChars),
  };
}

/** Those that are over by when that was; others by need, or as asked for. */
export function listFittingAlerts(
  context: CoreContext,
  caller: Caller,
  { state, severity, condition, q: search }: AlertQuery,
  page: SortedPage<AlertOrder>,
): Promise<Page<AlertView>> {
  const filter = { severity, condition, search };
  return state === 'resolved'
    ? listAlerts(context, caller, { ...filter, state }, page)
    : listActiveAlerts(context, caller, { ...filter, state }, page);
}

function toAlertLine(alert: AlertView, visit: Visit, face: Clockface): AlertLine {
  const { urls, caller } = visit;
  const canHandle = alert.state === 'open' && isAllowed(caller, 'alert.handle');
  return {
    id: alert.id,
    href: urls.alert({ alert: alert.id }),
    severity: alert.severity,
    state: alert.state,
    title: alert.title,
    detail: alert.text,
    names: describeNames(alert),
    thing: { name: alert.thingName, href: hrefOfThing(alert.thing, urls) },
    since: alert.since,
    resolvedAt: alert.resolvedAt,
    handling: describeHandling(alert, face),
    acknowledgeAction: canHandle ? urls.acknowledgeAlert({ alert: alert.id }) : undefined,
  };
}

function describeCounts(counts: AlertCounts): string {
  const parts = [
    counts.critical > 0 ? `${counts.critical} critical` : '',
    counts.acknowledged > 0 ? `${counts.acknowledged} acknowledged` : '',
    counts.snoozed > 0 ? `${counts.snoozed} snoozed` : '',
  ].filter((part) => part !== '');
  return parts.join(' · ');
}

function listFilters(query: AlertQuery): AlertsView['filters'] {
  const choice = (value: string, label: string) => ({ value, label });
  return [
    {
      name: 'state',
      label: 'State',
      value: query.state,
      options: STATES.map((state) => choice(state, STATE_LABELS[state])),
    },
    {
      name: 'severity',
      label: 'Severity',
      value: query.severity ?? '',
      options: [choice('', 'Any severity'), ...SEVERITIES.toReversed().map((one) => choice(one, SEVERITY_LABELS[one]))],
    },
    {
      name: 'condition',
      label: 'Condition',
      value: query.condition ?? '',
      options: [choice('', 'Any condition'), ...ALERT_CONDITIONS.map((one) => choice(one, getConditionRule(one).label))],
    },
  ];
}

async function buildView(context: CoreContext, visit: Visit): Promise<AlertsView> {
  const { caller, urls } = visit;
  const query = readAlertQuery(visit);
  const face = readClockface(context, visit);
  const { state } = query;
  const sort = readSort(visit, ALERT_ORDERS);
  const trail = readTrail(visit, state === 'resolved' ? HTTP.pageSize : HTTP.pageSizeMax);
  const [page, counts, channels] = await Promise.all([
    listFittingAlerts(context, caller, query, { ...trail.request, ...(sort.wish && { sort: sort.wish }) }),
    countAlerts(context, caller),
    context.store.channels.listChannels(caller.tenant),
  ]);
  const filters = { ...query, state: query.state === 'active' ? undefined : query.state };
  const address = { ...filters, ...sort.query };
  return {
    face,
    heading: describeOpen(counts.open),
    lede: describeCounts(counts),
    action: urls.alerts(),
    sort: state === 'resolved' ? undefined : sort.toTable((order) => urls.alerts({ ...filters, ...order })),
    kept: keepSort(sort.query),
    filters: listFilters(query),
    isFiltered:
      [query.severity, query.condition, query.q].some((value) => value !== undefined) || !['active', 'resolved'].includes(state),
    search: query.q ?? '',
    bulk: readBulkBar(visit, 'alerts', urls.alerts(address)),
    isPast: state === 'resolved',
    rows: page.rows.map((alert) => toAlertLine(alert, visit, face)),
    pager: {
      summary: `${formatNoun(page.rows.length, 'alert')} shown`,
      ...linkPages(trail, page.next, (after) => urls.alerts({ ...address, after })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.alerts(address) : undefined,
    pastHref: urls.alerts({ state: 'resolved' }),
    rulesHref: urls.alertRules(),
    windows: listOpenWindows(await getRules(context, caller), face.now).map(({ name }) => name),
    channels: {
      href: urls.channels(),
      hasAny: channels.some(({ enabled }) => enabled),
      addHref: isAllowed(caller, 'channel.manage') ? urls.addChannel() : undefined,
    },
  };
}

async function showAlerts(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await buildView(context, visit);
  if (wantsPart(visit, ALERTS_ANSWER)) return { kind: 'page', html: alertsAnswer(view) };
  return { kind: 'page', html: alertsPage(await buildShell(context, visit, 'alerts'), view) };
}

export const ALERT_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.alerts, handle: showAlerts }];
