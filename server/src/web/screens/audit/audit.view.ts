/** Who did what to what, from where. */
import { type Html, html } from '../../html.ts';
import { emptyState } from '../../ui/empty.ts';
import { icon } from '../../ui/icons.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { filterSelect, type Pager, table, toolbar } from '../../ui/table.ts';
import { type Clockface, dayTime } from '../../ui/time.ts';

export type AuditLine = {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly actorKind: string;
  readonly action: string;
  readonly target: { readonly kind: string; readonly name: string; readonly href?: string | undefined };
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
  readonly values: { readonly action: string; readonly actor: string };
  readonly filtered: boolean;
  readonly pager: Pager;
};

export const AUDIT_TABLE = 'audit';

export function auditPage(shell: Shell, view: AuditView): Html {
  const bar = toolbar({
    action: view.action,
    label: 'Filter the audit',
    target: AUDIT_TABLE,
    controls: html`${filterSelect({ name: 'action', label: 'Act', value: view.values.action, options: view.actions })}${filterSelect({ name: 'actor', label: 'Who', value: view.values.actor, options: view.actors })}`,
  });
  return layout(shell, {
    title: 'Audit',
    heading: view.heading,
    content: html`${bar}${panel({ flush: true, content: auditTable(view) })}`,
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
      { id: 'action', label: 'Did', width: 'fit', cell: (row) => html`<code class="mono">${row.action}</code>` },
      {
        id: 'target',
        label: 'To',
        primary: true,
        cell: (row) =>
          html`<span class="quiet">${row.target.kind}</span> ${row.target.href === undefined ? row.target.name : html`<a href="${row.target.href}">${row.target.name}</a>`}`,
      },
      { id: 'change', label: 'Change', cell: changeCell },
      {
        id: 'address',
        label: 'From',
        width: 'fit',
        cell: (row) => row.address !== undefined && html`<span class="mono">${row.address}</span>`,
      },
    ],
    empty: emptyState({ icon: 'search', title: view.filtered ? 'Nothing fits these filters.' : 'Nothing has been done yet.' }),
    pager: view.rows.length === 0 ? undefined : view.pager,
  });
}

function changeCell(row: AuditLine): Html | false {
  if (row.changes.length === 0) return false;
  return html`<details class="fold"><summary>${icon('right')}<span>${row.changes.length === 1 ? '1 field' : `${row.changes.length} fields`}</span></summary><dl class="facts">${row.changes.map(
    (change) =>
      html`<div><dt>${change.field}</dt><dd class="mono">${change.before !== undefined && html`<del>${change.before}</del> → `}${change.after}</dd></div>`,
  )}</dl></details>`;
}
