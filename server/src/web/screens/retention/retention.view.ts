/** Retention policies: how long snapshots are kept, and who goes by which. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, onward } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { table } from '../../ui/table.ts';
import { type YearView, yearBody } from './retention-year.view.ts';

export type PolicyLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly description: string;
  readonly words: string;
  /** What it keeps of a year. */
  readonly keeps: string;
  readonly plans: number;
};

export type RetentionView = {
  readonly here: string;
  readonly total: number;
  /** Plans that keep everything; undefined when that is not known here. */
  readonly plansWithout: number | undefined;
  readonly plansHref: string;
  readonly rows: readonly PolicyLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  readonly addHref?: string | undefined;
  /** The cap of age over all policies, days; 0: none. */
  readonly capDays: number;
  readonly capHref?: string | undefined;
};

export const POLICIES_PART = 'policies';

function describeTotal({ total, plansWithout }: RetentionView): string {
  const policies = formatNoun(total, 'policy', 'policies');
  if (plansWithout === undefined) return `${policies}.`;
  if (plansWithout === 0) return `${policies}; no plan keeps everything.`;
  return `${policies}; ${formatNoun(plansWithout, 'plan')} without one ${plansWithout === 1 ? 'keeps' : 'keep'} everything.`;
}

export function retentionPage(shell: Shell, view: RetentionView): Html {
  return layout(shell, {
    title: 'Retention',
    heading: describeTotal(view),
    lede: 'Each host goes by the policy of its plans alone, after each clean run.',
    actions: view.addHref !== undefined && linkButton({ href: view.addHref, label: 'New policy', kind: 'primary', icon: 'plus' }),
    content: html`<div class="stack"><div class="panel panel-flush">${retentionPart(view)}</div>${capPanel(view)}</div>`,
  });
}

function capPanel({ capDays, capHref }: RetentionView): Html {
  const words =
    capDays === 0
      ? 'No cap is set: a policy may keep a backup for as long as it likes.'
      : `No policy keeps a backup that is older than ${formatNoun(capDays, 'day')}. What is pinned or proven and the last good ones stay all the same.`;
  return panel({
    title: 'Cap of age',
    aside: capDays === 0 ? 'off' : formatNoun(capDays, 'day'),
    content: html`<p>${words}</p>`,
    foot: capHref !== undefined && onward({ href: capHref, label: capDays === 0 ? 'Set a cap' : 'Change the cap' }),
  });
}

export function retentionPart(view: RetentionView): Html {
  return table<PolicyLine>({
    id: POLICIES_PART,
    caption: 'Retention policies',
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'retention plans', url: view.here },
    columns: [
      {
        id: 'name',
        label: 'Policy',
        primary: true,
        cell: (row) =>
          html`<a href="${row.href}">${row.name}</a>${row.description !== '' && html`<br><span class="quiet">${row.description}</span>`}`,
      },
      {
        id: 'words',
        label: 'Rules',
        width: 'wide',
        cell: (row) => html`${row.words}<br><span class="quiet">${row.keeps}</span>`,
      },
      { id: 'plans', label: 'Plans', align: 'end', width: 'fit', cell: (row) => formatCount(row.plans) },
    ],
    empty: emptyState({
      icon: 'shield',
      title: 'There is no policy, so everything is kept.',
      action: view.addHref === undefined ? undefined : linkButton({ href: view.addHref, label: 'New policy', kind: 'primary' }),
    }),
    pager: {
      summary: formatNoun(view.rows.length, 'policy', 'policies'),
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

export type PolicyView = {
  readonly crumbs: readonly Crumb[];
  readonly name: string;
  readonly description: string;
  readonly words: string;
  readonly year: YearView;
  readonly plans: readonly { readonly name: string; readonly href: string }[];
  readonly hasMorePlans: boolean;
  readonly manage?: { readonly editHref: string; readonly deleteAction: string } | undefined;
};

/** What holds whatever the rules say; nobody can switch it off. */
const GUARDS = [
  'Nothing is removed while the newest run is not clean, while the size of the newest backup is suspicious, or when nothing is good.',
  'Nothing is removed while the newest good backup is more than twice as old as the schedule allows: backups may have stopped.',
  'The last two good backups and the last two proven ones stay, and so does what is pinned or dated in the future.',
  'Only good backups count; a partial one stands in where there is nothing better.',
  'Removing more than half of a source’s backups in one step waits for a person.',
];

export function policyPage(shell: Shell, view: PolicyView): Html {
  const { manage } = view;
  const guards = html`<ul class="guards">${GUARDS.map((text) => html`<li>${text}</li>`)}</ul>`;
  const main = html`<div class="stack">${panel({ title: 'Of a year of backups', content: html`<div class="stack">${yearBody(view.year)}</div>` })}${panel({ title: 'Always', content: guards })}</div>`;
  const side = html`<div class="stack">${plansPanel(view)}${manage !== undefined && dangerPanel(view, manage.deleteAction)}</div>`;
  return layout(shell, {
    title: view.name,
    crumbs: view.crumbs,
    heading: view.words,
    lede: view.description === '' ? undefined : view.description,
    actions: manage !== undefined && linkButton({ href: manage.editHref, label: 'Edit', kind: 'primary' }),
    content: html`<div class="columns">${main}${side}</div>`,
  });
}

function plansPanel(view: PolicyView): Html {
  const lines = view.plans.map(({ name, href }) => ({ title: html`<a href="${href}">${name}</a>` }));
  const content = lines.length === 0 ? html`<p class="quiet">No plan goes by it.</p>` : rows(lines);
  return panel({
    title: 'Plans',
    aside: view.plans.length > 0 ? `${formatCount(view.plans.length)}${view.hasMorePlans ? ' and more' : ''}` : undefined,
    content,
  });
}

function dangerPanel(view: PolicyView, action: string): Html {
  const [first] = view.plans;
  if (first !== undefined)
    return panel({
      title: 'Delete',
      content: html`<p class="quiet">It can be deleted when no plan goes by it any more. ${onward({ href: first.href, label: `Change ${first.name}` })}</p>`,
    });
  return panel({
    title: 'Delete',
    tone: 'danger',
    content: confirmButton({
      id: 'delete-policy',
      label: 'Delete this policy…',
      kind: 'danger',
      confirm: {
        title: html`Delete the policy “${view.name}”?`,
        effect: 'No plan goes by it, so nothing changes for any snapshot.',
        verb: 'Delete the policy',
        action,
      },
    }),
  });
}
