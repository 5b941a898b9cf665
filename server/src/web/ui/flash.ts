/** Messages at the top of a page: what happened, why, what to do. */
import { type Html, type HtmlValue, html } from '../html.ts';
import { type IconName, icon } from './icons.ts';

export type FlashTone = 'done' | 'notice' | 'warning' | 'problem';

export type Flash = {
  readonly tone: FlashTone;
  readonly text: HtmlValue;
  /** The way on: usually a link. */
  readonly action?: HtmlValue;
};

const TONES: Readonly<Record<FlashTone, { icon: IconName; word: string }>> = {
  done: { icon: 'check', word: 'Done' },
  notice: { icon: 'info', word: 'Note' },
  warning: { icon: 'warning', word: 'Warning' },
  problem: { icon: 'cross', word: 'Problem' },
};

/** All messages of a page, announced politely; problems at once. */
export function flashMessages(messages: readonly Flash[]): Html {
  return html`<div id="flash" class="flashes">${messages.map(callout)}</div>`;
}

/** One message in a box; also usable inside a panel. */
export function callout(message: Flash): Html {
  const tone = TONES[message.tone];
  return html`<div class="callout callout-${message.tone}" role="${message.tone === 'problem' ? 'alert' : 'status'}">${icon(tone.icon)}<div class="callout-text"><span class="visually-hidden">${tone.word}: </span>${message.text}</div>${
    message.action !== undefined && html`<div class="callout-action">${message.action}</div>`
  }</div>`;
}
