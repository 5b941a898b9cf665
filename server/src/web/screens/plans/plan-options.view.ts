/** The folded part of the plan form: what happens when things do not go as they should. */
import { attrs, type Html, html } from '../../html.ts';
import { type Field, type FieldSection, fieldSection } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { LIMIT_LABELS, limitFields } from '../forms/limit-fields.view.ts';

export type WindowView = {
  readonly from: string;
  readonly to: string;
  readonly days: readonly string[];
};

export type PlanOptionsView = {
  readonly values: Readonly<Record<string, string | boolean>>;
  readonly windows: readonly WindowView[];
  /** Another row may be added. */
  readonly mayAddWindow: boolean;
  readonly errors: Readonly<Record<string, string>>;
  /** Unfolded, because a row was just added or taken away. */
  readonly showsWindows: boolean;
};

const DAYS: readonly (readonly [string, string, string])[] = [
  ['1', 'Mo', 'Monday'],
  ['2', 'Tu', 'Tuesday'],
  ['3', 'We', 'Wednesday'],
  ['4', 'Th', 'Thursday'],
  ['5', 'Fr', 'Friday'],
  ['6', 'Sa', 'Saturday'],
  ['0', 'Su', 'Sunday'],
];

/** Labels of all fields, for the summary of what is wrong. */
const OPTION_LABELS: Readonly<Record<string, string>> = {
  grace: 'Missed after',
  spread: 'Spread over',
  attempts: 'Tries in all',
  retryAfter: 'Second try after',
  timeout: 'Time limit',
  overlap: 'Due while it still runs',
  priority: 'Priority',
  countRows: 'Rows counted beside a dump',
  ...LIMIT_LABELS,
  hookBefore: 'Before the run',
  hookAfter: 'After the run',
};

/** The label of a field, rows of windows included. */
export function labelOption(name: string): string | undefined {
  const row = /^window-(\d+)-/u.exec(name)?.[1];
  return row === undefined ? OPTION_LABELS[name] : `Window ${Number(row) + 1}`;
}

export function optionSections(view: PlanOptionsView): Html {
  return html`${fieldSection(delaySection(view))}${fieldSection(failureSection(view))}${fieldSection(rivalSection(view))}${fieldSection(hookSection(view))}`;
}

function optionField(view: PlanOptionsView, name: string, more: Omit<Field, 'name' | 'label'>): Field {
  return { name, label: OPTION_LABELS[name] ?? name, value: view.values[name], error: view.errors[name], ...more };
}

function delaySection(view: PlanOptionsView): FieldSection {
  const hasWindowError = Object.keys(view.errors).some((name) => name.startsWith('window-'));
  return {
    title: 'When it cannot run at its time',
    folded: true,
    open: view.showsWindows || hasWindowError,
    fields: [
      {
        name: 'catchUp',
        label: 'Run once when the host is back',
        kind: 'checkbox',
        value: view.values['catchUp'],
        help: 'A host that was off or asleep when the plan was due runs it once, however many fires it missed.',
      },
      optionField(view, 'grace', {
        kind: 'duration',
        placeholder: '24 h',
        help: 'So late a run may still begin. A fire without a run after this is missed, and you are told. Such as 30 min, 24 h or 2 d.',
      }),
      optionField(view, 'spread', {
        kind: 'duration',
        placeholder: 'no spread',
        help: 'Each host begins at a moment of its own within this span after the fire, always the same one, so that a fleet does not begin at one instant.',
      }),
    ],
    content: windowRows(view),
  };
}

function failureSection(view: PlanOptionsView): FieldSection {
  return {
    title: 'When it fails',
    folded: true,
    fields: [
      optionField(view, 'attempts', {
        kind: 'number',
        min: 1,
        max: 10,
        placeholder: '3',
        help: 'Only a failure that may pass by itself is tried again, such as a repository that cannot be reached. 1 is no retry.',
      }),
      optionField(view, 'retryAfter', {
        kind: 'duration',
        placeholder: '60 s',
        help: 'Doubled before each further try, up to an hour.',
      }),
      optionField(view, 'timeout', {
        kind: 'duration',
        placeholder: 'no limit',
        help: 'The whole run, tries and waits included. Without a limit a run ends only when nothing moves any more.',
      }),
    ],
  };
}

