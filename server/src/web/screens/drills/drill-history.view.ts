/** Every drill that came to a verdict, the newest first, narrowed to what it was about. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type FilterOption, filterDays, filterSelect, table, toolbar } from '../../ui/table.ts';
import type { Clockface } from '../../ui/time.ts';
import { type VerdictLine, verdictColumns } from './drills.view.ts';

export type HistoryLine = VerdictLine & { readonly host: { readonly name: string; readonly href: string } };

export type DrillHistoryView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly action: string;
  readonly drillsHref: string;
  readonly rows: readonly HistoryLine[];
  readonly filters: readonly {
    readonly name: string;
    readonly label: string;
    readonly value: string;
    readonly options: readonly FilterOption[];
  }[];
  readonly isNarrowed: boolean;
  /** The days it is narrowed to, as they were typed, and what is wrong with them. */
  readonly days: { readonly from?: string | undefined; readonly to?: string | undefined };
  readonly problem?: string | undefined;
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
};

export const DRILL_HISTORY_TABLE = 'drill-history';

export function drillHistoryPage(shell: Shell, view: DrillHistoryView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter drills',
    target: DRILL_HISTORY_TABLE,
    controls: html`${view.filters.map((filter) => filterSelect(filter))}${filterDays(view.days)}`,
  });
  return layout(shell, {
    title: 'All drills',
    crumbs: [{ label: 'Drills', href: view.drillsHref }, { label: 'All drills' }],
    heading: view.heading,
    lede: 'Each that came to a verdict. What could not be carried out is among the runs.',
    content: html`${bar}${panel({ flush: true, content: drillHistoryTable(view) })}`,
  });
}

/** The table alone; what the filters put in its place. */
export function drillHistoryTable(view: DrillHistoryView): Html {
  const [source, ...rest] = verdictColumns(view.face);
  return table<HistoryLine>({
    id: DRILL_HISTORY_TABLE,
    caption: 'Drills that came to a verdict, the newest first',
    rows: view.rows,
    rowId: (row) => `drill-${row.id}`,
    columns: [
      ...(source === undefined ? [] : [source]),
      { id: 'host', label: 'Took place on', cell: ({ host }) => html`<a href="${host.href}">${host.name}</a>` },
      // What the run says as well makes room where it is narrow.
      ...rest.map((column) => ({ ...column, isSpare: column.id === 'restore' || column.id === 'age' })),
    ],
    empty: noDrills(view),
    pager: {
      summary: `${formatNoun(view.rows.length, 'drill')} shown`,
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

function noDrills({ isNarrowed, problem, action, drillsHref }: DrillHistoryView): Html {
  if (isNarrowed)
    return emptyState({
      icon: 'search',
      title: problem ?? 'No drill fits these filters.',
      action: linkButton({ href: action, label: 'Show all drills' }),
    });
  return emptyState({
    icon: 'shield',
    title: 'No drill has come to a verdict yet.',
    action: linkButton({ href: drillsHref, label: 'See what could be tried out', kind: 'primary' }),
  });
}
