/** The sources: which are protected, which are not, and why. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { type HiddenFields, linkButton, onward } from '../../ui/button.ts';
import { stackedBar } from '../../ui/charts.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { type ProtectionState, protectionStatus, viewOfProtection } from '../../ui/status.ts';
import { filterSelect, type Sort, searchInput, type TableView, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';
import { type HealthState, healthStatus } from './source-health.view.ts';

export interface SourceRow {
  id: string;
  name: string;
  host: { id: string; name: string };
  kind: string;
  /** What the adapter says of it: `app on 127.0.0.1:5432`. */
  what: string;
  protection: ProtectionState;
  reason: string;
  plans: readonly { id: string; name: string }[];
  lastGoodAt: number | undefined;
  lastGoodBytes: number | undefined;
  /** Whether it answers its host; undefined where nobody has looked. */
  health?: HealthState | undefined;
}

export interface SourcesView {
  urls: Urls;
  face: Clockface;
  here: string;
  total: number;
  counts: Readonly<Record<ProtectionState, number>>;
  /** Sources in no plan that is switched on, and the first of them by name. */
  withoutPlan: number;
  planless: readonly string[];
  /** Things on hosts that no source covers. */
  found: number;
  rows: readonly SourceRow[];
  filter: {
    q?: string | undefined;
    host?: string | undefined;
    kind?: string | undefined;
    status?: ProtectionState | undefined;
    plan?: 'none' | undefined;
    enabled?: 'true' | 'false' | undefined;
  };
  hostName: string | undefined;
  kinds: readonly { value: string; label: string }[];
  previousHref?: string | undefined;
  nextHref?: string | undefined;
  sort: Sort;
  /** The order, which filters keep. */
  kept: HiddenFields;
  bulk: BulkBarView;
  may: { manage: boolean; plan: boolean };
}

export const SOURCE_TABLE_ID = 'sources';
/** Names up to this length are not broken in a narrow column. */
const SHORT_NAME_CHARS = 20;
const STATES: readonly ProtectionState[] = ['protected', 'at_risk', 'unprotected', 'unknown', 'paused'];

export function sourcesPage(shell: Shell, view: SourcesView): Html {
  const { urls, filter, may } = view;
  const add = linkButton({ href: urls.addSource({ host: filter.host }), label: 'Add source', kind: 'primary', icon: 'plus' });
  return layout(shell, {
    title: 'Sources',
    heading: sourcesAnswer(view),
    lede: sourcesLede(view),
    actions: may.manage && view.total > 0 ? add : undefined,
    content: html`<div class="stack">${foundLine(view)}${view.total === 0 ? noSources(view) : html`${overall(view)}<section>${sourceToolbar(view)}<div class="panel panel-flush">${sourceTable(view)}</div>${bulkBar(view.bulk)}</section>`}</div>`,
  });
}

function sourcesAnswer({ total, counts }: SourcesView): string {
  if (total === 0) return 'Nothing is protected yet.';
  if (counts.protected === total)
    return total === 1 ? 'The only source is protected.' : `All ${formatCount(total)} sources are protected.`;
  return `${formatCount(counts.protected)} of ${formatNoun(total, 'source')} ${counts.protected === 1 ? 'is' : 'are'} protected.`;
}

function sourcesLede({ counts, total }: SourcesView): HtmlValue {
  if (total === 0) return 'A source is a database or a set of folders on a host.';
  const parts = STATES.filter((state) => state !== 'protected' && counts[state] > 0).map(
    (state) => `${formatCount(counts[state])} ${viewOfProtection(state).word}`,
  );
  return parts.length === 0 ? 'Each has a clean backup that is recent enough.' : parts.join(' · ');
}

/** What hosts told of that is no source yet. */
function foundLine({ found, urls }: SourcesView): Html | false {
  if (found === 0) return false;
  return callout({
    tone: 'warning',
    text: html`<strong>${formatCount(found)}</strong> ${found === 1 ? 'thing on your hosts is' : 'things on your hosts are'} covered by no source.`,
    action: onward({ href: urls.coverage(), label: 'See coverage' }),
  });
}

function overall({ counts, withoutPlan, planless, urls, may, total }: SourcesView): Html {
  const bar = stackedBar({
    parts: STATES.map((state) => ({
      count: counts[state],
      word: viewOfProtection(state).word,
      tone: viewOfProtection(state).tone,
    })),
  });
  const isCut = withoutPlan > planless.length;
  const gap =
    withoutPlan > 0 &&
    callout({
      tone: 'warning',
      text: html`<strong>${formatCount(withoutPlan)}</strong> of ${formatCount(total)} ${withoutPlan === 1 ? 'is' : 'are'} in no plan that is switched on, so nothing backs ${withoutPlan === 1 ? 'it' : 'them'} up.`,
      action: may.plan
        ? onward({
            href: urls.addPlan({ sources: planless }),
            label: isCut ? `Make a plan for the first ${planless.length}` : 'Make a plan',
          })
        : onward({ href: urls.sources({ plan: 'none' }), label: 'Show them' }),
    });
  return html`${bar}${gap}`;
}

