/** The offer to create a repository that is not there. */
import { type Html, html } from '../../html.ts';
import { type Field, type FieldOption, formField } from '../../ui/form.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';

/** The name of the field. */
export const MODEL = 'like';

export interface ModelChoice {
  options: readonly FieldOption[];
  chosen: string;
  /** Where there are more than the select offers. */
  search: ChoiceSearch | undefined;
}

export function modelField({ options, chosen }: ModelChoice): Field {
  return {
    name: MODEL,
    label: 'Cut files as',
    kind: 'select',
    value: chosen,
    options: [{ value: '', label: 'no other repository' }, ...options],
    help: 'For a second repository: what is copied from the first one is then shared with what is backed up here.',
  };
}

/** The one way a repository comes into being: a person saw that there is none, and says so. */
export function createOffer({ action, host, models }: { action: string; host: string; models: ModelChoice }): Html {
  const { options, search } = models;
  const like =
    (options.length > 0 || search !== undefined) &&
    html`<div class="fields">${formField(searchedField(modelField(models), search))}</div>`;
  // Enter in the search presses its button, and without JavaScript the first one of the form, which is the same.
  return html`<form class="stack" method="post" action="${action}"><input type="hidden" name="host" value="${host}">${like}<button class="button button-primary"><span>Create the repository there</span></button></form>`;
}
