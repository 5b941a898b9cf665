/** The host that does what is asked on the page of a repository: of each act its own field, and its own search where there are many hosts. */
import { type Html, html } from '../../html.ts';
import { type Field, type FieldOption, formField } from '../../ui/form.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';
import type { HostChoice } from '../sources/source-form.view.ts';

/** What a host is asked for there. Each has a form of its own, whose fields begin with its name. */
export const HOST_ACTS = ['test', 'check', 'prune'] as const;
export type HostAct = (typeof HOST_ACTS)[number];

export const hostFieldName = (act: HostAct) => `${act}-host` as const;

export interface HostPick {
  act: HostAct;
  label: string;
  help?: string | undefined;
  /** Empty while no host has joined. */
  hosts: readonly HostChoice[];
  chosen: string | undefined;
  /** Where there are more than the select offers. */
  search: ChoiceSearch | undefined;
}

export type HostPicks = Readonly<Record<HostAct, HostPick>>;

/** A host that is not there now says so. */
export function toHostOption({ id, name, standing }: HostChoice): FieldOption {
  return { value: id, label: standing === 'online' ? name : `${name} (${standing})` };
}

export function pickField({ act, label, help, hosts, chosen }: HostPick): Field {
  return {
    name: hostFieldName(act),
    label,
    kind: 'select',
    required: true,
    value: chosen,
    help,
    options: hosts.map(toHostOption),
  };
}

/** The field on the page. A live update around it leaves alone what somebody searches in. */
export function hostPick(pick: HostPick): Html {
  const field = formField(searchedField(pickField(pick), pick.search));
  if (pick.search === undefined) return field;
  return html`<div class="fields" id="${hostFieldName(pick.act)}-choice" hx-morph-skip>${field}</div>`;
}
