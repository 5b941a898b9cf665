/** The panel that has one host look into a repository: the server itself opens none. */
import { type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { formField } from '../../ui/form.ts';
import { panel } from '../../ui/panel.ts';
import { type ChoiceSearch, choiceSearch } from '../forms/choice-search.view.ts';
import type { HostChoice } from '../sources/source-form.view.ts';
import { toHostOption } from './repository-hosts.view.ts';

export interface HostLook {
  hosts: readonly HostChoice[];
  chosenHost: string | undefined;
  /** Where there are more than the select offers. */
  search: ChoiceSearch | undefined;
  addHostHref: string;
  /** What the host does there. */
  help: string;
  method: 'get' | 'post';
  action: string;
  /** Fields that go along unseen. */
  kept?: Html;
  label: string;
  kind: 'primary' | 'secondary';
}

export function hostLookPanel({
  hosts,
  chosenHost,
  search,
  addHostHref,
  help,
  method,
  action,
  kept,
  label,
  kind,
}: HostLook): Html {
  const title = 'Look from a host';
  if (hosts.length === 0)
    return panel({
      title,
      content: emptyState({
        icon: 'host',
        title: 'No host has joined yet',
        text: 'Only hosts open repositories; this server never does.',
        action: linkButton({ href: addHostHref, label: 'Add host', kind: 'primary' }),
      }),
    });
  const choice = formField({
    name: 'host',
    label: 'Host',
    kind: 'select',
    required: true,
    value: chosenHost,
    help,
    options: hosts.map(toHostOption),
  });
  return panel({
    title,
    content: html`<form class="form" method="${method}" action="${action}">${kept}<div class="fields">${choiceSearch(search)}${choice}</div><div class="form-actions">${button(
      { label, kind },
    )}</div></form>`,
  });
}
