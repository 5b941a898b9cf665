/** Alerts: what needs a person, one line each, however many hosts one cause hits. */
import { type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton, onward, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Column, filterSelect, type Pager, type Sort, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';

export type Severity = 'notice' | 'warning' | 'critical';
export type AlertState = 'open' | 'acknowledged' | 'snoozed' | 'resolved';

const SEVERITIES: Readonly<Record<Severity, StatusView>> = {
  critical: { word: 'critical', tone: 'unprotected', icon: 'cross' },
  warning: { word: 'warning', tone: 'at-risk', icon: 'warning' },
  notice: { word: 'notice', tone: 'unknown', icon: 'info' },
};
const OVER: StatusView = { word: 'resolved', tone: 'protected', icon: 'check' };

/** How grave it is; what is over is nothing any more. */
export function alertStatus(severity: Severity, state: AlertState): Html {
  return status(state === 'resolved' ? OVER : SEVERITIES[severity]);
}

export type AlertLine = {
  readonly id: string;
  readonly href: string;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly title: string;
  readonly detail: string;
  readonly names?: string | undefined;
  readonly thing: { readonly name: string; readonly href?: string | undefined };
  readonly since: number;
  readonly resolvedAt?: number | undefined;
  /** Who sees to it, or until when it is put off. */
  readonly handling?: string | undefined;
  readonly acknowledgeAction?: string | undefined;
};

export type AlertsView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly lede: string;
  readonly action: string;
  readonly filters: readonly {
    readonly name: string;
    readonly label: string;
    readonly value: string;
    readonly options: readonly { readonly value: string; readonly label: string }[];
  }[];
  readonly search: string;
  /** None of those that are over. */
  readonly sort: Sort | undefined;
  /** The order, which filters keep. */
  readonly kept: HiddenFields;
  readonly bulk: BulkBarView;
  /** Whether it is narrowed beside being current or past. */
  readonly isFiltered: boolean;
  readonly isPast: boolean;
  readonly rows: readonly AlertLine[];
  readonly pager: Pager;
  readonly liveUrl?: string | undefined;
  readonly pastHref: string;
  /** Windows, escalation, thresholds of tags and plans. */
  readonly rulesHref: string;
  /** Maintenance windows that are on. */
  readonly windows: readonly string[];
  readonly channels: { readonly href: string; readonly hasAny: boolean; readonly addHref?: string | undefined };
};

/** The table with what else changes by itself. */
export const ALERTS_ANSWER = 'alerts-answer';

export function alertsPage(shell: Shell, view: AlertsView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter alerts',
    target: ALERTS_ANSWER,
    kept: view.kept,
    controls: html`${searchInput({ name: 'q', value: view.search, label: 'Search alerts' })}${view.filters.map((filter) => filterSelect(filter))}`,
    end: view.isPast
      ? linkButton({ href: view.action, label: 'Current alerts' })
      : linkButton({ href: view.pastHref, label: 'Past alerts' }),
  });
  return layout(shell, {
    title: 'Alerts',
    heading: view.heading,
    lede: view.lede === '' ? undefined : view.lede,
    actions: html`${linkButton({ href: view.rulesHref, label: 'Rules' })}${linkButton({ href: view.channels.href, label: 'Channels' })}`,
    content: html`<div class="stack">${deafNotice(view)}${windowNotice(view)}${bar}${alertsAnswer(view)}${bulkBar(view.bulk)}</div>`,
  });
}

/** What is new may be held back right now. */
function windowNotice({ windows }: AlertsView): Html | false {
  if (windows.length === 0) return false;
  const names = windows.join(', ');
  return callout({
    tone: 'notice',
    text: `Maintenance is on: ${names}. What is new for it is raised at its end, if it still holds.`,
  });
}

/** Alerts that nobody hears of are worth a word, once. */
function deafNotice({ channels }: AlertsView): Html | false {
  if (channels.hasAny) return false;
  const text = 'Alerts are shown here and nowhere else: no channel tells anybody of them.';
  const action =
    channels.addHref === undefined ? undefined : linkButton({ href: channels.addHref, label: 'Add a channel', small: true });
  return callout({ tone: 'notice', text, action });
}

export function alertsAnswer(view: AlertsView): Html {
  const content = table<AlertLine>({
    id: 'alerts',
    caption: view.isPast ? 'Resolved alerts, the newest first' : 'Alerts; the heads of the columns order them',
    sort: view.sort,
    // What is over asks for nothing any more.
    select: view.isPast ? undefined : selectRows(view.bulk, (row) => row.title),
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: listColumns(view),
    empty: noAlerts(view),
    pager: view.rows.length === 0 ? undefined : view.pager,
  });
  const live = view.liveUrl === undefined ? {} : { topic: 'alerts', url: view.liveUrl };
  return html`<div id="${ALERTS_ANSWER}" data-live="${live.topic ?? ''}" data-live-get="${live.url ?? ''}">${panel({ flush: true, content })}</div>`;
}

function listColumns({ face, isPast }: AlertsView): readonly Column<AlertLine>[] {
  return [
    { id: 'severity', label: 'Severity', width: 'fit', sortable: 'need', cell: (row) => alertStatus(row.severity, row.state) },
    { id: 'title', label: 'Alert', primary: true, width: 'wide', sortable: true, cell: alertCell },
    {
      id: 'thing',
      label: 'About',
      sortable: true,
      cell: ({ thing }) => (thing.href === undefined ? thing.name : html`<a href="${thing.href}">${thing.name}</a>`),
    },
    { id: 'since', label: 'Since', width: 'fit', sortable: true, cell: (row) => relativeTime(row.since, face) },
    isPast
      ? { id: 'over', label: 'Resolved', width: 'fit', cell: (row) => relativeTime(row.resolvedAt, face) }
      : {
          id: 'act',
          label: 'Act',
          hideLabel: true,
          width: 'fit',
          cell: (row) =>
            row.acknowledgeAction !== undefined &&
            postButton({ action: row.acknowledgeAction, label: 'Acknowledge', small: true }),
        },
  ];
}

function alertCell(row: AlertLine): Html {
  const more = [row.names, row.handling].filter((part) => part !== undefined).join(' · ');
  return html`<a href="${row.href}">${row.title}</a><br><span class="quiet">${row.detail}</span>${more !== '' && html`<br><span class="quiet">${more}</span>`}`;
}

function noAlerts(view: AlertsView): Html {
  if (view.isPast && !view.isFiltered) return emptyState({ icon: 'check', title: 'No alert has been resolved yet.' });
  if (view.isFiltered)
    return emptyState({
      icon: 'search',
      title: 'No alert fits these filters.',
      action: linkButton({ href: view.action, label: 'Show all current alerts' }),
    });
  return emptyState({
    icon: 'check',
    title: 'Nothing is wrong that this server knows of.',
    text: 'It looks at every run as it ends, and at everything else once a minute.',
    action: onward({ href: view.pastHref, label: 'See past alerts' }),
  });
}
