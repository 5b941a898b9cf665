/** Where a restore begins: each source with its newest good snapshot, and what was brought back before. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { type Pager, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type BriefRunsView, runsBrief } from '../runs/runs.view.ts';

export type RestorableLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly host: string;
  /** `PostgreSQL database`. */
  readonly kind: string;
  /** The newest clean backup; undefined where there is none. */
  readonly newest?: { readonly at: number; readonly bytes?: number | undefined; readonly href: string } | undefined;
  readonly restoreHref?: string | undefined;
  /** Where single files are chosen, for a source that has some. */
  readonly filesHref?: string | undefined;
  readonly olderHref: string;
};

export type RestoreStartView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly rows: readonly RestorableLine[];
  readonly action: string;
  readonly search: string;
  readonly pager: Pager;
  readonly liveUrl?: string | undefined;
  readonly plansHref: string;
  readonly past: BriefRunsView;
  readonly pastHref: string;
  /** Dump files that lie on hosts; undefined for who is not allowed to restore. */
  readonly dumpsHref?: string | undefined;
};

export const RESTORABLE_TABLE = 'restorable';

export function restoreStartPage(shell: Shell, view: RestoreStartView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Find a source',
    target: RESTORABLE_TABLE,
    controls: [searchInput({ name: 'q', label: 'Search sources by name', value: view.search })],
  });
  const past =
    view.past.rows.length > 0 &&
    panel({
      title: 'Past restores',
      aside: html`<a href="${view.pastHref}">all</a>`,
      flush: true,
      content: runsBrief(view.past),
    });
  return layout(shell, {
    title: 'Restore',
    heading: view.heading,
    lede: 'Unless you choose otherwise everything goes to a new place, a new directory or a database under a new name, and nothing is overwritten.',
    actions: view.dumpsHref !== undefined && linkButton({ href: view.dumpsHref, label: 'From a dump file on a host…' }),
    content: html`<div class="stack">${bar}${panel({ flush: true, content: restorableTable(view) })}${past}</div>`,
  });
}

export function restorableTable(view: RestoreStartView): Html {
  return table<RestorableLine>({
    id: RESTORABLE_TABLE,
    caption: 'Sources and the newest snapshot of each that a clean run vouches for',
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    columns: [
      {
        id: 'source',
        label: 'Source',
        primary: true,
        cell: (row) => html`<a href="${row.href}">${row.host} / ${row.name}</a>`,
      },
      { id: 'kind', label: 'Kind', width: 'fit', isSpare: true, cell: (row) => html`<span class="quiet">${row.kind}</span>` },
      {
        id: 'newest',
        label: 'Newest good',
        width: 'fit',
        cell: (row) =>
          row.newest === undefined
            ? html`<span class="quiet">none yet</span>`
            : html`<a href="${row.newest.href}">${relativeTime(row.newest.at, view.face)}</a>`,
      },
      {
        id: 'bytes',
        label: 'Size',
        align: 'end',
        width: 'fit',
        cell: (row) => row.newest !== undefined && formatBytes(row.newest.bytes),
      },
      { id: 'older', label: 'Others', width: 'fit', cell: (row) => html`<a href="${row.olderHref}">Older ones</a>` },
      {
        id: 'act',
        label: 'Restore',
        width: 'fit',
        align: 'end',
        cell: (row) =>
          row.restoreHref !== undefined &&
          html`<span class="cluster cluster-end">${
            row.filesHref !== undefined &&
            linkButton({
              href: row.filesHref,
              label: 'Choose files…',
              small: true,
              attributes: { 'aria-label': `Choose files of ${row.host} / ${row.name}…` },
            })
          }${linkButton({
            href: row.restoreHref,
            label: 'Restore…',
            small: true,
            attributes: { 'aria-label': `Restore ${row.host} / ${row.name}…` },
          })}</span>`,
      },
    ],
    empty: emptyState({
      icon: 'search',
      title: view.search === '' ? 'There is nothing to bring back yet.' : 'No source has such a name.',
      text: view.search === '' ? 'A plan backs sources up; from its first clean run on they can be restored here.' : undefined,
      action:
        view.search === ''
          ? linkButton({ href: view.plansHref, label: 'Go to the plans' })
          : linkButton({ href: view.action, label: 'Show all sources' }),
    }),
    pager: view.rows.length === 0 ? undefined : view.pager,
    live: view.liveUrl === undefined ? undefined : { topic: 'sources snapshots', url: view.liveUrl },
  });
}
