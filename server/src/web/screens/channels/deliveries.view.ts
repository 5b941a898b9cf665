/** Messages to channels: where each stands, and what came back. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { rows } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';

export type DeliveryLine = {
  readonly id: string;
  readonly state: 'waiting' | 'delivered' | 'given_up' | 'dismissed';
  /** What it says. */
  readonly text: string;
  /** Of the message itself with its attempts. */
  readonly href: string;
  readonly channel: { readonly name: string; readonly href: string };
  readonly createdAt: number;
  readonly dueAt: number;
  readonly attempts: number;
  readonly outcome?: string | undefined;
};

const STATES: Readonly<Record<DeliveryLine['state'], StatusView>> = {
  waiting: { word: 'waiting', tone: 'at-risk', icon: 'queued' },
  delivered: { word: 'delivered', tone: 'protected', icon: 'check' },
  given_up: { word: 'given up', tone: 'unprotected', icon: 'cross' },
  dismissed: { word: 'dismissed', tone: 'quiet', icon: 'cross' },
};

export function deliveryStatus(state: DeliveryLine['state']): Html {
  return status(STATES[state]);
}

export function deliveryRows(lines: readonly DeliveryLine[], face: Clockface, { withChannel }: { withChannel: boolean }): Html {
  return rows(
    lines.map((line) => ({
      id: `row-${line.id}`,
      status: status(STATES[line.state]),
      ...(withChannel ? { action: linkButton({ href: line.href, label: 'Message', small: true }) } : {}),
      title: withChannel
        ? html`<a href="${line.channel.href}">${line.channel.name}</a>`
        : html`<a href="${line.href}">${line.text}</a>`,
      detail: html`${relativeTime(line.createdAt, face)}${line.attempts > 0 && html` · ${formatNoun(line.attempts, 'attempt')}`}${
        line.outcome !== undefined && html` · ${line.outcome}`
      }${line.state === 'waiting' && line.attempts > 0 && html` · tried again ${relativeTime(line.dueAt, face)}`}`,
    })),
  );
}
