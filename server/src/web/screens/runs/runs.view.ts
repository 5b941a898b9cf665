/** The list of runs: what ran, how it went, newest first. */
import { type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { shortenHex } from '../../ui/hex.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { liveBrief } from '../../ui/progress.ts';
import { formatBytes, formatDuration, formatNoun } from '../../ui/quantity.ts';
import { type RunState, runStatus } from '../../ui/status.ts';
import {
  type Column,
  type FilterOption,
  filterDays,
  filterSelect,
  type Pager,
  type Sort,
  searchInput,
  table,
  toolbar,
} from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';

export type RunLine = {
  readonly id: string;
  readonly href: string;
  readonly state: RunState;
  /** The sources, or what a restore brings where. */
  readonly title: string;
  readonly plan?: { readonly name: string; readonly href?: string | undefined } | undefined;
  readonly host: { readonly name: string; readonly href?: string | undefined };
  /** `by schedule`, `by ada`. */
  readonly cause: string;
  /** All that the same person asked for. */
  readonly causeHref?: string | undefined;
  readonly at: number;
  /** So far, while it goes on. */
  readonly durationMs?: number | undefined;
  readonly bytes?: number | undefined;
  /** Why it did not end clean. */
  readonly problem?: string | undefined;
  /** How far it has come, while it goes on. */
  readonly progress?: { readonly topic: string; readonly brief: string } | undefined;
};

export type RunsView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly lede?: string | undefined;
  readonly rows: readonly RunLine[];
  readonly action: string;
  readonly filters: readonly {
    readonly name: string;
    readonly label: string;
    readonly value: string;
    readonly options: readonly FilterOption[];
  }[];
  readonly filtered: boolean;
  readonly search?: string | undefined;
  /** What an empty list says of the search. */
  readonly searched?: { readonly title: string; readonly text: string } | undefined;
  readonly pager: Pager;
  readonly sort: Sort;
  /** The order, which filters keep. */
  readonly kept: HiddenFields;
  readonly bulk: BulkBarView;
  /** Where the table comes from again; undefined on later pages, which do not change under the reader. */
  readonly liveUrl?: string | undefined;
  readonly plansHref: string;
  /** The days it is narrowed to, as they were typed, and what is wrong with them. */
  readonly days: { readonly from?: string | undefined; readonly to?: string | undefined };
  readonly problem?: string | undefined;
};

export const RUNS_TABLE = 'runs';
/** Names up to this length are not broken in a narrow column. */
const SHORT_NAME_CHARS = 20;

export function runsPage(shell: Shell, view: RunsView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter runs',
    target: RUNS_TABLE,
    kept: view.kept,
    controls: html`${searchInput({ name: 'q', value: view.search, label: 'Name, error or id' })}${view.filters.map((filter) => filterSelect(filter))}${filterDays(view.days)}`,
  });
  return layout(shell, {
    title: 'Runs',
    heading: view.heading,
    lede: view.lede,
    content: html`${bar}${panel({ flush: true, content: runsTable(view) })}${bulkBar(view.bulk)}`,
  });
}

/** The table alone; live updates and filters take it from here. */
export function runsTable(view: RunsView): Html {
  return table<RunLine>({
    id: RUNS_TABLE,
    caption: 'Runs; the heads of the columns order them',
    sort: view.sort,
    select: selectRows(view.bulk, (row) => `the run ${row.title} on ${row.host.name}`),
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: [
      { id: 'state', label: 'State', width: 'fit', sortable: true, cell: (row) => runStatus(row.state) },
      { id: 'run', label: 'Run', primary: true, cell: (row) => runTitle(row, row.title) },
      { id: 'host', label: 'Host', sortable: true, cell: (row) => placeLink(row.host) },
      { id: 'plan', label: 'Plan', sortable: true, isSpare: true, cell: (row) => row.plan !== undefined && placeLink(row.plan) },
      { id: 'cause', label: 'Started', width: 'fit', isSpare: true, cell: causeCell },
      ...figureColumns(view.face),
    ],
    empty: noRuns(view),
    pager: view.rows.length === 0 ? undefined : view.pager,
    live: view.liveUrl === undefined ? undefined : { topic: 'runs', url: view.liveUrl },
  });
}

export type BriefRunsView = {
  readonly face: Clockface;
  readonly rows: readonly RunLine[];
  readonly liveUrl: string;
};

/** A few runs on the page of what ran: host and sources in one cell. */
export function runsBrief(view: BriefRunsView): Html {
  return table<RunLine>({
    id: RUNS_TABLE,
    caption: 'Newest runs',
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: [
      { id: 'state', label: 'State', width: 'fit', cell: (row) => runStatus(row.state) },
      { id: 'run', label: 'Run', primary: true, cell: (row) => runTitle(row, `${row.host.name} / ${row.title}`) },
      ...figureColumns(view.face),
    ],
    empty: emptyState({ icon: 'play', title: 'It has not run yet.' }),
    live: { topic: 'runs', url: view.liveUrl },
  });
}

function figureColumns(face: Clockface): readonly Column<RunLine>[] {
  return [
    { id: 'at', label: 'When', align: 'end', width: 'fit', sortable: 'created', cell: (row) => relativeTime(row.at, face) },
    {
      id: 'duration',
      label: 'Took',
      align: 'end',
      width: 'fit',
      sortable: true,
      cell: (row) => row.durationMs !== undefined && formatDuration(row.durationMs),
    },
    {
      id: 'bytes',
      label: 'Read',
      align: 'end',
      width: 'fit',
      sortable: true,
      cell: (row) => row.bytes !== undefined && formatBytes(row.bytes),
    },
  ];
}

function causeCell({ cause, causeHref }: RunLine): Html {
  return causeHref === undefined ? html`<span class="quiet">${cause}</span>` : html`<a href="${causeHref}">${cause}</a>`;
}

function runTitle(row: RunLine, title: string): Html {
  const problem = row.problem !== undefined && html`<div class="row-detail">${shortenHex(row.problem)}</div>`;
  const progress =
    row.progress !== undefined && html`<div class="row-detail">${liveBrief(row.progress.topic, row.progress.brief)}</div>`;
  return html`<a href="${row.href}">${title}</a>${progress}${problem}`;
}

function placeLink(place: { readonly name: string; readonly href?: string | undefined }): Html | string {
  const isShort = place.name.length <= SHORT_NAME_CHARS;
  return place.href === undefined ? place.name : html`<a class="${isShort && 'nowrap'}" href="${place.href}">${place.name}</a>`;
}

function noRuns(view: RunsView): Html {
  if (view.filtered)
    return emptyState({
      icon: 'search',
      title: view.problem ?? view.searched?.title ?? 'No run fits these filters.',
      text: view.problem === undefined ? view.searched?.text : undefined,
      action: linkButton({ href: view.action, label: 'Show all runs' }),
    });
  return emptyState({
    icon: 'play',
    title: 'Nothing has run yet.',
    text: 'A plan runs by its schedule, and whenever you ask it to.',
    action: linkButton({ href: view.plansHref, label: 'Go to the plans', kind: 'primary' }),
  });
}

/** `50 runs shown`. */
export function summarizeRuns(count: number): string {
  return `${formatNoun(count, 'run')} shown`;
}
