/** The question where a snapshot is copied to. */
import { html } from '../../html.ts';
import type { Confirmation } from '../../ui/button.ts';
import { type Field, type FieldOption, formField } from '../../ui/form.ts';
import { type ChoiceSearch, orNone, searchedField } from '../forms/choice-search.view.ts';

/** The name of the field. */
export const SECOND = 'repository';

export type SecondChoice = {
  readonly options: readonly FieldOption[];
  readonly chosen: string | undefined;
  /** Where there are more than the select offers. */
  readonly search: ChoiceSearch | undefined;
};

/** Whether there is any to choose, or to look for. */
export function hasSeconds({ options, search }: SecondChoice): boolean {
  return options.length > 0 || search !== undefined;
}

export function secondField({ options, chosen, search }: SecondChoice): Field {
  return { name: SECOND, label: 'To', kind: 'select', required: true, ...orNone(options, chosen, search) };
}

export function askCopy(view: {
  readonly action: string;
  readonly snapshot: string;
  /** That it is read from. */
  readonly repository: string;
  readonly seconds: SecondChoice;
}): Confirmation {
  const { action, snapshot, repository, seconds } = view;
  return {
    title: 'Copy this snapshot to another repository?',
    effect: html`The host reads it from ${repository} and stores it there, then reads the copy back. Nothing crosses this server.`,
    verb: 'Copy it',
    kind: 'primary',
    action,
    hidden: { act: 'copy', snapshots: snapshot },
    fields: formField(searchedField(secondField(seconds), seconds.search)),
  };
}
