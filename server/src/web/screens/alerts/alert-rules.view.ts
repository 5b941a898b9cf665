/** Rules of alerts: other thresholds for tags and plans, maintenance windows, escalation. Each list with a form for one more. */
import { attrs, type Html, html } from '../../html.ts';
import { linkButton, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { type Field, type FieldOption, fieldPartId, form } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { status } from '../../ui/status.ts';
import { type ChoiceSearch, foundChoices, isSearched, searchedField } from '../forms/choice-search.view.ts';

export type RuleLine = {
  /** What the form of its removal sends. */
  readonly key: string;
  readonly title: string;
  readonly detail: string;
  /** A window that is on now. */
  readonly isOn?: boolean | undefined;
};

export const FORM_NAMES = ['rule', 'limit', 'weekly', 'once', 'step'] as const;
export type FormName = (typeof FORM_NAMES)[number];
/** Those with a plan or a repository, of which there may be many. */
export const SEARCHED_FORMS = ['rule', 'limit', 'weekly', 'once'] as const;
export type SearchedForm = (typeof SEARCHED_FORMS)[number];
/** What the form is about, as its field and the search of it are called. */
export const ofField = (form: SearchedForm) => `${form}-of` as const;

export type RuleForm = {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
  readonly problem?: string | undefined;
};

export type AlertRulesView = {
  readonly heading: string;
  readonly alertsHref: string;
  readonly thresholds: readonly RuleLine[];
  readonly windows: readonly RuleLine[];
  readonly escalation: readonly RuleLine[];
  /** Undefined: only to be read. */
  readonly manage?:
    | {
        readonly addRule: string;
        readonly addWindow: string;
        readonly addStep: string;
        readonly remove: string;
        readonly addLimit: string;
        readonly choices: Readonly<
          Record<SearchedForm, { readonly options: readonly FieldOption[]; readonly search: ChoiceSearch | undefined }>
        >;
        readonly channels: readonly FieldOption[];
        readonly forms: Readonly<Record<FormName, RuleForm>>;
        readonly days: readonly string[];
        /** From Sunday, which is `0`. */
        readonly dayNames: readonly string[];
      }
    | undefined;
};

export function alertRulesPage(shell: Shell, view: AlertRulesView): Html {
  return layout(shell, {
    title: 'Rules of alerts',
    heading: view.heading,
    lede: 'What holds for everything is set with the channels. Here stands what differs, when nothing new is raised, and who is told when nobody takes an alert.',
    crumbs: [{ label: 'Alerts', href: view.alertsHref }, { label: 'Rules' }],
    actions: linkButton({ href: view.alertsHref, label: 'Alerts' }),
    content: html`<div class="stack">${thresholdsPanel(view)}${windowsPanel(view)}${escalationPanel(view)}</div>`,
  });
}

function listLines(lines: readonly RuleLine[], remove: string | undefined, none: string): Html {
  if (lines.length === 0) return emptyState({ icon: 'info', title: none });
  return rows(
    lines.map(({ key, title, detail, isOn }) => ({
      status: isOn === true ? status({ word: 'on now', tone: 'active', icon: 'pause' }) : undefined,
      title,
      detail,
      action:
        remove === undefined ? undefined : postButton({ action: remove, label: 'Remove', name: 'key', value: key, small: true }),
    })),
  );
}

/** Several forms of one page have fields of the same name: each gets that of its form before it, and so an id of its own. */
function toFields(form: FormName, { values, errors }: RuleForm, fields: readonly Field[]): readonly Field[] {
  return fields.map(({ name, ...field }) => ({
    value: values[name],
    ...field,
    name: `${form}-${name}`,
    error: errors[name],
  }));
}

type Manage = NonNullable<AlertRulesView['manage']>;

/** What the form is about. */
function aboutField({ choices }: Manage, form: SearchedForm): Field {
  const label = form === 'limit' ? 'Repository' : 'For';
  return { kind: 'select', name: 'of', label, required: true, options: choices[form].options };
}

const searchedAbout = (manage: Manage, form: SearchedForm): Field =>
  searchedField(aboutField(manage, form), manage.choices[form].search);

/** The parts that a search comes back with, by the ids of what they replace. */
export function foundRuleParts(manage: Manage): Readonly<Record<string, () => Html>> {
  return Object.fromEntries(
    SEARCHED_FORMS.flatMap((form) =>
      toFields(form, manage.forms[form], [aboutField(manage, form)]).map((field) => [
        fieldPartId(field.name),
        () => foundChoices(field, manage.choices[form].search),
      ]),
    ),
  );
}

/** What is at fault, or searched in, is not folded away. */
function isOpen({ forms, choices }: Manage, form: SearchedForm): boolean {
  const { errors, problem } = forms[form];
  return Object.keys(errors).length > 0 || problem !== undefined || isSearched(choices[form].search);
}

function thresholdsPanel({ thresholds, manage }: AlertRulesView): Html {
  const list = listLines(thresholds, manage?.remove, 'The same thresholds hold for everything.');
  const add =
    manage !== undefined &&
    form({
      action: manage.addRule,
      problem: manage.forms.rule.problem,
      fields: toFields('rule', manage.forms.rule, [
        searchedAbout(manage, 'rule'),
        {
          kind: 'number',
          name: 'failuresInARow',
          label: 'A backup ended unclean in a row',
          unit: 'times',
          min: 1,
          max: 10,
          help: 'The number of a plan stands above that of a tag; of several tags the highest holds.',
        },
        {
          kind: 'number',
          name: 'silentMinutes',
          label: 'A host was silent for',
          unit: 'minutes',
          min: 2,
          max: 10_080,
          help: 'Tags only, such as laptops that sleep at night.',
        },
        {
          kind: 'number',
          name: 'hostDiskGib',
          label: 'Less left on its disk than',
          unit: 'GiB',
          min: 0.1,
          max: 1024,
          help: 'Tags only.',
          attributes: { step: 'any' },
        },
      ]),
      submit: { label: 'Set the thresholds', kind: 'secondary' },
    });
  return panel({
    title: 'Thresholds of tags, plans and repositories',
    content: html`<div class="stack">${list}${add}${manage !== undefined && limitForm(manage)}</div>`,
  });
}

/** Whoever has room to pay for hears of it before it is used up. */
function limitForm(manage: Manage): Html {
  const { addLimit, forms } = manage;
  const { limit } = forms;
  const content = form({
    action: addLimit,
    problem: limit.problem,
    fields: toFields('limit', limit, [
      searchedAbout(manage, 'limit'),
      {
        kind: 'number',
        name: 'storedGib',
        label: 'More stored than',
        unit: 'GiB',
        required: true,
        min: 0.1,
        max: 1_073_741_824,
        help: 'By the newest measurement of what it takes in storage. Nothing is refused or removed because of it.',
        attributes: { step: 'any' },
      },
    ]),
    submit: { label: 'Set the limit', kind: 'secondary' },
  });
  return html`<details class="fold" ${attrs({ open: isOpen(manage, 'limit') })}><summary>${icon('right')}<span>A limit of what a repository stores</span></summary>${content}</details>`;
}

function windowsPanel({ windows, manage }: AlertRulesView): Html {
  const list = listLines(windows, manage?.remove, 'There is no maintenance window.');
  const about = html`<p class="quiet">While a window is on, nothing new is raised for what it is for; what was raised before stays. What still holds at its end is raised then. Alerts of this server and of channels are never held back.</p>`;
  if (manage === undefined)
    return panel({ title: 'Maintenance windows', content: html`<div class="stack">${about}${list}</div>` });
  const zone: Field = {
    kind: 'text',
    name: 'zone',
    label: 'Time zone',
    required: true,
    mono: true,
    placeholder: 'Europe/Berlin',
  };
  const common = (form: SearchedForm): readonly Field[] => [
    { kind: 'text', name: 'name', label: 'Name', required: true, placeholder: 'patch day' },
    searchedAbout(manage, form),
  ];
  const weekly = form({
    action: manage.addWindow,
    hidden: { kind: 'weekly' },
    problem: manage.forms.weekly.problem,
    fields: toFields('weekly', manage.forms.weekly, [
      ...common('weekly'),
      {
        kind: 'multiselect',
        name: 'days',
        label: 'Begins on',
        value: manage.days,
        options: manage.dayNames.map((label, day) => ({ value: String(day), label })),
      },
      { kind: 'text', name: 'from', label: 'From', required: true, placeholder: '22:00', mono: true },
      { kind: 'text', name: 'to', label: 'Until', required: true, placeholder: '04:00', mono: true },
      zone,
    ]),
    submit: { label: 'Add the weekly window', kind: 'secondary' },
  });
  const once = form({
    action: manage.addWindow,
    hidden: { kind: 'once' },
    problem: manage.forms.once.problem,
    fields: toFields('once', manage.forms.once, [
      ...common('once'),
      { kind: 'text', name: 'begins', label: 'Begins', placeholder: '2026-11-21 22:00', mono: true, help: 'Empty: now.' },
      {
        kind: 'number',
        name: 'hours',
        label: 'Lasts',
        unit: 'hours',
        required: true,
        min: 0.1,
        max: 744,
        attributes: { step: 'any' },
      },
      zone,
    ]),
    submit: { label: 'Add the window', kind: 'secondary' },
  });
  return panel({
    title: 'Maintenance windows',
    content: html`<div class="stack">${about}${list}<details class="fold" ${attrs({ open: isOpen(manage, 'weekly') })}><summary>${icon('right')}<span>A window every week</span></summary>${weekly}</details><details class="fold" ${attrs({ open: isOpen(manage, 'once') })}><summary>${icon('right')}<span>A window once</span></summary>${once}</details></div>`,
  });
}

function escalationPanel({ escalation, manage }: AlertRulesView): Html {
  const list = listLines(escalation, manage?.remove, 'Nobody else is told of alerts that nobody takes.');
  const about = html`<p class="quiet">A step is taken when an alert has stayed open for so long: neither acknowledged nor snoozed. A channel named here hears of an alert only then, and when it is over.</p>`;
  const add =
    manage !== undefined &&
    form({
      action: manage.addStep,
      problem: manage.forms.step.problem,
      fields: toFields('step', manage.forms.step, [
        { kind: 'number', name: 'afterMinutes', label: 'After', unit: 'minutes', required: true, min: 1, max: 10_080 },
        {
          kind: 'select',
          name: 'least',
          label: 'For',
          required: true,
          options: [
            { value: 'critical', label: 'critical alerts' },
            { value: 'warning', label: 'warnings and critical alerts' },
            { value: 'notice', label: 'all alerts' },
          ],
        },
        { kind: 'select', name: 'channel', label: 'Tell', required: true, options: manage.channels },
      ]),
      submit: { label: 'Add the step', kind: 'secondary' },
    });
  return panel({ title: 'Escalation', content: html`<div class="stack">${about}${list}${add}</div>` });
}
