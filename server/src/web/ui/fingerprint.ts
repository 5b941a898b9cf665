/** A host's fingerprint: six words, big enough to compare across two screens. */
import { type Html, html } from '../html.ts';

export function fingerprint(words: readonly string[]): Html {
  return html`<ol class="fingerprint" aria-label="Fingerprint">${words.map((word) => html`<li>${word}</li>`)}</ol>`;
}

/** The same on one line, for lists. */
export function fingerprintLine(words: readonly string[]): Html {
  return html`<code class="fingerprint-line">${words.join('-')}</code>`;
}
