/** A question that stands in a popover elsewhere, as a page of its own: where it comes back from a search without JavaScript. */
import { type Html, html } from '../../html.ts';
import { type Confirmation, confirmPanel } from '../../ui/button.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';

export type QuestionView = {
  readonly title: string;
  readonly crumbs: readonly Crumb[];
  readonly confirm: Confirmation;
  readonly cancelHref: string;
};

export function questionPage(shell: Shell, { title, crumbs, confirm, cancelHref }: QuestionView): Html {
  const content = html`<div class="narrow">${confirmPanel({ id: 'question', confirm, cancelHref })}</div>`;
  return layout(shell, { title, crumbs, heading: confirm.title, content });
}
