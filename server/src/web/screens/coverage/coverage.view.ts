/** Coverage: what was found on hosts and is no source; each with the way to protect it, or to say why not. */
import { attrs, type Html, html } from '../../html.ts';
import { button, confirmButton, type HiddenFields, linkButton, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { badge } from '../../ui/status.ts';
import { filterSelect, type Sort, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type BulkBarView, bulkBar, selectRows } from '../bulk/bulk.view.ts';

export type FindingLine = {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly place: string;
  readonly host: { readonly name: string; readonly href: string };
  readonly bytes?: number | undefined;
  readonly seenAt: number;
  readonly isNew: boolean;
  readonly ignored?: { readonly by: string; readonly why: string; readonly at: number } | undefined;
  readonly protectAction?: string | undefined;
  /** Protected with one click: the plan of its neighbour. */
  readonly neighbourPlan?: { readonly id: string; readonly name: string } | undefined;
  readonly ignoreAction?: string | undefined;
  readonly watchAction?: string | undefined;
};

export type FailedLook = { readonly id: string; readonly host: string; readonly place: string; readonly failure: string };

export type CoverageView = {
  readonly face: Clockface;
  readonly here: string;
  readonly action: string;
  /** Undefined for those who may not ask. */
  readonly lookAction?: string | undefined;
  readonly heading: string;
  readonly lede: string;
  readonly shown: 'open' | 'ignored' | 'new';
  /** Whether any host was asked. */
  readonly wasLooked: boolean;
  readonly filter: { readonly q?: string | undefined; readonly host?: string | undefined; readonly kind?: string | undefined };
  readonly hostName: string | undefined;
  readonly kinds: readonly { readonly value: string; readonly label: string }[];
  readonly sort: Sort;
  /** The order, which filters keep. */
  readonly kept: HiddenFields;
  readonly bulk: BulkBarView;
  readonly rows: readonly FindingLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  /** Sources in no plan that is switched on: found as well, and said here so that nothing is left out. */
  readonly planless: { readonly count: number; readonly href: string };
  /** The newest of them, and how many there are beside. */
  readonly failed: { readonly lines: readonly FailedLook[]; readonly more: number };
};

export const COVERAGE_TABLE = 'findings';
export const COVERAGE_ANSWER = 'coverage-answer';

export function coveragePage(shell: Shell, view: CoverageView): Html {
  const { planless } = view;
  const gap =
    planless.count > 0 &&
    callout({
      tone: 'warning',
      text: html`${formatNoun(planless.count, 'source')} ${planless.count === 1 ? 'is' : 'are'} in no plan that is switched on, so nothing backs ${planless.count === 1 ? 'it' : 'them'} up.`,
      action: linkButton({ href: planless.href, label: 'See them', small: true }),
    });
  const bar = toolbar({
    action: view.action,
    label: 'Filter what was found',
    target: COVERAGE_TABLE,
    kept: view.kept,
    controls: html`${searchInput({ name: 'q', value: view.filter.q, label: 'Name, or that of a host' })}${filterSelect({
      name: 'show',
      label: 'Show',
      value: view.shown,
      options: [
        { value: 'open', label: 'Not protected' },
        { value: 'new', label: 'New since the first look' },
        { value: 'ignored', label: 'Left alone for a reason' },
      ],
    })}${filterSelect({ name: 'kind', label: 'Kind', value: view.filter.kind, options: [{ value: '', label: 'Any kind' }, ...view.kinds] })}${hostFilter(view)}`,
  });
  return layout(shell, {
    title: 'Coverage',
    heading: coverageAnswer(view),
    lede: view.lede,
    actions: view.lookAction !== undefined && postButton({ action: view.lookAction, label: 'Look now' }),
    content: html`<div class="stack">${gap}<section>${bar}<div class="panel panel-flush">${coverageTable(view)}</div>${bulkBar(view.bulk)}</section>${failedPanel(view.failed)}</div>`,
  });
}

/** There once a host is chosen, from its page. */
function hostFilter({ filter, hostName }: CoverageView): Html | false {
  return (
    filter.host !== undefined &&
    filterSelect({
      name: 'host',
      label: 'Host',
      value: filter.host,
      options: [
        { value: filter.host, label: `on ${hostName ?? 'a host that is gone'}` },
        { value: '', label: 'Any host' },
      ],
    })
  );
}

/** The page's answer; also served alone. */
export function coverageAnswer({ heading, here }: Pick<CoverageView, 'heading' | 'here'>): Html {
  return html`<span id="${COVERAGE_ANSWER}" data-live="overview" data-live-get="${here}">${heading}</span>`;
}

export function coverageTable(view: CoverageView): Html {
  return table<FindingLine>({
    id: COVERAGE_TABLE,
    caption: 'What was found and is no source; the heads of the columns order it',
    sort: view.sort,
    select: selectRows(view.bulk, (row) => `${row.name} on ${row.host.name}`),
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'overview', url: view.here },
    columns: [
      {
        id: 'name',
        label: 'Found',
        primary: true,
        sortable: true,
        width: 'wide',
        cell: (row) =>
          html`${row.name}${row.isNew && html` ${badge('new', 'active')}`}<br><span class="quiet">${row.kind}${row.place !== '' && html` · ${row.place}`}</span>`,
      },
      { id: 'host', label: 'Host', cell: ({ host }) => html`<a href="${host.href}">${host.name}</a>` },
      { id: 'size', label: 'Size', align: 'end', width: 'fit', sortable: true, cell: (row) => formatBytes(row.bytes) },
      { id: 'seen', label: 'First seen', width: 'fit', sortable: true, cell: (row) => relativeTime(row.seenAt, view.face) },
      {
        id: 'act',
        label: 'Act',
        hideLabel: view.shown !== 'ignored',
        cell: (row) => actCell(row, view.face),
      },
    ],
    empty: emptyState({
      icon: 'shield',
      title: emptyTitle(view),
      text: 'Hosts are asked once a day: databases on the servers your sources are on, and directories of 1 GiB and more where people keep their data.',
    }),
    pager: {
      summary: `${formatNoun(view.rows.length, 'thing')} shown`,
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

function emptyTitle({ shown, filter, wasLooked }: CoverageView): string {
  if (!wasLooked) return 'Nothing is known yet.';
  if (filter.q !== undefined || filter.host !== undefined || filter.kind !== undefined) return 'Nothing that was found matches.';
  if (shown === 'new') return 'Nothing appeared since the first look.';
  return shown === 'open' ? 'Nothing was found that is no source.' : 'Nothing is left alone for a reason.';
}

function actCell(row: FindingLine, face: Clockface): Html {
  const { ignored } = row;
  if (ignored !== undefined)
    return html`<p>${ignored.why}<br><span class="quiet">${ignored.by}, ${relativeTime(ignored.at, face)}</span></p>${
      row.watchAction !== undefined && postButton({ action: row.watchAction, label: 'Show it again', small: true })
    }`;
  const leave =
    row.ignoreAction !== undefined &&
    confirmButton({
      id: `ignore-${row.id}`,
      label: 'Leave alone…',
      small: true,
      confirm: {
        title: html`Leave ${row.name} unprotected?`,
        effect: 'It is no longer counted, and the reason is kept with your name.',
        verb: 'Leave it alone',
        kind: 'primary',
        action: row.ignoreAction,
        fields: whyField(row.id),
      },
    });
  const protect =
    row.protectAction !== undefined &&
    html`<form method="post" action="${row.protectAction}">${button({ label: 'Protect…', small: true })}</form>`;
  return html`<div class="cluster cluster-row">${joinButton(row)}${protect}${leave}</div>`;
}

/** Letters of a plan's name that its button shows. */
const PLAN_SHOWN = 24;

function joinButton({ protectAction, neighbourPlan }: FindingLine): Html | false {
  if (protectAction === undefined || neighbourPlan === undefined) return false;
  const { id, name } = neighbourPlan;
  const shown = name.length > PLAN_SHOWN ? `${name.slice(0, PLAN_SHOWN - 1)}…` : name;
  const title = `Makes it a source in the plan ${name}: the next backup has it`;
  return postButton({
    action: protectAction,
    label: `Add to ${shown}`,
    small: true,
    hidden: { plan: id },
    attributes: { title },
  });
}

/** One of several with the same name in a page, so its id is its row's. */
function whyField(row: string): Html {
  const id = `why-${row}`;
  return html`<div class="field"><label for="${id}">Why</label><input class="input" name="why" required maxlength="500" ${attrs({ id })}></div>`;
}

function failedPanel({ lines, more }: CoverageView['failed']): Html | false {
  if (lines.length === 0) return false;
  return panel({
    title: 'Could not be looked at',
    flush: true,
    content: table<FailedLook>({
      id: 'failed-looks',
      caption: 'Servers that did not answer the last look',
      rows: lines,
      rowId: (row) => `failed-${row.id}`,
      columns: [
        { id: 'host', label: 'Host', primary: true, cell: (row) => row.host },
        { id: 'place', label: 'Server', cell: (row) => row.place || 'its directories' },
        { id: 'failure', label: 'Why', width: 'wide', cell: (row) => row.failure },
      ],
    }),
    ...(more > 0 ? { foot: html`<span class="quiet">${formatCount(more)} more; these are the newest.</span>` } : {}),
  });
}
