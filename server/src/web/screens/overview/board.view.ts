/** The board: all sources in columns by how they stand, the worst first. */
import { type Html, html } from '../../html.ts';
import { linkButton, onward } from '../../ui/button.ts';
import { stackedBar } from '../../ui/charts.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatCount } from '../../ui/quantity.ts';
import { type ProtectionState, protectionStatus, viewOfProtection } from '../../ui/status.ts';

export type BoardCard = {
  readonly id: string;
  readonly title: string;
  readonly href: string;
  readonly reason: string;
};

export type BoardColumn = {
  readonly status: ProtectionState;
  readonly count: number;
  readonly cards: readonly BoardCard[];
  readonly allHref: string;
};

export type BoardView = {
  readonly here: string;
  readonly heading: string;
  readonly lede: string;
  readonly overviewHref: string;
  readonly reportHref: string;
  /** For who may add sources. */
  readonly addSourceHref?: string | undefined;
  readonly columns: readonly BoardColumn[];
};

export const BOARD_PART = 'board';
const TOPICS = 'overview sources runs hosts';

export function boardPage(shell: Shell, view: BoardView): Html {
  return layout(shell, {
    title: 'Board',
    heading: view.heading,
    lede: view.lede === '' ? undefined : view.lede,
    crumbs: [{ label: 'Overview', href: view.overviewHref }, { label: 'Board' }],
    actions: linkButton({ href: view.reportHref, label: 'This month' }),
    content: boardPart(view),
  });
}

export function boardPart(view: BoardView): Html {
  const shown = view.columns.filter(({ count }) => count > 0);
  if (shown.length === 0) return noSources(view);
  const bar = stackedBar({
    parts: view.columns.map(({ status, count }) => {
      const { word, tone } = viewOfProtection(status);
      return { count, word, tone };
    }),
  });
  return html`<div class="stack" id="${BOARD_PART}" data-live="${TOPICS}" data-live-get="${view.here}">${bar}<div class="flow">${shown.map(boardColumn)}</div></div>`;
}

function noSources({ here, addSourceHref }: BoardView): Html {
  const empty = emptyState({
    icon: 'shield',
    title: 'There is no source yet.',
    text: 'Each one stands here by how it is protected.',
    ...(addSourceHref === undefined ? {} : { action: linkButton({ href: addSourceHref, label: 'Add source', kind: 'primary' }) }),
  });
  return html`<div id="${BOARD_PART}" data-live="${TOPICS}" data-live-get="${here}">${panel({ content: empty })}</div>`;
}

function boardColumn({ status, count, cards, allHref }: BoardColumn): Html {
  const left = count - cards.length;
  return panel({
    title: protectionStatus(status),
    aside: formatCount(count),
    content: rows(
      cards.map(({ id, title, href, reason }) => ({
        id: `card-${id}`,
        title: html`<a href="${href}">${title}</a>`,
        detail: reason,
      })),
    ),
    ...(left > 0 ? { foot: onward({ href: allHref, label: `${formatCount(left)} more` }) } : {}),
  });
}
