/** The question which host does something with snapshots that another one made. */
import { type Html, html } from '../../html.ts';
import { button, type HiddenFields, hiddenInputs, linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';

export type HandsView = {
  /** Empty where there is nothing to say. */
  readonly note: string;
  /** The first one is what happens unless another one is chosen. */
  readonly options: readonly { readonly value: string; readonly label: string }[];
  /** As posted; none chose the first. */
  readonly chosen: string | undefined;
  /** Where there are more than the select offers. */
  readonly search: ChoiceSearch | undefined;
};

/** The name of the field. */
export const HANDS = 'host';

export function handsField({ options, chosen }: HandsView): Field {
  return { name: HANDS, label: 'Host', kind: 'select', required: true, options, value: chosen ?? options[0]?.value ?? '' };
}

/** What a form about snapshots says and asks of the host; nothing where the host that made them does it. */
export function handsFields(view: HandsView | undefined): Html | false {
  if (view === undefined) return false;
  const isChoice = view.options.length > 1 || view.note !== '' || view.search !== undefined;
  const field = isChoice ? formField(searchedField(handsField(view), view.search)) : undefined;
  return html`${view.note !== '' && callout({ tone: 'notice', text: view.note })}${field}`;
}

export type HandsPageView = {
  readonly crumbs: readonly Crumb[];
  readonly title: string;
  readonly verb: string;
  readonly action: string;
  readonly cancelHref: string;
  readonly hidden: HiddenFields;
  readonly lines: readonly { readonly id: string; readonly title: string; readonly detail: string }[];
  readonly hands: HandsView;
};

export function handsPage(shell: Shell, view: HandsPageView): Html {
  const count = formatNoun(view.lines.length, 'snapshot');
  const chosen = view.lines.map(({ id }) => hiddenInputs({ snapshots: id }));
  const content = html`<div class="stack">${panel({ title: 'Chosen', aside: count, content: rows(view.lines) })}<form class="form" method="post" action="${view.action}">${hiddenInputs(view.hidden)}${chosen}${handsFields(view.hands)}<div class="form-actions">${button({ label: view.verb, kind: 'primary' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form></div>`;
  return layout(shell, { title: view.title, crumbs: view.crumbs, heading: view.title, content });
}
