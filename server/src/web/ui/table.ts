/** Tables: sortable by links, paged by cursor, cards below 640 px, never without a way on when empty. */
import { attrs, type Html, type HtmlValue, html } from '../html.ts';
import { type HiddenFields, hiddenInputs } from './button.ts';
import { icon } from './icons.ts';
import { type Live, liveAttributes } from './panel.ts';

export type Column<Row> = {
  readonly id: string;
  readonly label: string;
  readonly cell: (row: Row) => HtmlValue;
  /** Numbers stand at the end. */
  readonly align?: 'end' | undefined;
  /** The header becomes a link that orders the list by this column, or by the order named; needs `sort` on the table. */
  readonly sortable?: boolean | string | undefined;
  /** The cell that names the row: its header, and the card's title. Exactly one column. */
  readonly primary?: boolean | undefined;
  /** `fit` never wraps; `wide` takes what is left. */
  readonly width?: 'fit' | 'wide' | undefined;
  /** The label is for those who cannot see the table (buttons, icons). */
  readonly hideLabel?: boolean | undefined;
  /** Left out where the table is too narrow for all of its columns and too wide for cards. */
  readonly isSpare?: boolean | undefined;
};

export type Sort = {
  readonly column: string;
  readonly direction: 'asc' | 'desc';
  readonly href: (column: string, direction: 'asc' | 'desc') => string;
  /** How a column that is not the one is ordered first; upwards where it is left out. */
  readonly first?: ((column: string) => 'asc' | 'desc') | undefined;
  /** The only ones there are, where a search leaves fewer than the columns offer. */
  readonly orders?: readonly string[] | undefined;
};

export type Pager = {
  /** `1–50 of 5,000`, or `50 runs`. */
  readonly summary?: HtmlValue;
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  /** Tells it from others on the same page; `Pages` unless told. */
  readonly label?: string | undefined;
};

/** A checkbox before each row, part of the form with this id. */
export type Selection<Row> = {
  readonly form: string;
  readonly name: string;
  readonly value: (row: Row) => string;
  readonly label: (row: Row) => string;
  /** What the form sends beside the rows: of the list as it is shown now, so that filters that follow the typing change it too. */
  readonly hidden?: HiddenFields | undefined;
};

/**
 * The id of a row's element. A live update finds by it the row that it changes: without one, the tick or the focus of a row would
 * stay at its place while another row moves there.
 */
type RowId<Row> = (row: Row) => string;

export type TableView<Row> = {
  readonly id: string;
  /** What the table holds, for those who cannot see it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly sort?: Sort | undefined;
  /** Shown instead of the table when there is no row: `emptyState({…})`. */
  readonly empty?: Html | undefined;
  readonly pager?: Pager | undefined;
} & (
  | { readonly rowId: RowId<Row>; readonly select?: Selection<Row> | undefined; readonly live?: Live | undefined }
  /** Only for a table that is drawn once: nothing is ticked in it, and no live part holds it. */
  | { readonly rowId?: undefined; readonly select?: undefined; readonly live?: undefined }
);

export function table<Row>(view: TableView<Row>): Html {
  const content =
    view.rows.length === 0 && view.empty !== undefined
      ? view.empty
      : html`<table class="table" role="table"><caption class="visually-hidden">${view.caption}</caption><thead role="rowgroup"><tr role="row">${
          view.select !== undefined &&
          html`<th role="columnheader" class="cell-select" scope="col"><span class="visually-hidden">Choose</span><label class="check-only needs-js"><input type="checkbox" ${attrs({ 'data-choose-all': view.select.form })}><span class="visually-hidden">Choose all on this page</span></label></th>`
        }${view.columns.map((column) => headCell(column, view.sort))}</tr></thead><tbody role="rowgroup">${view.rows.map((row) => bodyRow(row, view))}</tbody></table>`;
  return html`<div class="table-wrap" ${attrs({ id: view.id, ...liveAttributes(view.live) })}>${view.select !== undefined && hiddenInputs(view.select.hidden, view.select.form)}${content}${view.pager !== undefined && hasSomething(view.pager, content === view.empty) && pager(view.pager)}</div>`;
}

function headCell<Row>(column: Column<Row>, sort: Sort | undefined): Html {
  const classes = cellClass(column);
  const { sortable } = column;
  const name = sortable === true ? column.id : sortable;
  if (sort === undefined || name === undefined || name === false || sort.orders?.includes(name) === false) {
    return html`<th role="columnheader" scope="col" class="${classes}">${column.hideLabel === true ? html`<span class="visually-hidden">${column.label}</span>` : column.label}</th>`;
  }
  const active = sort.column === name;
  const other = sort.direction === 'asc' ? 'desc' : 'asc';
  const next = active ? other : (sort.first?.(name) ?? 'asc');
  const arrow = active ? (sort.direction === 'asc' ? icon('up') : icon('down')) : icon('sort');
  return html`<th role="columnheader" scope="col" class="${classes}" ${attrs({ 'aria-sort': active ? (sort.direction === 'asc' ? 'ascending' : 'descending') : null })}><a class="sort ${
    active && 'sort-active'
  }" href="${sort.href(name, next)}">${column.label}${arrow}</a></th>`;
}

function bodyRow<Row>(row: Row, view: TableView<Row>): Html {
  const { select } = view;
  const box =
    select !== undefined &&
    html`<td role="cell" class="cell-select"><label class="check-only"><input type="checkbox" ${attrs({ form: select.form, name: select.name, value: select.value(row) })}><span class="visually-hidden">${select.label(row)}</span></label></td>`;
  return html`<tr role="row" data-row ${attrs({ id: view.rowId?.(row) })}>${box}${view.columns.map((column) => bodyCell(column, row))}</tr>`;
}

