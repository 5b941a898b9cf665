/** Who did what to what, from where. */
import { type Html, html } from '../../html.ts';
import { linkButton, postButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { emptyState } from '../../ui/empty.ts';
import { icon } from '../../ui/icons.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { filterDays, filterSelect, type Pager, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';

export type AuditLine = {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly actorKind: string;
  readonly action: string;
  /** The act as people say it. */
  readonly words: string;
  readonly target: {
    readonly kind: string;
    readonly name: string;
    readonly href?: string | undefined;
    readonly actsHref?: string | undefined;
  };
  readonly address?: string | undefined;
  readonly changes: readonly { readonly field: string; readonly before?: string | undefined; readonly after: string }[];
};

type Choices = readonly { readonly value: string; readonly label: string }[];

export type AuditView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly rows: readonly AuditLine[];
  readonly action: string;
  readonly actions: Choices;
  readonly actors: Choices;
  readonly values: {
    readonly action: string;
    readonly actor: string;
    readonly target: string;
    readonly from?: string | undefined;
    readonly to?: string | undefined;
  };
  /** What is wrong with the days. */
  readonly problem?: string | undefined;
  readonly csvHref: string;
  readonly jsonHref: string;
  readonly chain: {
    readonly state: 'whole' | 'broken' | 'unknown';
    readonly text: string;
    readonly at?: number | undefined;
    readonly hash?: string | undefined;
    readonly action: string;
  };
  readonly filtered: boolean;
  readonly pager: Pager;
};

export const AUDIT_TABLE = 'audit';

export function auditPage(shell: Shell, view: AuditView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter the audit',
    target: AUDIT_TABLE,
    controls: html`${filterSelect({ name: 'action', label: 'Act', value: view.values.action, options: view.actions })}${filterSelect({ name: 'actor', label: 'Who', value: view.values.actor, options: view.actors })}${searchInput({ name: 'target', value: view.values.target, label: 'To: whole name or id' })}${filterDays(view.values)}`,
  });
  return layout(shell, {
    title: 'Audit',
    heading: view.heading,
    content: html`<div class="stack">${chainPanel(view)}<div>${bar}${panel({ flush: true, content: auditTable(view) })}</div></div>`,
  });
}

const CHAIN: Readonly<Record<AuditView['chain']['state'], Pick<StatusView, 'tone' | 'icon'>>> = {
  whole: { tone: 'protected', icon: 'check' },
  broken: { tone: 'unprotected', icon: 'cross' },
  unknown: { tone: 'unknown', icon: 'question' },
};

function chainPanel({ chain, face }: AuditView): Html {
  return panel({
    title: 'The chain',
    content: html`<div class="stack"><p>${status({ word: chain.text, ...CHAIN[chain.state] })}${chain.at !== undefined && html` <span class="quiet">checked ${relativeTime(chain.at, face)}</span>`}</p>${chain.hash !== undefined && chain.hash !== '' && copyLine({ text: chain.hash, label: 'the hash of the newest entry checked' })}<p class="quiet">Each entry holds the hash of the one before: whoever changes, removes or inserts one breaks it. Note the hash somewhere else now and then, and a chain that was written anew shows too.</p></div>`,
    foot: postButton({ action: chain.action, label: 'Check now', small: true }),
  });
}

export function auditTable(view: AuditView): Html {
  return table<AuditLine>({
    id: AUDIT_TABLE,
    caption: 'Acts, newest first',
    rows: view.rows,
    columns: [
      { id: 'at', label: 'When', width: 'fit', cell: (row) => dayTime(row.at, view.face) },
      {
        id: 'actor',
        label: 'Who',
        width: 'fit',
        cell: (row) => html`${row.actor}${row.actorKind !== 'user' && html` <span class="quiet">${row.actorKind}</span>`}`,
      },
      { id: 'action', label: 'Did', width: 'fit', cell: (row) => html`<span title="${row.action}">${row.words}</span>` },
      {
        id: 'target',
        label: 'To',
        primary: true,
        cell: (row) =>
          html`${row.target.actsHref === undefined ? html`<span class="quiet">${row.target.kind}</span>` : html`<a class="quiet" href="${row.target.actsHref}">${row.target.kind}<span class="visually-hidden">: all acts on it</span></a>`} ${row.target.href === undefined ? row.target.name : html`<a href="${row.target.href}">${row.target.name}</a>`}`,
      },
      { id: 'change', label: 'Change', cell: changeCell },
      {
        id: 'address',
        label: 'From',
        width: 'fit',
        cell: (row) => row.address !== undefined && html`<span class="mono">${row.address}</span>`,
      },
    ],
    empty: emptyState({
      icon: 'search',
      title: view.problem ?? (view.filtered ? 'Nothing fits these filters.' : 'Nothing has been done yet.'),
    }),
    pager:
      view.rows.length === 0
        ? undefined
        : {
            ...view.pager,
            summary: html`${view.pager.summary} ${linkButton({ href: view.csvHref, label: 'All as CSV', kind: 'quiet', small: true })}${linkButton({ href: view.jsonHref, label: 'All as JSON lines', kind: 'quiet', small: true })}`,
          },
  });
}

function changeCell(row: AuditLine): Html | false {
  if (row.changes.length === 0) return false;
  return html`<details class="fold"><summary>${icon('right')}<span>${row.changes.length === 1 ? '1 field' : `${row.changes.length} fields`}</span></summary><dl class="facts">${row.changes.map(
    (change) =>
      html`<div><dt>${change.field}</dt><dd class="mono">${change.before !== undefined && html`<del>${change.before}</del> → `}${change.after}</dd></div>`,
  )}</dl></details>`;
}
