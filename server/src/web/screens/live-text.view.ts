/** Words in a heading or below it that change by themselves, without the page around them. */
import { type Html, type HtmlValue, html } from '../html.ts';

export interface LiveText {
  /** Unique in the page; the answer of `url` holds the same element. */
  id: string;
  topic: string;
  url: string;
  content: HtmlValue;
}

export function liveText({ id, topic, url, content }: LiveText): Html {
  return html`<span id="${id}" data-live="${topic}" data-live-get="${url}">${content}</span>`;
}
