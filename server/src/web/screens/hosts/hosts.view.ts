/** The hosts: who wants to join, who is there, and how their sources stand. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { type Html, type HtmlValue, html } from '../../html.ts';
import { type HiddenFields, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { badge, type HostState, hostStatus, status } from '../../ui/status.ts';
import { filterSelect, type Sort, searchInput, type TableView, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';
import { liveText } from '../live-text.view.ts';
import { drainStatus } from './host-drain.view.ts';
import { type PendingView, pendingHosts } from './host-pending.view.ts';

export interface HostRow {
  id: string;
  name: string;
  standing: HostState;
  condition: HostCondition;
  /** It takes no new runs for a while. */
  isDrained: boolean;
  tags: readonly string[];
  system: string;
  agentVersion: string;
  lastSeenAt: number | undefined;
  sources: number;
  /** The newest clean backup of any of its sources. */
  newestGoodAt: number | undefined;
  /** Sources without any clean backup. */
  withoutGood: number;
  /** Set when the host works by an older specification than it should. */
  drift: { has: number; wanted: number } | undefined;
}

export interface HostCounts {
  online: number;
  /** Of those that are online. */
  degraded: number;
  active: number;
  total: number;
}

export interface HostsView {
  urls: Urls;
  face: Clockface;
  /** This page's address with its filters, for live updates. */
  here: string;
  counts: HostCounts;
  pending: PendingView;
  rows: readonly HostRow[];
  filter: { q?: string | undefined; state?: string | undefined; tag?: string | undefined };
  /** Of all hosts, and the one that is chosen. */
  tags: readonly string[];
  previousHref?: string | undefined;
  nextHref?: string | undefined;
  sort: Sort;
  /** The order, which filters keep. */
  kept: HiddenFields;
  bulk: BulkBarView;
}

export const HOST_TABLE_ID = 'hosts';
export const HOST_ANSWER_ID = 'hosts-answer';

export function hostsPage(shell: Shell, view: HostsView): Html {
  const { urls, counts } = view;
  const isNew = counts.total === 0;
  return layout(shell, {
    title: 'Hosts',
    heading: hostsAnswer(view),
    lede: isNew ? undefined : hostsLede(view),
    actions: isNew
      ? undefined
      : linkButton({
          href: urls.addHost(),
          label: 'Add host',
          kind: view.pending.hosts.length > 0 ? 'secondary' : 'primary',
          icon: 'plus',
        }),
    content: html`<div class="stack">${pendingHosts(view.pending)}${isNew ? noHosts(view) : html`<section>${hostToolbar(view)}<div class="panel panel-flush">${hostTable(view)}</div>${bulkBar(view.bulk)}</section>`}</div>`,
  });
}

/** The page's answer; also served alone, so that it changes with the hosts. */
export function hostsAnswer(view: Pick<HostsView, 'counts' | 'pending' | 'here'>): Html {
  return liveText({ id: HOST_ANSWER_ID, topic: 'hosts', url: view.here, content: answerOf(view) });
}

function answerOf({ counts, pending }: Pick<HostsView, 'counts' | 'pending'>): string {
  const waiting = pending.hosts.length;
  if (waiting > 0)
    return waiting === 1 ? '1 host waits for your approval.' : `${formatCount(waiting)} hosts wait for your approval.`;
  if (counts.total === 0) return 'No host has joined yet.';
  if (counts.active === 0) return 'No host is active.';
  if (counts.online === counts.active && counts.degraded > 0)
    return counts.active === 1
      ? 'The only host is degraded.'
      : `All ${formatCount(counts.active)} hosts are online, ${formatCount(counts.degraded)} of them degraded.`;
  if (counts.online === counts.active)
    return counts.active === 1 ? 'The only host is online.' : `All ${formatCount(counts.active)} hosts are online.`;
  return `${formatCount(counts.online)} of ${formatNoun(counts.active, 'host')} ${counts.online === 1 ? 'is' : 'are'} online.`;
}

function hostsLede({ counts, pending }: HostsView): HtmlValue {
  const parts: string[] = [];
  const offline = counts.active - counts.online;
  if (pending.hosts.length > 0) parts.push(`${formatCount(counts.online)} of ${formatCount(counts.active)} online`);
  if (counts.degraded > 0) parts.push(`${formatCount(counts.degraded)} degraded`);
  if (offline > 0) parts.push(`${formatCount(offline)} silent`);
  const out = counts.total - counts.active;
  if (out > 0) parts.push(`${formatCount(out)} revoked or quarantined`);
  return parts.length === 0 ? 'Each host keeps its own schedule, also while this server is away.' : parts.join(' · ');
}

