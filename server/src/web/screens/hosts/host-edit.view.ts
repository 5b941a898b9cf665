/** The form in which a host is named, tagged and held back. */
import type { Html } from '../../html.ts';
import { html } from '../../html.ts';
import { type Field, type FieldSection, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import type { Urls } from '../../urls.ts';
import { LIMIT_LABELS, limitFields } from '../forms/limit-fields.view.ts';
import { listSecretsOptions, SECRETS_CHANGE, SECRETS_COST } from './secrets-mode.view.ts';

type LimitName = 'nice' | 'io' | 'upload' | 'download' | 'memory';

export interface EditHostView {
  urls: Urls;
  id: string;
  name: string;
  values: Readonly<Record<'name' | 'tags' | 'concurrency' | 'secretsMode' | LimitName, string>>;
  /** Whether its agent can do without keeping secrets. */
  canDoWithout: boolean;
  errors: Readonly<Record<string, string>>;
  problem?: string | undefined;
}

export function editHostPage(shell: Shell, view: EditHostView): Html {
  const { urls, id, values, errors } = view;
  const fields: readonly Field[] = [
    {
      name: 'name',
      label: 'Name',
      kind: 'text',
      value: values.name,
      required: true,
      error: errors['name'],
      help: 'What it is called here; the machine’s own name stays as it is.',
    },
    {
      name: 'tags',
      label: 'Tags',
      kind: 'text',
      value: values.tags,
      error: errors['tags'],
      help: 'Separated by commas, such as production, fra.',
    },
    {
      name: 'concurrency',
      label: 'Runs at once',
      kind: 'number',
      value: values.concurrency,
      required: true,
      min: 1,
      max: 32,
      error: errors['concurrency'],
      help: 'Further runs wait their turn.',
    },
    {
      name: 'secretsMode',
      label: 'Secrets',
      kind: 'select',
      value: values.secretsMode,
      required: true,
      error: errors['secretsMode'],
      options: listSecretsOptions(values.secretsMode, view.canDoWithout),
      help: `${SECRETS_COST} ${SECRETS_CHANGE}`,
    },
  ];
  const limits: FieldSection = {
    title: 'Limits of each run',
    help: 'They hold for every run here: backups, copies, checks, drills and restores. Those of a plan hold besides; the tighter one counts. Runs at the same time each have them.',
    folded: true,
    open: Object.keys(LIMIT_LABELS).some((name) => values[name as LimitName] !== ''),
    fields: limitFields((name, more) => ({
      name,
      label: LIMIT_LABELS[name] ?? name,
      value: values[name as LimitName],
      error: errors[name],
      ...more,
    })),
  };
  return layout(shell, {
    title: `Edit ${view.name}`,
    heading: `Edit ${view.name}`,
    crumbs: [{ label: 'Hosts', href: urls.hosts() }, { label: view.name, href: urls.host({ host: id }) }, { label: 'Edit' }],
    content: html`<section class="panel"><div class="panel-body">${form({
      action: urls.editHost({ host: id }),
      fields,
      sections: [limits],
      problem: view.problem,
      submit: { label: 'Save' },
      cancelHref: urls.host({ host: id }),
    })}</div></section>`,
  });
}