function noSources({ urls, may }: SourcesView): Html {
  return html`<section class="panel">${emptyState({
    icon: 'database',
    title: 'Say what matters to you',
    text: 'A source is one database, or a set of folders, on a host. Test it from the host, then put it into a plan.',
    action: may.manage ? linkButton({ href: urls.addSource(), label: 'Add source', kind: 'primary' }) : undefined,
  })}</section>`;
}

function sourceToolbar({ urls, filter, kinds, hostName, kept }: SourcesView): Html {
  const host =
    filter.host !== undefined &&
    filterSelect({
      name: 'host',
      label: 'Host',
      value: filter.host,
      options: [
        { value: filter.host, label: `on ${hostName ?? 'a host that is gone'}` },
        { value: '', label: 'Any host' },
      ],
    });
  return toolbar({
    action: urls.sources(),
    label: 'Find sources',
    target: SOURCE_TABLE_ID,
    kept,
    controls: html`${searchInput({ name: 'q', value: filter.q, label: 'Name of the source' })}${filterSelect({
      name: 'status',
      label: 'Protection',
      value: filter.status,
      options: [
        { value: '', label: 'Any protection' },
        ...STATES.map((state) => ({ value: state, label: viewOfProtection(state).word })),
      ],
    })}${filterSelect({ name: 'kind', label: 'Kind', value: filter.kind, options: [{ value: '', label: 'Any kind' }, ...kinds] })}${filterSelect(
      {
        name: 'plan',
        label: 'Plan',
        value: filter.plan,
        options: [
          { value: '', label: 'In a plan or not' },
          { value: 'none', label: 'In no plan' },
        ],
      },
    )}${filterSelect({
      name: 'enabled',
      label: 'State',
      value: filter.enabled,
      options: [
        { value: '', label: 'Switched on or off' },
        { value: 'true', label: 'Switched on' },
        { value: 'false', label: 'Switched off' },
      ],
    })}${host}`,
  });
}

/** The table alone; what the live update and the filters put in its place. */
export function sourceTable(view: SourcesView): Html {
  const { urls, face } = view;
  const columns: TableView<SourceRow>['columns'] = [
    {
      id: 'name',
      label: 'Source',
      primary: true,
      width: 'wide',
      sortable: true,
      cell: (row) =>
        html`<a href="${urls.source({ source: row.id })}">${row.name}</a><br><span class="quiet">${row.kind}${row.what !== '' && html` · ${row.what}`}</span>`,
    },
    {
      id: 'host',
      label: 'Host',
      sortable: true,
      cell: (row) =>
        html`<a href="${urls.host({ host: row.host.id })}">${row.host.name}</a>${row.health !== undefined && html`<br>${healthStatus(row.health)}`}`,
    },
    {
      id: 'protection',
      label: 'Protection',
      sortable: true,
      cell: (row) => html`${protectionStatus(row.protection)}<br><span class="quiet">${row.reason}</span>`,
    },
    {
      id: 'plans',
      label: 'Plans',
      cell: (row) =>
        row.plans.length === 0
          ? html`<span class="quiet">none</span>`
          : row.plans.map(
              (plan, index) =>
                html`${index > 0 && ', '}<a class="${plan.name.length <= SHORT_NAME_CHARS && 'nowrap'}" href="${urls.plan({ plan: plan.id })}">${plan.name}</a>`,
            ),
    },
    {
      id: 'good',
      label: 'Newest good backup',
      width: 'fit',
      sortable: true,
      cell: (row) =>
        html`${relativeTime(row.lastGoodAt, face, 'never')}${row.lastGoodBytes !== undefined && html`<br><span class="quiet num">${formatBytes(row.lastGoodBytes)}</span>`}`,
    },
  ];
  const summary = formatNoun(view.rows.length, 'source');
  return table<SourceRow>({
    id: SOURCE_TABLE_ID,
    caption: 'Sources; the heads of the columns order them',
    sort: view.sort,
    select: selectRows(view.bulk, (row) => `${row.name} on ${row.host.name}`),
    columns,
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'sources runs', url: view.here },
    empty: emptyState({
      icon: 'search',
      title: 'No source matches',
      action: linkButton({ href: urls.sources(), label: 'Show all sources' }),
    }),
    pager: { summary, previousHref: view.previousHref, nextHref: view.nextHref },
  });
}
