/** Text to take away: a command, an id, a key. */
import { type AttributeValue, attrs, type Html, html } from '../html.ts';
import { icon } from './icons.ts';

/** One line with a copy button; without JavaScript one click selects it all. */
export function copyLine(view: { readonly text: string; readonly label: string }): Html {
  return html`<div class="copy"><code class="copy-text" tabindex="0">${view.text}</code>${copyButton(view)}</div>`;
}

/** For text of several lines, or beside something else. */
export function copyButton({ text, label }: { readonly text: string; readonly label: string }): Html {
  return takeButton({ 'data-copy': text, 'aria-label': `Copy ${label}` });
}

/** Takes the lines of a log as they are shown; `log` is the id of its element. */
export function copyLinesButton({ log, label }: { readonly log: string; readonly label: string }): Html {
  return takeButton({ 'data-copy-lines': log, 'aria-label': `Copy ${label}` });
}

function takeButton(attributes: Readonly<Record<string, AttributeValue>>): Html {
  return html`<button type="button" class="button button-quiet button-small needs-js" ${attrs(attributes)}>${icon('copy')}<span data-copy-word>Copy</span></button>`;
}
