/** Long hexadecimal numbers in a sentence: cut for the eye, whole on hover. */
import { type Html, html } from '../html.ts';

/** Below this a number is read as a word, such as a snapshot's short id. A sentence may have been cut inside of one. */
const LONG = /[0-9a-f]{25,}…?/gi;
const SHOWN = 16;

/** The text with each long hexadecimal number cut to its first digits; the whole number stands in its title. */
export function shortenHex(text: string): Html {
  const pieces: (Html | string)[] = [];
  let end = 0;
  for (const { 0: number, index } of text.matchAll(LONG)) {
    pieces.push(text.slice(end, index), html`<abbr class="hex" title="${number}">${number.slice(0, SHOWN)}…</abbr>`);
    end = index + number.length;
  }
  return html`${[...pieces, text.slice(end)]}`;
}