function rivalSection(view: PlanOptionsView): FieldSection {
  return {
    title: 'Beside others',
    folded: true,
    fields: [
      optionField(view, 'overlap', {
        kind: 'select',
        required: true,
        options: [
          { value: 'skip', label: 'Leave it out, and record that' },
          { value: 'queue', label: 'Wait, and run once afterwards' },
        ],
      }),
      optionField(view, 'priority', {
        kind: 'select',
        required: true,
        options: [
          { value: 'high', label: 'High: begins before others that wait' },
          { value: 'normal', label: 'Normal' },
          { value: 'low', label: 'Low: begins when no other waits' },
        ],
      }),
      optionField(view, 'countRows', {
        kind: 'select',
        required: true,
        options: [
          { value: 'small', label: 'In small tables; big ones are estimated' },
          { value: 'all', label: 'In every table, however long it takes' },
          { value: 'none', label: 'Nowhere, and tables are not noted either' },
        ],
        help: 'Drills compare what comes back with what was noted at the backup.',
      }),
      ...limitFields((name, more) => optionField(view, name, more)),
    ],
  };
}

function hookSection(view: PlanOptionsView): FieldSection {
  return {
    title: 'Hooks',
    folded: true,
    help: 'Scripts that the host’s administrator put into the agent’s hooks folder, by name. The server cannot send commands.',
    fields: [
      optionField(view, 'hookBefore', {
        kind: 'text',
        mono: true,
        placeholder: 'stop-writes',
        help: 'When it fails, nothing is backed up.',
      }),
      optionField(view, 'hookAfter', {
        kind: 'text',
        mono: true,
        placeholder: 'start-writes',
        help: 'Runs in any case, also after a crash or a restart of the host.',
      }),
    ],
  };
}

/** A few rows that may stay empty. Without JavaScript the buttons send the form and bring it back with a row more or less. */
function windowRows(view: PlanOptionsView): Html {
  const add =
    view.mayAddWindow &&
    html`<div><button class="button button-secondary button-small" name="act" value="add-window" formnovalidate>${icon('plus')}<span>Add a window</span></button></div>`;
  return html`<div class="fields windows" role="group" aria-labelledby="windows-title"><div><p class="windows-title" id="windows-title">Never begin in these windows</p><p class="help">In the plan’s time zone, such as 08:00 to 18:00, or 22:00 to 06:00 over midnight; the days are those it begins on. A fire in a window begins when the window ends, if that is within the grace. A row without times is left out.</p></div>${view.windows.map((window, row) => windowRow(window, row, view.errors))}${add}</div>`;
}

function windowRow(window: WindowView, row: number, errors: PlanOptionsView['errors']): Html {
  const name = (part: string): string => `window-${row}-${part}`;
  const wrong = [name('from'), name('to'), name('days')].flatMap((one) => {
    const error = errors[one];
    return error === undefined ? [] : [{ id: `f-${one}-error`, error, name: one }];
  });
  const time = (part: 'from' | 'to', label: string): Html => {
    const fault = wrong.find((one) => one.name === name(part));
    return html`<label class="window-time"><span>${label}</span><input class="input" type="text" inputmode="numeric" maxlength="5" autocomplete="off" ${attrs({ id: `f-${name(part)}`, name: name(part), value: window[part], placeholder: part === 'from' ? '08:00' : '18:00', 'aria-invalid': fault === undefined ? null : 'true', 'aria-describedby': fault?.id ?? null })}></label>`;
  };
  const days = DAYS.map(
    ([value, short, long]) =>
      html`<label class="check"><input type="checkbox" ${attrs({ name: name('days'), value, checked: window.days.includes(value), 'aria-label': long })}><span>${short}</span></label>`,
  );
  const isFilled = window.from !== '' || window.to !== '';
  return html`<fieldset class="field window ${wrong.length > 0 && 'field-wrong'}"><legend class="visually-hidden">Window ${row + 1}</legend><div class="window-times">${time('from', 'from')}${time('to', 'to')}${isFilled && html`<button class="button button-quiet button-small" name="act" formnovalidate ${attrs({ value: `remove-window-${row}`, 'aria-label': `Remove window ${row + 1}` })}>Remove</button>`}</div><div class="window-days" ${attrs({ id: `f-${name('days')}` })}>${days}</div>${wrong.map((one) => html`<p class="error" id="${one.id}">${icon('cross')}<span>${one.error}</span></p>`)}</fieldset>`;
}
