/** One message to a channel: what it says, where it stands, and each attempt at it. */
import { type Html, html } from '../../html.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatDuration } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type DeliveryLine, deliveryStatus } from './deliveries.view.ts';

export type AttemptLine = { readonly at: number; readonly tookMs: number; readonly ok: boolean; readonly text: string };

export type DeliveryView = {
  readonly face: Clockface;
  readonly here: string;
  readonly crumbs: readonly Crumb[];
  readonly id: string;
  readonly state: DeliveryLine['state'];
  readonly text: string;
  readonly kind: string;
  readonly channelKind: string;
  readonly createdAt: number;
  readonly dueAt: number;
  /** What it tells of. */
  readonly about?: { readonly label: string; readonly href: string } | undefined;
  readonly log: readonly string[];
  readonly attempts: readonly AttemptLine[];
};

export const DELIVERY_PART = 'delivery-part';

const ANSWERS: Readonly<Record<DeliveryLine['state'], string>> = {
  waiting: 'This message waits.',
  delivered: 'This message was taken.',
  given_up: 'This message was given up.',
  dismissed: 'This message was given up, and that was dismissed.',
};

export function deliveryPage(shell: Shell, view: DeliveryView): Html {
  return layout(shell, {
    title: 'Message',
    heading: ANSWERS[view.state],
    crumbs: view.crumbs,
    lede: html`<span>${view.channelKind}</span><code>${view.kind}</code>`,
    content: deliveryPart(view),
  });
}

/** What changes by itself. */
export function deliveryPart(view: DeliveryView): Html {
  const { face, about, log, attempts } = view;
  const said = html`<div class="stack"><p>${view.text}</p>${log.length > 0 && html`<pre>${log.join('\n')}</pre>`}</div>`;
  const settings = facts([
    { label: 'State', value: deliveryStatus(view.state) },
    { label: 'Written', value: relativeTime(view.createdAt, face) },
    ...(view.state === 'waiting' ? [{ label: 'Tried next', value: relativeTime(view.dueAt, face) }] : []),
    ...(about === undefined ? [] : [{ label: 'About', value: html`<a href="${about.href}">${about.label}</a>` }]),
    { label: 'Id', value: html`<code>${view.id}</code>` },
  ]);
  return html`<div class="stack" id="${DELIVERY_PART}" data-live="channels" data-live-get="${view.here}"><div class="columns"><div class="stack">${panel({ title: 'It says', content: said })}${panel({ title: 'Attempts', flush: true, content: attemptsTable(attempts, face) })}</div>${panel({ title: 'Message', content: settings })}</div></div>`;
}

function attemptsTable(attempts: readonly AttemptLine[], face: Clockface): Html {
  return table<AttemptLine & { readonly n: number }>({
    id: 'attempts',
    caption: 'Attempts',
    rows: attempts.map((attempt, index) => ({ ...attempt, n: index + 1 })),
    rowId: (row) => `attempt-${row.n}`,
    columns: [
      {
        id: 'ok',
        label: 'Result',
        width: 'fit',
        cell: (row) =>
          row.ok
            ? status({ word: 'taken', tone: 'protected', icon: 'check' })
            : status({ word: 'failed', tone: 'unprotected', icon: 'cross' }),
      },
      { id: 'text', label: 'What came back', primary: true, cell: (row) => row.text },
      { id: 'at', label: 'When', width: 'fit', cell: (row) => relativeTime(row.at, face) },
      { id: 'took', label: 'Took', width: 'fit', cell: (row) => formatDuration(row.tookMs) },
    ],
    empty: html`<p class="quiet">It was not tried yet.</p>`,
  });
}
