/** Text to take away: a command, an id, a key. */
import { attrs, type Html, html } from '../html.ts';
import { icon } from './icons.ts';

/** One line with a copy button; without JavaScript one click selects it all. */
export function copyLine(view: { readonly text: string; readonly label: string }): Html {
  return html`<div class="copy"><code class="copy-text" tabindex="0">${view.text}</code>${copyButton(view)}</div>`;
}

/** A button alone, for text that stands elsewhere on the page. */
function copyButton(view: { readonly text: string; readonly label: string }): Html {
  return html`<button type="button" class="button button-quiet button-small needs-js" ${attrs({ 'data-copy': view.text, 'aria-label': `Copy ${view.label}` })}>${icon('copy')}<span data-copy-word>Copy</span></button>`;
}
