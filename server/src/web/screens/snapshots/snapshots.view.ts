/** Snapshots: what can be got back, newest first. */
import { type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton } from '../../ui/button.ts';
import { sparkline } from '../../ui/charts.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';
import { badge, type StatusView, status } from '../../ui/status.ts';
import {
  type Column,
  type FilterOption,
  filterDays,
  filterSelect,
  type Pager,
  type Selection,
  type Sort,
  searchInput,
  table,
  toolbar,
} from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { momentsLine, type SnapshotPoint } from './moments.view.ts';
import { SNAPSHOT_ACTS, type SnapshotActsView, snapshotActsBar } from './snapshot-acts.view.ts';

export type SnapshotState = 'good' | 'partial' | 'quarantined' | 'missing' | 'removed';

/** Only what a clean run vouches for is called good. */
const STATES: Readonly<Record<SnapshotState, StatusView>> = {
  good: { word: 'good', tone: 'protected', icon: 'check' },
  partial: { word: 'partial', tone: 'at-risk', icon: 'partial' },
  quarantined: { word: 'not vouched for', tone: 'unknown', icon: 'question' },
  missing: { word: 'gone', tone: 'unprotected', icon: 'cross' },
  removed: { word: 'removed', tone: 'quiet', icon: 'cancelled' },
};

/** Good by its evidence, of a size that nobody would expect. */
const SUSPICIOUS: StatusView = { word: 'suspicious size', tone: 'at-risk', icon: 'warning' };

export function snapshotStatus(state: SnapshotState, isSuspicious = false): Html {
  return status(state === 'good' && isSuspicious ? SUSPICIOUS : STATES[state]);
}

/** Its last reading did not come to its end. */
const UNREADABLE: StatusView = { word: 'cannot be read', tone: 'unprotected', icon: 'cross' };

/** Somebody had it deleted, and its host has not done so yet. */
export const LEAVING: StatusView = { word: 'deletion pending', tone: 'at-risk', icon: 'queued' };

type Place = { readonly name: string; readonly href?: string | undefined };

export type SnapshotLine = {
  readonly id: string;
  readonly href: string;
  readonly state: SnapshotState;
  /** Its size does not fit those before it. */
  readonly isSuspicious: boolean;
  /** A person said that it stays. */
  readonly isPinned: boolean;
  /** Its deletion is ordered and has not ended. */
  readonly isLeaving: boolean;
  /** It is a copy of one in another repository. */
  readonly isCopy: boolean;
  /** What the last reading of all of it came to; undefined: it was never read whole. */
  readonly isReadable?: boolean | undefined;
  readonly source: string;
  readonly host: Place;
  readonly repository: Place;
  readonly at: number;
  readonly sizeBytes: number;
  readonly addedBytes?: number | undefined;
  /** Undefined where no run made it: a person took it over. */
  readonly runHref: string | undefined;
  /** Where it is restored from; undefined when it must not or may not be. */
  readonly restoreHref?: string | undefined;
};

export type SnapshotsView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly rows: readonly SnapshotLine[];
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
  readonly liveUrl?: string | undefined;
  /** Sizes over time, oldest first, where the list is about one source. */
  readonly sizes?: { readonly values: readonly number[]; readonly label: string } | undefined;
  /** Of one source, rising in time; undefined where the list is about several. */
  readonly moments?: readonly SnapshotPoint[] | undefined;
  readonly plansHref: string;
  /** Runs of kind restore. */
  readonly restoresHref: string;
  readonly acts: SnapshotActsView;
  /** The days it is narrowed to, as they were typed, and what is wrong with them. */
  readonly days: { readonly from?: string | undefined; readonly to?: string | undefined };
  readonly problem?: string | undefined;
};

export const SNAPSHOTS_TABLE = 'snapshots';
/** Table and what belongs to the same filter. */
export const SNAPSHOTS_ANSWER = 'snapshots-answer';

export function snapshotsPage(shell: Shell, view: SnapshotsView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter snapshots',
    target: SNAPSHOTS_ANSWER,
    kept: view.kept,
    controls: html`${searchInput({ name: 'q', value: view.search, label: 'Name or id' })}${view.filters.map((filter) => filterSelect(filter))}${filterDays(view.days)}`,
  });
  return layout(shell, {
    title: 'Snapshots',
    heading: view.heading,
    actions: linkButton({ href: view.restoresHref, label: 'Past restores' }),
    content: html`${bar}${snapshotsAnswer(view)}`,
  });
}

