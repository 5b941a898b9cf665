/** Shared schedules: when plans are due, and which plans go by which. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, onward } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type FiresView, firesList } from './plan-fires.view.ts';

export type SharedScheduleLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly description: string;
  readonly words: string;
  readonly nextAt: number | undefined;
  readonly plans: number;
};

export type SharedSchedulesView = {
  readonly face: Clockface;
  readonly here: string;
  readonly crumbs: readonly Crumb[];
  readonly total: number;
  readonly rows: readonly SharedScheduleLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  readonly addHref?: string | undefined;
};

export const SHARED_SCHEDULES_PART = 'shared-schedules';

export function sharedSchedulesPage(shell: Shell, view: SharedSchedulesView): Html {
  return layout(shell, {
    title: 'Shared schedules',
    crumbs: view.crumbs,
    heading: `${formatNoun(view.total, 'shared schedule')}.`,
    lede: 'A change of one moves every plan that uses it.',
    actions:
      view.addHref !== undefined &&
      linkButton({ href: view.addHref, label: 'New shared schedule', kind: 'primary', icon: 'plus' }),
    content: html`<div class="panel panel-flush">${sharedSchedulesPart(view)}</div>`,
  });
}

export function sharedSchedulesPart(view: SharedSchedulesView): Html {
  return table<SharedScheduleLine>({
    id: SHARED_SCHEDULES_PART,
    caption: 'Shared schedules',
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'plans', url: view.here },
    columns: [
      {
        id: 'name',
        label: 'Shared schedule',
        primary: true,
        cell: (row) =>
          html`<a href="${row.href}">${row.name}</a>${row.description !== '' && html`<br><span class="quiet">${row.description}</span>`}`,
      },
      { id: 'words', label: 'Fires', width: 'wide', cell: (row) => row.words },
      {
        id: 'next',
        label: 'Next',
        align: 'end',
        width: 'fit',
        cell: (row) => row.nextAt !== undefined && relativeTime(row.nextAt, view.face),
      },
      { id: 'plans', label: 'Plans', align: 'end', width: 'fit', cell: (row) => formatCount(row.plans) },
    ],
    empty: emptyState({
      icon: 'shield',
      title: 'There is no shared schedule: each plan has its own.',
      text: 'Plans that share one are moved by one change.',
      action:
        view.addHref === undefined
          ? undefined
          : linkButton({ href: view.addHref, label: 'New shared schedule', kind: 'primary' }),
    }),
    pager: {
      summary: formatNoun(view.rows.length, 'shared schedule'),
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

export type SharedScheduleView = {
  readonly face: Clockface;
  readonly crumbs: readonly Crumb[];
  readonly name: string;
  readonly description: string;
  readonly cron: string;
  readonly zone: string;
  readonly fires: FiresView;
  readonly plans: readonly { readonly name: string; readonly href: string; readonly enabled: boolean }[];
  /** All that use it, more than are listed where there are many. */
  readonly planCount: number;
  readonly manage?: { readonly editHref: string; readonly deleteAction: string; readonly addPlanHref: string } | undefined;
};

export function sharedSchedulePage(shell: Shell, view: SharedScheduleView): Html {
  const { manage, fires, face } = view;
  const next =
    fires.words === undefined
      ? html`<p>This system cannot read the expression or the zone any more: change them.</p>`
      : firesList(fires, face);
  const about = facts([
    { label: 'expression', value: html`<code class="mono">${view.cron}</code>` },
    { label: 'time zone', value: view.zone },
  ]);
  const main = html`<div class="stack">${panel({ title: 'Next', content: next })}${panel({ title: 'Schedule', content: about })}</div>`;
  const side = html`<div class="stack">${plansPanel(view)}${manage !== undefined && dangerPanel(view, manage.deleteAction)}</div>`;
  return layout(shell, {
    title: view.name,
    crumbs: view.crumbs,
    heading: fires.words === undefined ? `“${view.name}” does not fire.` : `“${view.name}” fires ${fires.words}.`,
    lede: view.description === '' ? undefined : view.description,
    actions: manage !== undefined && linkButton({ href: manage.editHref, label: 'Edit', kind: 'primary' }),
    content: html`<div class="columns">${main}${side}</div>`,
  });
}

function plansPanel({ plans, planCount, manage }: SharedScheduleView): Html {
  const lines = plans.map(({ name, href, enabled }) => ({
    title: html`<a href="${href}">${name}</a>`,
    ...(enabled ? {} : { detail: 'paused' }),
  }));
  const more = planCount > plans.length && html`<p class="quiet">and ${formatCount(planCount - plans.length)} more</p>`;
  return panel({
    title: 'Plans',
    aside: planCount > 0 ? formatCount(planCount) : undefined,
    content: lines.length === 0 ? html`<p class="quiet">No plan goes by it.</p>` : html`${rows(lines)}${more}`,
    foot: manage !== undefined && onward({ href: manage.addPlanHref, label: 'Make a plan that goes by it' }),
  });
}

function dangerPanel(view: SharedScheduleView, action: string): Html {
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
      id: 'delete-schedule',
      label: 'Delete this shared schedule…',
      kind: 'danger',
      confirm: {
        title: html`Delete the shared schedule “${view.name}”?`,
        effect: 'No plan goes by it, so nothing is due at other times.',
        verb: 'Delete the shared schedule',
        action,
      },
    }),
  });
}
