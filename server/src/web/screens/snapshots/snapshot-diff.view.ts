/** What differs between two snapshots of a source. */
import { type Html, html } from '../../html.ts';
import { button, type HiddenFields, hiddenInputs, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import type { IconName } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import { filterSelect, table } from '../../ui/table.ts';

export type ChangeLine = {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly change: 'added' | 'removed' | 'changed' | 'type';
  readonly beforeBytes?: number | undefined;
  readonly afterBytes?: number | undefined;
};

export type SnapshotDiffView = {
  readonly crumbs: readonly Crumb[];
  readonly heading: string;
  readonly lede?: string | undefined;
  readonly action: string;
  readonly older: string;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  /** What the choice keeps: where the offered ones begin. */
  readonly kept: HiddenFields;
  /** To those that are older than the offered ones, and back to the newest. */
  readonly olderHref?: string | undefined;
  readonly newestHref?: string | undefined;
  readonly changes: readonly ChangeLine[];
  readonly trouble?: { readonly title: string; readonly text: string; readonly href: string; readonly label: string } | undefined;
  readonly backHref: string;
};

const WORDS = {
  added: { word: 'added', tone: 'protected', icon: 'plus' },
  removed: { word: 'removed', tone: 'unprotected', icon: 'trash' },
  changed: { word: 'changed', tone: 'at-risk', icon: 'finalizing' },
  type: { word: 'another kind', tone: 'at-risk', icon: 'finalizing' },
} as const satisfies Record<ChangeLine['change'], { word: string; tone: string; icon: IconName }>;

export function snapshotDiffPage(shell: Shell, view: SnapshotDiffView): Html {
  const chooser =
    (view.choices.length > 0 || view.olderHref !== undefined) &&
    html`<div class="toolbar"><form class="toolbar-form" method="get" action="${view.action}" aria-label="Compare with" data-auto-submit>${hiddenInputs(view.kept)}<span class="quiet">Compared with</span>${filterSelect({ name: 'older', label: 'The older snapshot', value: view.older, options: view.choices })}<span class="no-js">${button({ label: 'Compare' })}</span></form>${moreLinks(view)}</div>`;
  return layout(shell, {
    title: 'Differences',
    crumbs: view.crumbs,
    heading: view.heading,
    lede: view.lede,
    actions: linkButton({ href: view.backHref, label: 'Browse files' }),
    content: html`<div class="stack">${chooser}${panel({ flush: true, content: changesTable(view) })}</div>`,
  });
}

/** The choice has room for some; what lies beyond is a click away. */
function moreLinks({ olderHref, newestHref }: SnapshotDiffView): Html | false {
  if (olderHref === undefined && newestHref === undefined) return false;
  return html`<div class="toolbar-end cluster">${newestHref !== undefined && linkButton({ href: newestHref, label: 'Choose among the newest', small: true })}${olderHref !== undefined && linkButton({ href: olderHref, label: 'Choose among older ones', small: true })}</div>`;
}

function changesTable(view: SnapshotDiffView): Html {
  if (view.trouble !== undefined) {
    const { title, text, href, label } = view.trouble;
    return emptyState({ icon: 'offline', title, text, action: linkButton({ href, label }) });
  }
  return table<ChangeLine>({
    id: 'changes',
    caption: 'What differs, by path',
    rows: view.changes,
    columns: [
      {
        id: 'path',
        label: 'Path',
        primary: true,
        cell: (row) => html`<span class="tree-words">${row.path}${row.isDirectory && '/'}</span>`,
      },
      { id: 'change', label: 'What', width: 'fit', cell: (row) => status(WORDS[row.change]) },
      {
        id: 'before',
        label: 'Before',
        align: 'end',
        width: 'fit',
        cell: (row) => row.beforeBytes !== undefined && formatBytes(row.beforeBytes),
      },
      {
        id: 'after',
        label: 'After',
        align: 'end',
        width: 'fit',
        cell: (row) => row.afterBytes !== undefined && formatBytes(row.afterBytes),
      },
    ],
    empty: emptyState({ icon: 'check', title: 'Nothing differs: content and kinds of all files are the same.' }),
  });
}