export function snapshotsAnswer(view: SnapshotsView): Html {
  const sizes =
    view.sizes !== undefined && panel({ title: 'Size over time', aside: view.sizes.label, content: sparkline(view.sizes) });
  const moments =
    view.moments !== undefined &&
    panel({
      title: 'Over time',
      aside: `${formatNoun(view.moments.length, 'snapshot')} of this page`,
      content: momentsLine(view.moments, view.face),
    });
  return html`<div class="stack" id="${SNAPSHOTS_ANSWER}">${moments}${sizes}${panel({ flush: true, content: snapshotsTable(view) })}${view.rows.length > 0 && snapshotActsBar(view.acts)}</div>`;
}

const SELECTION: Selection<SnapshotLine> = {
  form: SNAPSHOT_ACTS,
  name: 'snapshots',
  value: (row) => row.id,
  label: (row) => `Choose the snapshot of ${row.source} in ${row.repository.name}`,
};

export function snapshotsTable(view: SnapshotsView): Html {
  return table<SnapshotLine>({
    id: SNAPSHOTS_TABLE,
    caption: 'Snapshots; the heads of the columns order them',
    sort: view.sort,
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: snapshotColumns(view.face),
    empty: noSnapshots(view),
    ...(view.acts.mayVerify ? { select: SELECTION } : {}),
    pager: view.rows.length === 0 ? undefined : view.pager,
    live: view.liveUrl === undefined ? undefined : { topic: 'snapshots', url: view.liveUrl },
  });
}

/** A few snapshots on another page: host and source in one cell. */
export function snapshotsBrief(id: string, rows: readonly SnapshotLine[], face: Clockface): Html {
  const wide = ['host', 'repository', 'added', 'run'];
  const columns = snapshotColumns(face)
    .filter((column) => !wide.includes(column.id))
    .map((column) =>
      column.primary === true
        ? { ...column, cell: (row: SnapshotLine) => html`<a href="${row.href}">${row.host.name} / ${row.source}</a>` }
        : column,
    );
  return table<SnapshotLine>({ id, caption: 'Newest snapshots', rows, rowId: (row) => `row-${row.id}`, columns });
}

function snapshotColumns(face: Clockface): readonly Column<SnapshotLine>[] {
  return [
    {
      id: 'state',
      label: 'State',
      width: 'fit',
      cell: (row) =>
        html`${snapshotStatus(row.state, row.isSuspicious)}${row.isLeaving && html` ${status(LEAVING)}`}${row.isPinned && html` ${badge('pinned')}`}${row.isCopy && html` ${badge('copy')}`}${row.isReadable === false && html` ${status(UNREADABLE)}`}`,
    },
    { id: 'source', label: 'Source', primary: true, cell: (row) => html`<a href="${row.href}">${row.source}</a>` },
    { id: 'at', label: 'Made', width: 'fit', sortable: 'created', cell: (row) => relativeTime(row.at, face) },
    { id: 'host', label: 'Host', cell: (row) => placeLink(row.host) },
    { id: 'repository', label: 'Repository', cell: (row) => placeLink(row.repository) },
    { id: 'size', label: 'Size', align: 'end', width: 'fit', sortable: true, cell: (row) => formatBytes(row.sizeBytes) },
    {
      id: 'added',
      label: 'Added',
      align: 'end',
      isSpare: true,
      width: 'fit',
      cell: (row) => row.addedBytes !== undefined && formatBytes(row.addedBytes),
    },
    {
      id: 'run',
      label: 'Run',
      width: 'fit',
      isSpare: true,
      cell: (row) => (row.runHref === undefined ? badge('adopted') : html`<a href="${row.runHref}">run</a>`),
    },
    {
      id: 'restore',
      label: 'Restore',
      hideLabel: true,
      width: 'fit',
      cell: (row) => row.restoreHref !== undefined && linkButton({ href: row.restoreHref, label: 'Restore…', small: true }),
    },
  ];
}

function placeLink(place: Place): Html | string {
  return place.href === undefined ? place.name : html`<a href="${place.href}">${place.name}</a>`;
}

function noSnapshots(view: SnapshotsView): Html {
  if (view.filtered)
    return emptyState({
      icon: 'search',
      title: view.problem ?? view.searched?.title ?? 'No snapshot fits these filters.',
      text: view.problem === undefined ? view.searched?.text : undefined,
      action: linkButton({ href: view.action, label: 'Show all snapshots' }),
    });
  return emptyState({
    icon: 'shield',
    title: 'There is nothing to restore yet.',
    text: 'Each clean run of a plan leaves a snapshot of every source.',
    action: linkButton({ href: view.plansHref, label: 'Go to the plans', kind: 'primary' }),
  });
}
