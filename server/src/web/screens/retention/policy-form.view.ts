/** Making and changing a retention policy, with what it keeps of a year beside it. */
import { type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton } from '../../ui/button.ts';
import { errorSummary, type Field, fieldSection, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type YearView, yearPreview } from './retention-year.view.ts';

export type PolicyFormView = {
  readonly title: string;
  readonly heading: string;
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  readonly submit: string;
  readonly version?: number | undefined;
  readonly values: Readonly<Record<string, string>>;
  readonly everything: boolean;
  /** Rules to begin with; none when an existing policy is changed. */
  readonly presets: readonly { readonly label: string; readonly href: string }[];
  readonly yearUrl: string;
  readonly year: YearView | { readonly problem: string };
  readonly words?: string | undefined;
  /** Who goes by the new rules at once. */
  readonly effect?: string | undefined;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

const RULES = 'policy-rules';

const COUNTS: readonly (readonly [name: string, label: string, unit: string])[] = [
  ['hourly', 'Hourly', 'hours'],
  ['daily', 'Daily', 'days'],
  ['weekly', 'Weekly', 'weeks'],
  ['monthly', 'Monthly', 'months'],
  ['yearly', 'Yearly', 'years'],
  ['last', 'The newest', 'snapshots'],
];

function listCountFields({ values, errors }: PolicyFormView): readonly Field[] {
  return COUNTS.map(([name, label, unit]) => ({
    name,
    label,
    unit,
    kind: 'number',
    min: 0,
    max: 10_000,
    required: true,
    value: values[name] === '' ? '0' : values[name],
    error: errors[name],
  }));
}

function listLimitFields({ values, errors }: PolicyFormView): readonly Field[] {
  const field = (name: string, label: string, help: string, more: Partial<Field> = {}): Field => ({
    name,
    label,
    help,
    kind: 'duration',
    placeholder: 'no rule',
    value: values[name] ?? '',
    error: errors[name],
    ...more,
  });
  return [
    field(
      'within',
      'Keep all of the last',
      'Counted back from the newest good one, so a host that is off loses nothing. Such as 48 h or 14 d.',
    ),
    field('minAge', 'Remove nothing younger than', 'Whatever the other rules say. Such as 24 h.'),
    field('maxAge', 'Keep nothing older than', 'Whatever the numbers say. Such as 365 d.'),
    field('maxTotal', 'Of each source at most', 'Of what its backups added to the repository; the oldest goes first.', {
      kind: 'number',
      unit: 'GiB',
      min: 0,
    }),
  ];
}

function listNameFields({ values, errors }: PolicyFormView): readonly Field[] {
  return [
    { name: 'name', label: 'Name', kind: 'text', required: true, value: values['name'] ?? '', error: errors['name'] },
    {
      name: 'description',
      label: 'What it is for',
      kind: 'text',
      value: values['description'] ?? '',
      error: errors['description'],
    },
  ];
}

export function policyFormPage(shell: Shell, view: PolicyFormView): Html {
  const names = listNameFields(view);
  const counts = listCountFields(view);
  const limits = listLimitFields(view);
  const wrong = [...names, ...counts, ...limits].filter(({ error }) => error !== undefined);
  const everything: Field = {
    name: 'everything',
    label: 'Keep everything',
    kind: 'checkbox',
    value: view.everything,
    help: 'Nothing is ever removed by a rule; the rules below do not count.',
  };
  const presets =
    view.presets.length > 0 &&
    html`<div class="cluster"><span class="quiet">Begin with</span>${view.presets.map(({ label, href }) => linkButton({ label, href, small: true }))}</div>`;
  const rules = html`<div class="fields" id="${RULES}" hx-get="${view.yearUrl}" hx-trigger="input delay:200ms, change" hx-include="#${RULES}" hx-target="#policy-year" hx-select="#policy-year" hx-swap="outerMorph" hx-sync="this:replace">${fieldSection({ fields: [everything] })}${fieldSection({ title: 'The newest of each', help: '0 is no rule.', fields: [], content: html`<div class="tiles">${counts.map(formField)}</div>` })}${fieldSection({ title: 'Ages and size', folded: true, open: limits.some(({ value }) => value !== ''), fields: limits })}</div>`;
  const hidden = view.version === undefined ? {} : { version: view.version };
  const form = html`<form class="form" method="post" action="${view.action}">${hiddenInputs(hidden)}${presets}${fieldSection({ fields: names })}${rules}${view.effect !== undefined && html`<p class="quiet">${view.effect}</p>`}<div class="form-actions">${button({ label: view.submit, kind: 'primary' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form>`;
  const year = panel({ title: 'A year of imagined backups', content: yearPreview(view.year, view.words) });
  return layout(shell, {
    title: view.title,
    heading: view.heading,
    crumbs: view.crumbs,
    content: html`<div class="stack">${errorSummary(wrong, view.problem)}<div class="halves">${panel({ title: 'Policy', content: form })}${year}</div></div>`,
  });
}
