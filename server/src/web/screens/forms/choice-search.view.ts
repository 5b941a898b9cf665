/** The search beside a select whose choices are too many for it. */
import { attrs, type Html, html } from '../../html.ts';
import { button } from '../../ui/button.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';

export type ChoiceSearch = {
  /** Such as `Find a host`. */
  readonly label: string;
  /** As typed. */
  readonly find: string;
  readonly found: number;
  /** There are more than the select offers. */
  readonly isCut: boolean;
};

/** Sends its form with `act=find`, which starts nothing: the page comes back with what fits. Nothing where there is no search. */
export function choiceSearch(search: ChoiceSearch | undefined): Html | false {
  if (search === undefined) return false;
  const { label, find } = search;
  const input = html`<input class="input" type="search" id="f-find" name="find" autocomplete="off" spellcheck="false" aria-describedby="f-find-help" ${attrs({ value: find })}>`;
  const act = button({ label: 'Search', name: 'act', value: 'find', attributes: { formnovalidate: true } });
  return html`<div class="field"><label for="f-find">${label} <span class="optional">optional</span></label><div class="with-unit">${input}${act}</div><p class="help" id="f-find-help">${describe(search)}</p></div>`;
}

function describe({ find, found, isCut }: ChoiceSearch): string {
  if (find === '') return `The first ${formatCount(found)} by name are offered below; a part of the name brings others.`;
  if (found === 0) return `Nothing of that name: “${find}” fits none.`;
  return isCut
    ? `More than ${formatCount(found)} fit; type more of the name.`
    : `${formatNoun(found, 'choice')} below ${found === 1 ? 'fits' : 'fit'}.`;
}