function bodyCell<Row>(column: Column<Row>, row: Row): Html {
  const classes = cellClass(column);
  if (column.primary === true) return html`<th role="rowheader" scope="row" class="${classes}">${column.cell(row)}</th>`;
  return html`<td role="cell" class="${classes}" ${attrs({ 'data-label': column.hideLabel === true ? null : column.label })}><div class="cell">${column.cell(row)}</div></td>`;
}

function cellClass<Row>(column: Column<Row>): string {
  return [
    column.align === 'end' && 'cell-end',
    column.primary === true && 'cell-primary',
    column.width !== undefined && `cell-${column.width}`,
    column.isSpare === true && 'cell-spare',
  ]
    .filter((name) => name !== false)
    .join(' ');
}

/** A list that is empty says so itself and needs no count; there may still be pages before it. */
const hasSomething = ({ summary, previousHref, nextHref }: Pager, isEmpty: boolean): boolean =>
  (summary !== undefined && !isEmpty) || previousHref !== undefined || nextHref !== undefined;

/** Previous and next page of a cursor-paged list. */
export function pager(view: Pager): Html {
  const step = (href: string | undefined, rel: string, label: HtmlValue): Html =>
    href === undefined
      ? html`<span class="button button-secondary button-small" aria-disabled="true">${label}</span>`
      : html`<a class="button button-secondary button-small" rel="${rel}" href="${href}">${label}</a>`;
  const steps =
    (view.previousHref !== undefined || view.nextHref !== undefined) &&
    html`<div class="cluster">${step(view.previousHref, 'prev', html`${icon('left')}<span>Previous</span>`)}${step(view.nextHref, 'next', html`<span>Next</span>${icon('right')}`)}</div>`;
  return html`<nav class="pager" aria-label="${view.label ?? 'Pages'}"><span class="pager-summary">${view.summary}</span>${steps}</nav>`;
}

export type ToolbarView = {
  /** The page itself: filters are its query. */
  readonly action: string;
  readonly label: string;
  readonly controls: HtmlValue;
  readonly end?: HtmlValue;
  /** The id of the part that filters change, e.g. the table's: it follows each letter typed. */
  readonly target?: string | undefined;
  /** What stays as it is, such as the order. */
  readonly kept?: HiddenFields | undefined;
};

/** Search and filters above a table: a GET form, whose button shows only without JavaScript. */
export function toolbar(view: ToolbarView): Html {
  const end = view.end !== undefined && html`<div class="toolbar-end">${view.end}</div>`;
  const fields = html`${hiddenInputs(view.kept)}${view.controls}<button class="button button-secondary no-js">Apply</button>`;
  if (view.target === undefined) {
    return html`<div class="toolbar"><form class="toolbar-form" role="search" method="get" action="${view.action}" aria-label="${view.label}" data-auto-submit>${fields}</form>${end}</div>`;
  }
  return html`<div class="toolbar"><form class="toolbar-form" role="search" method="get" action="${view.action}" aria-label="${view.label}" hx-get="${view.action}" hx-target="#${view.target}" hx-select="#${view.target}" hx-swap="outerMorph" hx-sync="this:replace" hx-status:4xx="swap:none" hx-status:5xx="swap:none" hx-trigger="input delay:200ms, submit">${fields}</form>${end}</div>`;
}

/** The search field of a toolbar; `/` focuses it. */
export function searchInput(view: { readonly name: string; readonly value?: string | undefined; readonly label: string }): Html {
  return html`<label class="search">${icon('search')}<span class="visually-hidden">${view.label}</span><input class="input" type="search" data-search autocomplete="off" spellcheck="false" ${attrs({ name: view.name, value: view.value ?? '', placeholder: view.label })}></label>`;
}

export type FilterOption = { readonly value: string; readonly label: string; readonly disabled?: boolean | undefined };

/** A small select of a toolbar. */
export function filterSelect(view: {
  readonly name: string;
  readonly label: string;
  readonly value?: string | undefined;
  readonly options: readonly FilterOption[];
}): Html {
  return html`<label class="filter"><span class="visually-hidden">${view.label}</span><select class="input" ${attrs({ name: view.name })}>${view.options.map(
    (option) =>
      html`<option ${attrs({ value: option.value, selected: option.value === (view.value ?? ''), disabled: option.disabled })}>${option.label}</option>`,
  )}</select></label>`;
}

/** The first and the last day of what a list shows, both included; `from` and `to` in its address. */
export function filterDays(view: { readonly from?: string | undefined; readonly to?: string | undefined }): Html {
  const day = (name: 'from' | 'to', label: string) =>
    html`<label class="filter filter-day"><span>${label}</span><input class="input" type="date" ${attrs({ name, value: view[name] ?? '' })}></label>`;
  return html`${day('from', 'From')}${day('to', 'To')}`;
}

/** A filter that is on: what is shown, and the list's address without it. */
export type FilterChip = { readonly label: string; readonly value: string; readonly removeHref: string };

/** The filters that are on, each with its way out; nothing when none is. Stands in the part that filters change. */
export function filterChips(chips: readonly FilterChip[], clearHref: string): Html | false {
  if (chips.length === 0) return false;
  const clear = chips.length > 1 && html`<li><a class="chip-clear" href="${clearHref}">Remove all</a></li>`;
  return html`<ul class="chips" aria-label="Filters that are on">${chips.map(
    (chip) =>
      html`<li><a class="chip" href="${chip.removeHref}"><span class="chip-text"><span class="quiet">${chip.label}</span> ${chip.value}</span>${icon('close')}<span class="visually-hidden">remove this filter</span></a></li>`,
  )}${clear}</ul>`;
}
