/** The search beside a select whose choices are too many for it. */
import { attrs, type Html, html } from '../../html.ts';
import { button } from '../../ui/button.ts';
import { type Field, type FieldOption, fieldPartId, formField } from '../../ui/form.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';

export type ChoiceSearch = {
  /** Such as `Find a host`. */
  readonly label: string;
  /** As typed. */
  readonly find: string;
  readonly found: number;
  /** There are more than the select offers. */
  readonly isCut: boolean;
  /** Somebody searched just now, for something else than before: whoever gets a page for that goes on there. */
  readonly isNew?: boolean | undefined;
  /**
   * The select follows the typing: its name, and where its form is sent. The handler answers a fragment with `foundChoices` alone.
   * Undefined where the form has one search, and the page comes back with what fits.
   */
  readonly follows?: { readonly field: string; readonly action: string } | undefined;
};

/** What the search of a field is called in its form; one that has a form to itself is called `find`. */
export function searchName(field?: string): string {
  return field === undefined ? 'find' : `find-${field}`;
}

/** What was searched for last, beside what is typed now: a search that was typed and not sent is carried out before anything else. */
export function foundName(field?: string): string {
  return field === undefined ? 'found' : `found-${field}`;
}

/** Sends its form with `act=find`, which starts nothing: the page comes back with what fits. Nothing where there is no search. */
export function choiceSearch(search: ChoiceSearch | undefined): Html | false {
  if (search === undefined) return false;
  const { label, find, follows, isNew } = search;
  const name = searchName(follows?.field);
  const id = `f-${name}`;
  const own = attrs({
    id,
    name,
    value: find,
    autofocus: find !== '' && (follows === undefined || isNew === true),
    'aria-describedby': `${id}-help`,
  });
  const last = html`<input type="hidden" ${attrs({ id: `f-${foundName(follows?.field)}`, name: foundName(follows?.field), value: find })}>`;
  const field = html`${last}<label for="${id}">${label} <span class="optional">optional</span></label><div class="with-unit">${searchBox(own, follows)}${searchButton(follows)}</div>`;
  return html`<div class="field">${field}<p class="help" role="status" ${attrs({ id: `${id}-help` })}>${describe(search)}</p></div>`;
}

function searchBox(own: ReturnType<typeof attrs>, follows: ChoiceSearch['follows']): Html {
  if (follows === undefined)
    return html`<input class="input" type="search" autocomplete="off" spellcheck="false" data-enter-clicks-next ${own}>`;
  const { action, field } = follows;
  return html`<input class="input" type="search" autocomplete="off" spellcheck="false" data-enter-clicks-next hx-post="${action}" hx-vals='{"act":"find"}' hx-trigger="input delay:200ms" hx-target="#${fieldPartId(field)}" hx-swap="outerHTML" hx-sync="this:replace" hx-status:4xx="swap:none" hx-status:5xx="swap:none" ${own}>`;
}

function searchButton(follows: ChoiceSearch['follows']): Html {
  if (follows === undefined) return button({ label: 'Search', name: 'act', value: 'find', attributes: { formnovalidate: true } });
  const { action, field } = follows;
  return html`<button class="button button-secondary" type="submit" name="act" value="find" formnovalidate formaction="${action}" hx-post="${action}" hx-target="#${fieldPartId(field)}" hx-swap="outerHTML" hx-status:4xx="swap:none" hx-status:5xx="swap:none"><span>Search</span></button>`;
}

/** Whether somebody searched, so that what holds the search is not folded away. */
export function isSearched(search: ChoiceSearch | undefined): boolean {
  return search !== undefined && search.find !== '';
}

/**
 * Choices of which none is chosen yet, where they are searched: the first by name would stay chosen beside what was found, though nobody chose it.
 * Not for a choice whose first one is what most people want.
 */
export function orNone(
  options: readonly FieldOption[],
  chosen: string | undefined,
  search: ChoiceSearch | undefined,
): Pick<Field, 'options' | 'value'> {
  if (search === undefined) return { options, value: chosen ?? options[0]?.value };
  return { options: [{ value: '', label: 'Choose…' }, ...options], value: chosen ?? '' };
}

/** A field with the search among its choices before it. */
export function searchedField(field: Field, search: ChoiceSearch | undefined): Field {
  return search === undefined ? field : { ...field, lead: choiceSearch(search) };
}

/** What a search that is followed comes back with: the field, whose search keeps the focus, and what is said of what fits. */
export function foundChoices(field: Field, search: ChoiceSearch | undefined): Html {
  // Fewer are there by now than a search is offered for, and nothing is searched for any more.
  if (search === undefined) return formField({ ...field, lead: '' });
  const { find, follows } = search;
  const last = attrs({ id: `f-${foundName(follows?.field)}`, name: foundName(follows?.field), value: find });
  const said = html`<p hx-swap-oob="innerHTML" ${attrs({ id: `f-${searchName(follows?.field)}-help` })}>${describe(search)}</p>`;
  return formField({ ...field, lead: html`<input type="hidden" hx-swap-oob="outerHTML" ${last}>${said}` });
}

function describe({ find, found, isCut }: ChoiceSearch): string {
  if (find === '' && found === 0) return 'A part of the name brings those that are there.';
  if (find === '') return `The first ${formatCount(found)} by name are offered below; a part of the name brings others.`;
  if (found === 0) return `Nothing of that name: “${find}” fits none.`;
  return isCut
    ? `More than ${formatCount(found)} fit; type more of the name.`
    : `${formatNoun(found, 'choice')} below ${found === 1 ? 'fits' : 'fit'}.`;
}
