/** What several screens share and `ui` does not hold, for the page of every component: acts on many, and the search among many choices. */
import { type Html, html } from '../../html.ts';
import { formField } from '../../ui/form.ts';
import { panel } from '../../ui/panel.ts';
import { bulkBar } from '../bulk/bulk.view.ts';
import { searchedField } from '../forms/choice-search.view.ts';

/** `action` is where buttons lead, which do nothing. The bar shows once a host of the gallery's table is ticked. */
export function sharedParts(action: string): Html {
  const acts = [
    { value: 'pause', label: 'Pause…' },
    { value: 'delete', label: 'Delete…', isDangerous: true },
  ];
  const host = searchedField(
    {
      name: 'searched-host',
      label: 'Host',
      kind: 'select',
      required: true,
      options: [{ value: '', label: 'Choose…' }],
      value: '',
    },
    { label: 'Find a host', find: '', found: 200, isCut: true },
  );
  return html`${bulkBar({ form: 'bulk', action, many: 'hosts', acts, here: action })}${panel({
    title: 'A choice among thousands',
    content: html`<form class="form" method="post" action="${action}">${formField(host)}</form>`,
  })}`;
}
