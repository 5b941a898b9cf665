/** What is to be done to a repository without being asked: how often, when, and by whom. */
import { type Html, html } from '../../html.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type ChoiceSearch, choiceSearch } from '../forms/choice-search.view.ts';

export const DAYS_FIELDS = ['checkDays', 'readAllDays', 'pruneDays', 'forgetDays', 'measureDays'] as const;
export type DaysField = (typeof DAYS_FIELDS)[number];

export interface RoutineFormView {
  name: string;
  crumbs: readonly Crumb[];
  action: string;
  cancelHref: string;
  isOn: boolean;
  days: Readonly<Record<DaysField, string>>;
  windows: string;
  zone: string;
  /** Empty: whoever can. */
  maintainer: string;
  hosts: readonly { id: string; name: string }[];
  /** Where there are more than the select offers. */
  search: ChoiceSearch | undefined;
  daysMax: number;
  /** The kind knows an admin credential. */
  hasAdmin: boolean;
  problem: string | undefined;
  errors: Readonly<Record<string, string>>;
}

const DAYS: readonly { name: DaysField; label: string; help: string }[] = [
  {
    name: 'checkDays',
    label: 'Check every',
    help: 'Each check looks at the structure and reads the next part of the data. 0: only by hand.',
  },
  {
    name: 'readAllDays',
    label: 'Read all data within',
    help: 'The data is read in as many parts as fit. 0: checks read no data.',
  },
  { name: 'pruneDays', label: 'Prune every', help: 'Gives back the space of removed snapshots. 0: only by hand.' },
  {
    name: 'forgetDays',
    label: 'Retention every',
    help: 'Through the admin credential, where there is one: the host that maintains the repository removes for all plans. 0: only by hand.',
  },
  {
    name: 'measureDays',
    label: 'Measure the size every',
    help: 'Reads no data and delays nothing. 0: only after checks and prunes.',
  },
];

export function routineFormPage(shell: Shell, view: RoutineFormView): Html {
  const { days, errors, hosts, hasAdmin } = view;
  const isOn: Field = {
    name: 'isOn',
    label: 'Automatic maintenance',
    kind: 'checkbox',
    value: view.isOn,
    help: 'Without it nothing is checked or pruned unless somebody starts it.',
  };
  const fields: Field[] = DAYS.filter(({ name }) => hasAdmin || name !== 'forgetDays').map((field) => ({
    ...field,
    kind: 'number',
    unit: 'days',
    required: true,
    min: 0,
    max: view.daysMax,
    value: days[field.name],
    error: errors[field.name],
  }));
  const when: Field[] = [
    {
      name: 'windows',
      label: 'Only in these windows',
      kind: 'textarea',
      value: view.windows,
      error: errors['windows'],
      mono: true,
      placeholder: 'Mon-Fri 22:00 to 06:00\nSat, Sun 08:00 to 20:00',
      help: 'One a line; the days are those it begins on. Checks, prunes and retention begin only inside them. Empty: at any time.',
      attributes: { rows: 3 },
    },
    {
      name: 'zone',
      label: 'Time zone of the windows',
      kind: 'text',
      value: view.zone,
      error: errors['zone'],
      mono: true,
      placeholder: 'Europe/Berlin',
    },
  ];
  const who: Field = {
    name: 'maintainer',
    label: 'Host',
    kind: 'select',
    value: view.maintainer,
    error: errors['maintainer'],
    options: [
      { value: '', label: 'Any connected host with a plan into it' },
      ...hosts.map(({ id, name }) => ({ value: id, label: `Only ${name}` })),
    ],
    help: 'One at a time. Without a choice, another one takes over when it is away for half an hour.',
  };
  const body = form({
    id: 'routine-form',
    action: view.action,
    problem: view.problem,
    sections: [
      { fields: [isOn] },
      { title: 'How often', fields },
      { title: 'When', fields: when },
      { title: 'By whom', fields: [who] },
    ],
    outro:
      hasAdmin &&
      callout({
        tone: 'notice',
        text: html`Whoever controls the host that removes and prunes can take the admin credential from it. Choose one host that you trust: no other one is given it then.`,
      }),
    submit: { label: 'Save' },
    cancelHref: view.cancelHref,
    after: choiceSearch(view.search),
  });
  return layout(shell, {
    title: `Maintenance of ${view.name}`,
    heading: 'Which maintenance is automatic?',
    lede: view.name,
    crumbs: view.crumbs,
    content: panel({ content: body }),
  });
}
