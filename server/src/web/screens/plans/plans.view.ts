/** The list of plans: what runs when, and whether it went well. */
import type { RunState } from '@holdfast/shared/domain/run.ts';
import { attrs, type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { liveAttributes, panel } from '../../ui/panel.ts';
import { runStatus, status } from '../../ui/status.ts';
import {
  type FilterChip,
  type FilterOption,
  filterChips,
  filterSelect,
  type Pager,
  type Sort,
  searchInput,
  table,
  toolbar,
} from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';

export type PlanLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly enabled: boolean;
  readonly sources: string;
  readonly repository: { readonly name: string; readonly href?: string | undefined };
  /** `every day at 02:00, Europe/Berlin`, or `by hand`. */
  readonly schedule: string;
  /** The name of the shared schedule that it goes by. */
  readonly shared?: string | undefined;
  readonly nextAt?: number | undefined;
  readonly last?: { readonly state: RunState; readonly at: number; readonly href: string } | undefined;
  /** Where the switch is sent; undefined for those who may not. */
  readonly toggleAction?: string | undefined;
};

export type PlansView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly lede?: string | undefined;
  readonly rows: readonly PlanLine[];
  readonly action: string;
  readonly search: string;
  readonly filters: readonly {
    readonly name: string;
    readonly label: string;
    readonly value: string;
    readonly options: readonly FilterOption[];
  }[];
  /** What the list is narrowed to. */
  readonly chips: readonly FilterChip[];
  /** This list, for acts that come back to it. */
  readonly back: string;
  readonly pager: Pager;
  readonly sort: Sort;
  /** The order, which filters keep. */
  readonly kept: HiddenFields;
  readonly bulk: BulkBarView;
  readonly liveUrl?: string | undefined;
  readonly addHref?: string | undefined;
  readonly schedulesHref: string;
};

export const PLANS_PART = 'plans';

export function plansPage(shell: Shell, view: PlansView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter plans',
    target: PLANS_PART,
    kept: view.kept,
    controls: html`${searchInput({ name: 'q', value: view.search, label: 'Search plans' })}${view.filters.map((filter) => filterSelect(filter))}`,
  });
  return layout(shell, {
    title: 'Plans',
    heading: view.heading,
    lede: view.lede,
    actions: html`${linkButton({ href: view.schedulesHref, label: 'Shared schedules' })}${view.addHref !== undefined && linkButton({ href: view.addHref, label: 'Make a plan', kind: 'primary' })}`,
    content: html`${bar}${plansPart(view)}${view.rows.length > 0 && bulkBar(view.bulk)}`,
  });
}

/** What filters and live updates change: the filters that are on, and the table. */
export function plansPart(view: PlansView): Html {
  const live = view.liveUrl === undefined ? undefined : { topic: 'plans runs', url: view.liveUrl };
  return html`<div ${attrs({ id: PLANS_PART, ...liveAttributes(live) })}>${filterChips(view.chips, view.action)}${panel({ flush: true, content: plansTable(view) })}</div>`;
}

function plansTable(view: PlansView): Html {
  const { face } = view;
  return table<PlanLine>({
    id: 'plan-table',
    caption: 'Plans; the heads of the columns order them',
    sort: view.sort,
    select: selectRows(view.bulk, (row) => row.name),
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: [
      { id: 'state', label: 'Last run', width: 'fit', cell: lastRun },
      { id: 'name', label: 'Plan', primary: true, sortable: true, cell: (row) => html`<a href="${row.href}">${row.name}</a>` },
      { id: 'sources', label: 'Sources', cell: (row) => row.sources },
      {
        id: 'repository',
        label: 'Repository',
        isSpare: true,
        cell: ({ repository }) =>
          repository.href === undefined ? repository.name : html`<a href="${repository.href}">${repository.name}</a>`,
      },
      {
        id: 'schedule',
        label: 'Fires',
        cell: (row) => html`${row.schedule}${row.shared !== undefined && html`<br><span class="quiet">${row.shared}</span>`}`,
      },
      {
        id: 'next',
        label: 'Next',
        align: 'end',
        width: 'fit',
        sortable: true,
        cell: (row) => row.nextAt !== undefined && relativeTime(row.nextAt, face),
      },
      {
        id: 'last',
        label: 'Ran',
        align: 'end',
        width: 'fit',
        cell: (row) => row.last !== undefined && html`<a href="${row.last.href}">${relativeTime(row.last.at, face)}</a>`,
      },
      { id: 'switch', label: 'Switch', hideLabel: true, width: 'fit', cell: (row) => switchButton(row, view.back) },
    ],
    empty: noPlans(view),
    pager: view.rows.length === 0 ? undefined : view.pager,
  });
}

function lastRun(row: PlanLine): Html {
  if (!row.enabled) return status({ word: 'paused', tone: 'quiet', icon: 'pause' });
  return row.last === undefined ? status({ word: 'never ran', tone: 'unknown', icon: 'question' }) : runStatus(row.last.state);
}

function switchButton(row: PlanLine, back: string): Html | false {
  return (
    row.toggleAction !== undefined &&
    postButton({
      action: row.toggleAction,
      label: row.enabled ? 'Pause' : 'Resume',
      icon: row.enabled ? 'pause' : 'play',
      small: true,
      hidden: { enabled: String(!row.enabled), back },
      attributes: { 'aria-label': `${row.enabled ? 'Pause' : 'Resume'} ${row.name}` },
    })
  );
}

function noPlans(view: PlansView): Html {
  if (view.chips.length > 0)
    return emptyState({
      icon: 'search',
      title: view.chips.length === 1 ? 'No plan matches this filter.' : 'No plan matches all of these filters.',
      text: 'Remove one above, or see every plan.',
      action: linkButton({ href: view.action, label: 'Show all plans' }),
    });
  return emptyState({
    icon: 'shield',
    title: 'No plan yet, so nothing is backed up.',
    text: 'A plan says which sources go to which repository, and when.',
    action: view.addHref !== undefined && linkButton({ href: view.addHref, label: 'Make the first plan', kind: 'primary' }),
  });
}
