/** An empty page is a dead end unless it shows the next step. */
import { type Html, type HtmlValue, html } from '../html.ts';
import { type IconName, icon } from './icons.ts';

export function emptyState(view: {
  readonly title: HtmlValue;
  readonly text?: HtmlValue;
  readonly action?: HtmlValue;
  readonly icon?: IconName | undefined;
}): Html {
  return html`<div class="empty">${view.icon !== undefined && icon(view.icon)}<p class="empty-title">${view.title}</p>${view.text !== undefined && html`<p class="empty-text">${view.text}</p>`}${
    view.action !== undefined && html`<div class="empty-action">${view.action}</div>`
  }</div>`;
}
