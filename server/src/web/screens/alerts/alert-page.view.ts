/** One alert: what is wrong, for whom, since when, and who has it. */
import { type Html, html } from '../../html.ts';
import { button, linkButton, postButton } from '../../ui/button.ts';
import { formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatCount } from '../../ui/quantity.ts';
import { type Pager, pager } from '../../ui/table.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';
import { type DeliveryLine, deliveryRows } from '../channels/deliveries.view.ts';
import { type AlertState, alertStatus, type Severity } from './alerts.view.ts';

export type AlertPageView = {
  readonly face: Clockface;
  readonly here: string;
  readonly crumbs: readonly Crumb[];
  readonly severity: Severity;
  readonly state: AlertState;
  readonly title: string;
  readonly detail: string;
  readonly condition: string;
  readonly thing: { readonly name: string; readonly href?: string | undefined };
  readonly since: number;
  readonly raisedAt: number;
  readonly resolvedAt?: number | undefined;
  readonly lastGoodAt?: number | undefined;
  readonly runHref?: string | undefined;
  readonly handling?: string | undefined;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    /** Its own page. */
    readonly href?: string | undefined;
    readonly detail: string;
    readonly since: number;
    readonly runHref?: string | undefined;
  }[];
  /** On all pages. */
  readonly memberCount: number;
  readonly memberPager: Pick<Pager, 'previousHref' | 'nextHref'>;
  /** Of an alert that is over, as it was. */
  readonly pastNames: readonly string[];
  readonly events: readonly {
    readonly at: number;
    readonly word: string;
    readonly by?: string | undefined;
    readonly text: string;
  }[];
  readonly messages: readonly DeliveryLine[];
  /** What the reader may do about it. */
  readonly act?:
    | {
        readonly acknowledgeAction?: string | undefined;
        readonly reopenAction?: string | undefined;
        readonly snoozeAction: string;
        readonly snoozes: readonly { readonly value: string; readonly label: string }[];
      }
    | undefined;
};

export const ALERT_PART = 'alert-part';

export function alertPage(shell: Shell, view: AlertPageView): Html {
  return layout(shell, {
    title: view.title,
    heading: view.title,
    crumbs: view.crumbs,
    lede: view.detail,
    content: alertPart(view),
  });
}

/** What changes by itself. */
export function alertPart(view: AlertPageView): Html {
  const main = html`<div class="stack">${membersPanel(view)}${historyPanel(view)}</div>`;
  const side = html`<div class="stack">${statePanel(view)}${messagesPanel(view)}</div>`;
  return html`<div class="columns" id="${ALERT_PART}" data-live="alerts channels" data-live-get="${view.here}">${main}${side}</div>`;
}

function statePanel(view: AlertPageView): Html {
  const { face, thing, act } = view;
  const pairs = [
    { label: 'State', value: html`${alertStatus(view.severity, view.state)}` },
    ...(view.handling === undefined ? [] : [{ label: 'Handled', value: view.handling }]),
    { label: 'About', value: thing.href === undefined ? thing.name : html`<a href="${thing.href}">${thing.name}</a>` },
    { label: 'Condition', value: view.condition },
    { label: 'Since', value: relativeTime(view.since, face) },
    { label: 'Noticed', value: relativeTime(view.raisedAt, face) },
    ...(view.resolvedAt === undefined ? [] : [{ label: 'Resolved', value: relativeTime(view.resolvedAt, face) }]),
    ...(view.lastGoodAt === undefined ? [] : [{ label: 'Last clean backup', value: relativeTime(view.lastGoodAt, face) }]),
  ];
  const run = view.runHref !== undefined && linkButton({ href: view.runHref, label: 'Open the run with its log', small: true });
  return panel({
    title: 'Now',
    content: html`<div class="stack">${facts(pairs)}${run}</div>`,
    foot: act === undefined ? undefined : actions(act),
  });
}

function actions(act: NonNullable<AlertPageView['act']>): Html {
  const snooze = formField({
    name: 'hours',
    label: 'Snooze for',
    kind: 'select',
    required: true,
    value: '8',
    options: act.snoozes,
  });
  return html`<div class="stack">${
    act.acknowledgeAction !== undefined && postButton({ action: act.acknowledgeAction, label: 'Acknowledge', kind: 'primary' })
  }${act.reopenAction !== undefined && postButton({ action: act.reopenAction, label: 'Open again' })}<form method="post" action="${act.snoozeAction}"><div class="stack">${snooze}${button({ label: 'Snooze' })}</div></form><p class="quiet small">It resolves by itself as soon as the cause is gone.</p></div>`;
}

function membersPanel(view: AlertPageView): Html {
  if (view.state === 'resolved')
    return panel({
      title: 'It was about',
      aside: formatCount(view.memberCount),
      content: rows(view.pastNames.map((name) => ({ title: name }))),
    });
  const { previousHref, nextHref } = view.memberPager;
  const isPaged = previousHref !== undefined || nextHref !== undefined;
  const summary = `${formatCount(view.members.length)} of ${formatCount(view.memberCount)} shown`;
  return panel({
    title: view.memberCount === 1 ? 'What is wrong' : 'It holds for',
    aside: view.memberCount > 1 ? formatCount(view.memberCount) : undefined,
    content: rows(
      view.members.map(({ id, name, href, detail, since, runHref }) => ({
        id: `member-${id}`,
        title: href === undefined ? name : html`<a href="${href}">${name}</a>`,
        detail: html`${detail} · since ${relativeTime(since, view.face)}`,
        action: runHref === undefined ? undefined : linkButton({ href: runHref, label: 'Open run', small: true }),
      })),
    ),
    foot: isPaged ? pager({ summary, previousHref, nextHref }) : undefined,
  });
}

function historyPanel({ events, face }: AlertPageView): Html {
  return panel({
    title: 'History',
    content: rows(
      events.map(({ at, word, by, text }) => ({
        title: by === undefined ? word : `${word} by ${by}`,
        detail: html`${stampTime(at, face)} · ${text}`,
      })),
    ),
  });
}

function messagesPanel({ messages, face }: AlertPageView): Html {
  const content =
    messages.length === 0
      ? html`<p class="quiet">No channel was told of it.</p>`
      : deliveryRows(messages, face, { withChannel: true });
  return panel({ title: 'Messages', content });
}