function noHosts({ urls }: HostsView): Html {
  return html`<section class="panel">${emptyState({
    icon: 'host',
    title: 'Start with the first host',
    text: 'Run one line on the machine that holds your databases or files. It shows up here by itself, and you let it in.',
    action: linkButton({ href: urls.addHost(), label: 'Add host', kind: 'primary' }),
  })}</section>`;
}

function hostToolbar({ urls, filter, tags, kept }: HostsView): Html {
  return toolbar({
    action: urls.hosts(),
    label: 'Find hosts',
    target: HOST_TABLE_ID,
    kept,
    controls: html`${searchInput({ name: 'q', value: filter.q, label: 'Name' })}${filterSelect({
      name: 'state',
      label: 'State',
      value: filter.state,
      options: [
        { value: '', label: 'Any state' },
        { value: 'online', label: 'Online' },
        { value: 'degraded', label: 'Degraded' },
        { value: 'offline', label: 'Offline' },
        { value: 'draining', label: 'Draining' },
        { value: 'quarantined', label: 'Quarantined' },
        { value: 'revoked', label: 'Revoked' },
      ],
    })}${tags.length > 0 && filterSelect({ name: 'tag', label: 'Tag', value: filter.tag, options: [{ value: '', label: 'Any tag' }, ...tags.map((tag) => ({ value: tag, label: tag }))] })}`,
  });
}

/** The table alone; what the live update and the filters put in its place. */
export function hostTable(view: HostsView): Html {
  const { urls, face } = view;
  const columns: TableView<HostRow>['columns'] = [
    { id: 'name', label: 'Host', primary: true, width: 'wide', sortable: true, cell: (row) => nameCell(row, urls) },
    { id: 'status', label: 'Status', width: 'fit', sortable: true, cell: statusCell },
    {
      id: 'system',
      label: 'System',
      isSpare: true,
      sortable: 'version',
      cell: (row) => html`${row.system}<br><span class="quiet">agent <span class="num">${row.agentVersion}</span></span>`,
    },
    { id: 'seen', label: 'Last seen', width: 'fit', sortable: true, cell: (row) => relativeTime(row.lastSeenAt, face, 'never') },
    {
      id: 'sources',
      label: 'Sources',
      align: 'end',
      width: 'fit',
      cell: (row) => html`<a href="${urls.sources({ host: row.id })}">${formatCount(row.sources)}</a>`,
    },
    { id: 'good', label: 'Newest good backup', width: 'fit', cell: (row) => newestGood(row, face) },
  ];
  const filtered = view.filter.q !== undefined || view.filter.state !== undefined || view.filter.tag !== undefined;
  return table<HostRow>({
    id: HOST_TABLE_ID,
    caption: 'Hosts; the heads of the columns order them',
    sort: view.sort,
    select: selectRows(view.bulk, (row) => row.name),
    columns,
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'hosts', url: view.here },
    empty: emptyState({
      icon: 'search',
      title: filtered ? 'No host matches' : 'No host on this page',
      action: linkButton({ href: urls.hosts(), label: 'Show all hosts' }),
    }),
    pager: {
      summary: formatNoun(view.rows.length, 'host'),
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

function quiet(text: string): Html {
  return html`<span class="quiet">${text}</span>`;
}

function newestGood(row: HostRow, face: Clockface): HtmlValue {
  if (row.sources === 0) return quiet('nothing to back up');
  const missing =
    row.withoutGood > 0 &&
    html` <span class="quiet">${row.withoutGood === row.sources ? '' : `· ${row.withoutGood} without`}</span>`;
  if (row.newestGoodAt === undefined) return status({ word: 'none yet', tone: 'unprotected', icon: 'cross' });
  return html`${relativeTime(row.newestGoodAt, face)}${missing}`;
}

function nameCell(row: HostRow, urls: Urls): Html {
  const tags =
    row.tags.length > 0 &&
    html`<span class="cluster">${row.tags.map((tag) => html`<a href="${urls.hosts({ tag })}" aria-label="${`Hosts with the tag ${tag}`}">${badge(tag)}</a>`)}</span>`;
  return html`<a href="${urls.host({ host: row.id })}">${row.name}</a>${tags}`;
}

function statusCell(row: HostRow): Html {
  const { drift } = row;
  const behind =
    drift !== undefined &&
    html`<br><span class="quiet" title="${`works by version ${drift.has} of its settings, should be ${drift.wanted}`}">settings behind</span>`;
  return html`${hostStatus(row.standing, row.condition)}${row.isDrained && html`<br>${drainStatus()}`}${behind}`;
}
