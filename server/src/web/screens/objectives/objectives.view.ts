/** Objectives: what the fleet, a tag or a plan promises, and a form for one more. */
import { type Html, html } from '../../html.ts';
import { postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { type Field, type FieldOption, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { table } from '../../ui/table.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';

export type ObjectiveLine = {
  readonly id: string;
  readonly what: string;
  readonly href?: string | undefined;
  readonly kind: 'plan' | 'tag';
  readonly backup: string;
  readonly proof: string;
  readonly removal?: { readonly action: string; readonly value: string } | undefined;
};

export type ObjectivesView = {
  readonly heading: string;
  readonly fleet: { readonly hours: string; readonly days: string; readonly errors: Readonly<Record<string, string>> };
  readonly rules: readonly ObjectiveLine[];
  readonly add: {
    readonly choices: readonly FieldOption[];
    readonly chosen: string;
    /** Where there are more plans than the select offers. */
    readonly search: ChoiceSearch | undefined;
    readonly hours: string;
    readonly days: string;
    readonly problem?: string | undefined;
    readonly errors: Readonly<Record<string, string>>;
  };
  /** Undefined: only to be read. */
  readonly actions?: { readonly fleet: string; readonly add: string } | undefined;
};

/** Both forms of the page have these: that of the fleet has its name before them, and so ids of its own. */
function amountFields(
  prefix: '' | 'fleet-',
  values: {
    readonly hours: string;
    readonly days: string;
    readonly errors: Readonly<Record<string, string>>;
  },
): readonly Field[] {
  const { errors } = values;
  return [
    {
      kind: 'number',
      name: `${prefix}hours`,
      label: 'The newest clean backup may be',
      unit: 'hours old',
      min: 0.1,
      max: 8784,
      value: values.hours,
      error: errors['hours'],
      attributes: { step: 'any' },
    },
    {
      kind: 'number',
      name: `${prefix}days`,
      label: 'The proof of recovery may be',
      unit: 'days old',
      min: 1,
      max: 3650,
      value: values.days,
      error: errors['days'],
    },
  ];
}

export function objectivesPage(shell: Shell, view: ObjectivesView): Html {
  return layout(shell, {
    title: 'Objectives',
    heading: view.heading,
    lede: 'The nearest objective rules: that of the source itself, then of its plans, then of the tags of its host, then of the fleet.',
    content: html`<div class="stack">${fleetPanel(view)}${rulesPanel(view)}${view.actions !== undefined && addPanel(view, view.actions.add)}</div>`,
  });
}

function fleetPanel({ fleet, actions }: ObjectivesView): Html {
  const words = html`<p class="quiet">Empty: a backup is late when its plan’s schedule says so, and a proof counts for ever.</p>`;
  return panel({
    title: 'The whole fleet',
    content:
      actions === undefined
        ? facts([
            { label: 'Newest clean backup', value: fleet.hours === '' ? 'as its schedule says' : `${fleet.hours} h old at most` },
            { label: 'Proof of recovery', value: fleet.days === '' ? 'counts for ever' : `${fleet.days} days old at most` },
          ])
        : form({
            action: actions.fleet,
            intro: words,
            fields: amountFields('fleet-', fleet),
            submit: { label: 'Save', kind: 'secondary' },
          }),
  });
}

function rulesPanel({ rules }: ObjectivesView): Html {
  return panel({
    title: 'Tags and plans',
    flush: true,
    content: table<ObjectiveLine>({
      id: 'objectives',
      caption: 'Objectives of tags and plans',
      rows: rules,
      rowId: (row) => `row-${row.id}`,
      columns: [
        {
          id: 'what',
          label: 'For',
          primary: true,
          cell: (row) =>
            html`${row.href === undefined ? row.what : html`<a href="${row.href}">${row.what}</a>`} <span class="quiet">${row.kind}</span>`,
        },
        { id: 'backup', label: 'Newest clean backup', cell: (row) => row.backup },
        { id: 'proof', label: 'Proof of recovery', cell: (row) => row.proof },
        {
          id: 'act',
          label: 'Act',
          hideLabel: true,
          align: 'end',
          width: 'fit',
          cell: ({ removal }) =>
            removal !== undefined &&
            postButton({ action: removal.action, label: 'Remove', name: 'of', value: removal.value, small: true }),
        },
      ],
      empty: emptyState({ icon: 'shield', title: 'No tag and no plan has objectives of its own.' }),
    }),
  });
}

/** The name of the field. */
export const RULED = 'of';

export function ruledField({ chosen, choices, errors }: ObjectivesView['add']): Field {
  return {
    kind: 'select',
    name: RULED,
    label: 'For',
    required: true,
    value: chosen,
    options: choices,
    error: errors[RULED],
    help: 'One for the same plan or tag is replaced.',
  };
}

function addPanel({ add }: ObjectivesView, action: string): Html {
  return panel({
    title: 'Another objective',
    content: form({
      action,
      problem: add.problem,
      fields: [searchedField(ruledField(add), add.search), ...amountFields('', add)],
      submit: { label: 'Set the objective' },
    }),
  });
}
