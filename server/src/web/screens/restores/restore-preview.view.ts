/** What a restore of files would do, as the host counted it: in numbers, with the room there is. */
import { type Html, html } from '../../html.ts';
import { callout } from '../../ui/flash.ts';
import { facts } from '../../ui/panel.ts';

export type PreviewView = {
  readonly lead: string;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** What stands in the way; then it cannot be begun. */
  readonly conflicts: readonly string[];
};

export function previewPart({ lead, facts: counted, conflicts }: PreviewView): Html {
  const refusal =
    conflicts.length > 0 &&
    callout({
      tone: 'problem',
      text: html`This cannot be done as it stands:<ul>${conflicts.map((conflict) => html`<li>${conflict}</li>`)}</ul>`,
    });
  return html`<div class="stack" aria-live="polite">${refusal}<p>${lead}</p>${facts(counted)}</div>`;
}
