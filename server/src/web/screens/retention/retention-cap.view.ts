/** The cap of age over all policies: what it is, what it would remove, and setting it. */
import { type Html, html } from '../../html.ts';
import { button, confirmButton, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { table } from '../../ui/table.ts';

export interface CappedLine {
  plan: string;
  href: string;
  repository: string;
  removed: number;
  backups: number;
  waiting: number;
  staying: number;
}

export interface RetentionCapView {
  crumbs: readonly Crumb[];
  action: string;
  retentionHref: string;
  /** Of the cap that holds; 0: none. */
  capDays: number;
  /** What stands in the field. */
  typed: string;
  error: string | undefined;
  problem: string | undefined;
  preview:
    | {
        days: number;
        removed: number;
        lines: readonly CappedLine[];
        without: number;
        unknown: number;
        concerned: number;
        isCut: boolean;
      }
    | undefined;
}

export function retentionCapPage(shell: Shell, view: RetentionCapView): Html {
  const { preview, problem } = view;
  return layout(shell, {
    title: 'Cap of age',
    heading: answerOf(view),
    lede: 'It stands above every policy, also above one that keeps everything. What is pinned, the last two proven and the last two good backups of each source stay.',
    crumbs: view.crumbs,
    content: html`<div class="stack">${problem !== undefined && callout({ tone: 'problem', text: problem })}${formPanel(view)}${preview !== undefined && previewPanels(view, preview)}</div>`,
  });
}

function answerOf({ capDays, preview }: RetentionCapView): string {
  if (preview !== undefined && preview.days !== capDays) {
    if (preview.days === 0) return 'Without a cap, policies alone decide.';
    if (preview.removed === 0) return `A cap of ${formatNoun(preview.days, 'day')} would remove nothing now.`;
    return `A cap of ${formatNoun(preview.days, 'day')} would remove ${formatNoun(preview.removed, 'backup')}.`;
  }
  return capDays === 0 ? 'No cap of age is set.' : `No policy keeps a backup older than ${formatNoun(capDays, 'day')}.`;
}

function formPanel({ action, typed, error, preview, capDays }: RetentionCapView): Html {
  const isOnward = preview !== undefined && preview.days !== capDays;
  const field = formField({
    name: 'days',
    label: 'Days',
    kind: 'number',
    required: true,
    value: typed,
    error,
    help: 'Backups that are older go with the next retention of their plan. 365 is a year; 0 sets no cap.',
  });
  return panel({
    title: 'Older than so many days, a backup goes',
    content: html`<form class="form" method="get" action="${action}"><div class="fields">${field}</div><div class="form-actions">${button({ label: 'Show what it would remove', kind: isOnward ? 'secondary' : 'primary' })}</div></form>`,
  });
}

function previewPanels(view: RetentionCapView, preview: NonNullable<RetentionCapView['preview']>): Html {
  const { days, removed, lines, without, unknown, concerned, isCut } = preview;
  const notes = [
    ...(without > 0
      ? [
          `${formatNoun(without, 'plan')} without a policy ${without === 1 ? 'is' : 'are'} not concerned: for the cap to hold there, give ${without === 1 ? 'it' : 'them'} a policy, such as the one that keeps everything.`,
        ]
      : []),
    ...(unknown > 0 ? [`Of ${formatNoun(unknown, 'plan')} it cannot be said here; the hosts decide by themselves.`] : []),
    ...(isCut
      ? [
          `Named are the ${formatCount(lines.length)} plans that lose the most, of ${formatCount(concerned)}; the numbers are of all.`,
        ]
      : []),
  ];
  const list =
    days > 0 &&
    panel({
      flush: true,
      content: table<CappedLine>({
        id: 'capped',
        caption: 'Plans of which something is older than the cap, the most first',
        rows: lines,
        columns: [
          { id: 'plan', label: 'Plan', primary: true, cell: ({ plan, href }) => html`<a href="${href}">${plan}</a>` },
          { id: 'repository', label: 'Repository', cell: ({ repository }) => repository },
          {
            id: 'goes',
            label: 'Goes',
            align: 'end',
            width: 'fit',
            cell: (line) => `${formatCount(line.removed)} of ${formatCount(line.backups)}`,
          },
          { id: 'stays', label: 'Older, and stays', align: 'end', width: 'fit', cell: ({ staying }) => formatCount(staying) },
          {
            id: 'waits',
            label: 'Waits for a person',
            cell: ({ waiting }) => (waiting === 0 ? 'no' : `${formatNoun(waiting, 'source')}: more than half would go at once`),
          },
        ],
        empty: emptyState({ icon: 'check', title: 'Nothing is older than that.' }),
      }),
    });
  return html`${notes.map((text) => callout({ tone: 'notice', text }))}${list}${saveForm(view, days, removed)}`;
}

function saveForm({ action, capDays, retentionHref }: RetentionCapView, days: number, removed: number): Html | false {
  if (days === capDays) return false;
  const hidden = { days, seen: removed };
  const label = days === 0 ? 'Take the cap away' : `Set the cap to ${formatNoun(days, 'day')}`;
  const cancel = linkButton({ href: retentionHref, label: 'Leave it as it is', kind: 'quiet' });
  const act = confirmButton({
    id: 'set-cap',
    label: `${label}…`,
    kind: removed > 0 ? 'danger' : 'primary',
    confirm: {
      title: `${label}?`,
      effect:
        removed > 0
          ? `${formatNoun(removed, 'backup')} ${removed === 1 ? 'goes' : 'go'} with the next retention of their plans, for good. The space comes back when the repositories are pruned.`
          : 'Nothing goes now. From now on the policies of all plans are read with it.',
      verb: label,
      kind: removed > 0 ? 'danger' : 'primary',
      action,
      hidden,
      ...(removed > 0 ? { typedName: `cap ${days}` } : {}),
    },
  });
  return html`<div class="form-actions">${act}${cancel}</div>`;
}
