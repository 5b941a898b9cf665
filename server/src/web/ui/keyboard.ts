/** The keyboard help dialog and the search it shows the way to. Works through `page.js`; without it nothing is shown. */
import { attrs, type Html, html } from '../html.ts';

type Jump = { readonly label: string; readonly key?: string | undefined };

export function keyboardHelp(shell: {
  readonly nav: readonly { readonly items: readonly Jump[] }[];
  readonly searchUrl?: string | undefined;
}): Html {
  const jumps = shell.nav.flatMap((group) => group.items).filter((item) => item.key !== undefined);
  const rows: readonly (readonly [string, string])[] = [
    ...(shell.searchUrl === undefined ? [] : [['/', 'Search'] as const]),
    ['?', 'This help'],
    ['j k', 'Next and previous line of a list'],
    ['Enter', 'Open the line'],
    ['Esc', 'Close, or leave a field'],
    ...jumps.map((item) => [`g ${item.key}`, item.label] as const),
  ];
  return html`<dialog id="help" class="dialog" aria-labelledby="help-title" ${attrs({ 'data-search-url': shell.searchUrl })}><div class="dialog-body"><h2 id="help-title">Keyboard</h2><dl class="keys">${rows.map(
    ([keys, meaning]) => html`<div><dt>${keys.split(' ').map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${meaning}</dd></div>`,
  )}</dl><form method="dialog" class="dialog-actions"><button class="button">Close</button></form></div></dialog>`;
}
