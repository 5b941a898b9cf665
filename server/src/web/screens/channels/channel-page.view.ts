/** One channel: whether it works, where it leads, and what it was told. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, postButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { pager } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type ChannelState, channelStatus } from './channels.view.ts';
import { type DeliveryLine, deliveryRows } from './deliveries.view.ts';

export type ChannelPageView = {
  readonly face: Clockface;
  readonly here: string;
  readonly crumbs: readonly Crumb[];
  readonly name: string;
  readonly kind: string;
  readonly where: string;
  readonly state: ChannelState;
  readonly isOfLife: boolean;
  readonly failure?: string | undefined;
  readonly failingSince?: number | undefined;
  readonly failures: number;
  readonly workedAt?: number | undefined;
  /** Messages that were given up and that nobody has seen to. */
  readonly undelivered: number;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly messages: readonly DeliveryLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  readonly manage?:
    | {
        readonly testAction: string;
        readonly editHref: string;
        readonly switchAction: string;
        readonly switchTo: boolean;
        readonly resendAction: string;
        readonly dismissAction: string;
        readonly deleteAction: string;
      }
    | undefined;
};

export const CHANNEL_PART = 'channel-part';

const ANSWERS: Readonly<Record<ChannelState, (name: string) => string>> = {
  off: (name) => `${name} is switched off.`,
  failing: (name) => `${name} does not deliver.`,
  works: (name) => `${name} works.`,
  untried: (name) => `${name} has not been used yet.`,
};

export function channelPage(shell: Shell, view: ChannelPageView): Html {
  const { manage } = view;
  return layout(shell, {
    title: view.name,
    heading: ANSWERS[view.state](view.name),
    crumbs: view.crumbs,
    lede: html`<span>${view.kind}</span><code>${view.where}</code>`,
    actions:
      manage !== undefined &&
      html`${postButton({ action: manage.switchAction, label: manage.switchTo ? 'Switch on' : 'Switch off' })}${linkButton({ href: manage.editHref, label: 'Edit' })}${postButton(
        { action: manage.testAction, label: 'Send a test', kind: 'primary' },
      )}`,
    content: html`<div class="stack">${channelPart(view)}${manage !== undefined && dangerPanel(view.name, manage.deleteAction)}</div>`,
  });
}

/** What changes by itself. */
export function channelPart(view: ChannelPageView): Html {
  const problem =
    view.state === 'failing' &&
    callout({
      tone: 'problem',
      text: html`Its last ${view.failures === 1 ? 'attempt' : formatNoun(view.failures, 'attempt')} failed, since ${relativeTime(view.failingSince, view.face)}: ${view.failure}. ${
        view.isOfLife ? 'It is tried again at its next time.' : 'What waits is tried again for a day, at growing intervals.'
      }`,
    });
  const settings = facts([
    { label: 'State', value: channelStatus(view.state) },
    { label: 'Last delivered', value: relativeTime(view.workedAt, view.face, 'never') },
    ...view.facts,
  ]);
  return html`<div class="stack" id="${CHANNEL_PART}" data-live="channels" data-live-get="${view.here}">${problem}${undeliveredCallout(view)}<div class="columns">${messagesPanel(view)}<div class="stack">${panel({ title: 'Channel', content: settings })}</div></div></div>`;
}

function undeliveredCallout({ undelivered, manage }: ChannelPageView): Html | false {
  if (undelivered === 0) return false;
  const text = `${formatNoun(undelivered, 'message')} ${undelivered === 1 ? 'was' : 'were'} not delivered.`;
  if (manage === undefined) return callout({ tone: 'warning', text });
  const action = html`${postButton({ action: manage.resendAction, label: 'Send again', small: true })}${postButton({ action: manage.dismissAction, label: 'Dismiss', kind: 'quiet', small: true })}`;
  return callout({ tone: 'warning', text, action });
}

function messagesPanel(view: ChannelPageView): Html {
  const { messages, face, previousHref, nextHref } = view;
  const advice = view.manage === undefined ? '' : ' Send a test to see that it works.';
  const empty = html`<p class="quiet">${view.isOfLife ? 'It gave no sign of life yet.' : `It was told nothing yet.${advice}`}</p>`;
  return panel({
    title: view.isOfLife ? 'Signs of life' : 'Messages',
    content: messages.length === 0 ? empty : deliveryRows(messages, face, { withChannel: false }),
    foot:
      previousHref === undefined && nextHref === undefined
        ? undefined
        : pager({ summary: `${formatNoun(messages.length, 'message')} shown`, previousHref, nextHref }),
  });
}

function dangerPanel(name: string, action: string): Html {
  return panel({
    title: 'Delete',
    tone: 'danger',
    content: confirmButton({
      id: 'delete-channel',
      label: 'Delete this channel…',
      kind: 'danger',
      confirm: {
        title: html`Delete the channel “${name}”?`,
        effect: 'It is told nothing any more; messages that wait for it and the list of those it was sent are deleted.',
        verb: 'Delete the channel',
        action,
      },
    }),
  });
}
