/** Forms from field descriptors. Typed values are kept, errors stand at the field and are summed up, secrets never return. */
import { type AttributeValue, attrs, type Html, type HtmlValue, html } from '../html.ts';
import { type ButtonKind, button, type HiddenFields, hiddenInputs, linkButton } from './button.ts';
import { icon } from './icons.ts';

export type FieldKind =
  | 'text'
  | 'password'
  | 'number'
  | 'select'
  | 'multiselect'
  | 'checkbox'
  | 'textarea'
  | 'paths'
  | 'duration'
  | 'hidden';

export type FieldOption = {
  readonly value: string;
  readonly label: string;
  readonly help?: string | undefined;
  readonly disabled?: boolean | undefined;
};

export type Field = {
  readonly name: string;
  readonly label: string;
  readonly kind: FieldKind;
  readonly help?: HtmlValue;
  readonly required?: boolean | undefined;
  /** Behind the label of a field that need not always be filled, when that is; *optional* where it never must. */
  readonly unneeded?: string | undefined;
  readonly placeholder?: string | undefined;
  readonly options?: readonly FieldOption[] | undefined;
  /** What was typed or is stored; a list for `multiselect` and `paths`. Ignored where the field is secret. */
  readonly value?: string | number | boolean | readonly string[] | null | undefined;
  readonly error?: string | undefined;
  /** The value must never be in the page; `stored` says one exists and an empty field keeps it. */
  readonly secret?: { readonly stored: boolean } | undefined;
  /** Behind the input: `GiB`, `snapshots`. */
  readonly unit?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly autocomplete?: string | undefined;
  readonly autofocus?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  /** Ids, paths, commands, cron lines. */
  readonly mono?: boolean | undefined;
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined;
  /** Before a field, such as a search among its choices; the field is then a part that can be swapped by itself. Not for a checkbox. */
  readonly lead?: HtmlValue;
};

export type FieldSection = {
  readonly title?: string | undefined;
  readonly help?: HtmlValue;
  readonly fields: readonly Field[];
  /** Folded away until wanted; opens by itself when a field in it has an error. */
  readonly folded?: boolean | undefined;
  /** Unfolded from the start. */
  readonly open?: boolean | undefined;
  /** After the fields: what no single field can hold. */
  readonly content?: HtmlValue;
};

export type FormView = {
  readonly action: string;
  readonly id?: string | undefined;
  readonly method?: 'post' | 'get' | undefined;
  readonly fields?: readonly Field[] | undefined;
  readonly sections?: readonly FieldSection[] | undefined;
  readonly hidden?: HiddenFields | undefined;
  /** What is wrong with the whole, beside the fields' own errors. */
  readonly problem?: HtmlValue;
  /** `busy` stands on the button while the answer is awaited, where that takes its time. */
  readonly submit: { readonly label: string; readonly kind?: ButtonKind | undefined; readonly busy?: string | undefined };
  readonly cancelHref?: string | undefined;
  /** Further buttons before the submit, such as a test. */
  readonly extra?: HtmlValue;
  /** Before and after the fields. */
  readonly intro?: HtmlValue;
  readonly outro?: HtmlValue;
  /** After the buttons: another way on from the same fields. Its buttons are never what Enter presses. */
  readonly after?: HtmlValue;
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined;
  /**
   * A refused form takes its own place, and what was typed stays in it, secrets too: for a form with an id whose handler answers a
   * fragment with the form alone. It can be sent again when the answer is there.
   */
  readonly inPlace?: boolean | undefined;
};

export function form(view: FormView): Html {
  const sections: readonly FieldSection[] = [
    ...(view.fields === undefined ? [] : [{ fields: view.fields }]),
    ...(view.sections ?? []),
  ];
  const errors = sections.flatMap((section) => section.fields).filter((field) => field.error !== undefined);
  const { label, kind = 'primary', busy } = view.submit;
  const submit = button({ label, kind, attributes: { 'data-busy': busy } });
  const content = html`${enterButton(sections)}${errorSummary(errors, view.problem)}${view.intro}${hiddenInputs(view.hidden)}${sections.map(fieldSection)}${view.outro}<div class="form-actions">${submit}${view.extra}${
    view.cancelHref !== undefined && linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })
  }</div>${view.after}`;
  const own = attrs({ id: view.id, method: view.method ?? 'post', ...view.attributes });
  if (view.inPlace === true && view.id !== undefined)
    return html`<form class="form" action="${view.action}" hx-post="${view.action}" hx-target="#${view.id}" hx-swap="outerMorph" hx-disable="find .button-primary" ${own}>${content}</form>`;
  return html`<form class="form" action="${view.action}" ${own}>${content}</form>`;
}

const CHOSEN: readonly FieldKind[] = ['select', 'multiselect', 'checkbox', 'hidden'];

/** What Enter presses in a field is the first button of its form: where that is the one of a search, what is typed elsewhere would not be sent. */
function enterButton(sections: readonly FieldSection[]): Html | false {
  const fields = sections.flatMap((section) => section.fields);
  const isTyped = fields.some(({ kind }) => !CHOSEN.includes(kind));
  return isTyped && fields.some(({ lead }) => lead !== undefined) && html`<button hidden></button>`;
}

/** What is wrong, each line leading to its field. Nothing when nothing is. */
export function errorSummary(fields: readonly Field[], problem?: HtmlValue): Html {
  if (fields.length === 0 && (problem === undefined || problem === null || problem === false)) return html``;
  const lead = problem ?? (fields.length === 1 ? 'One field needs another look.' : `${fields.length} fields need another look.`);
  return html`<div class="callout callout-problem" role="alert" tabindex="-1" data-focus>${icon('cross')}<div class="callout-text"><p>${lead}</p>${
    fields.length > 0 &&
    html`<ul class="error-list">${fields.map((field) => html`<li><a href="#${idOf(field)}">${field.label}</a>: ${errorOf(field)}</li>`)}</ul>`
  }</div></div>`;
}

export function fieldSection(section: FieldSection): Html {
  const fields = section.fields.map(formField);
  const help = section.help !== undefined && html`<p class="help">${section.help}</p>`;
  if (section.folded === true) {
    const open = section.open === true || section.fields.some((field) => field.error !== undefined);
    return html`<details class="fold" ${attrs({ open })}><summary>${icon('right')}<span>${section.title ?? 'More options'}</span></summary><div class="fields">${help}${fields}${section.content}</div></details>`;
  }
  if (section.title === undefined) return html`<div class="fields">${help}${fields}${section.content}</div>`;
  return html`<fieldset class="fields"><legend>${section.title}</legend>${help}${fields}${section.content}</fieldset>`;
}

/** One field with its label, help and error. */
export function formField(field: Field): Html {
  if (field.kind === 'hidden') return html`<input type="hidden" ${attrs({ name: field.name, value: scalarOf(field) })}>`;
  if (field.kind === 'checkbox') return checkboxField(field);
  if (field.kind === 'multiselect') return leadChoices(field);
  const mark =
    field.required !== true &&
    field.secret?.stored !== true &&
    html` <span class="optional">${field.unneeded ?? 'optional'}</span>`;
  const input =
    field.unit === undefined
      ? control(field)
      : html`<div class="with-unit">${control(field)}<span class="unit">${field.unit}</span></div>`;
  const own = attrs({ id: field.lead === undefined ? null : fieldPartId(field.name) });
  return html`${field.lead}<div class="field ${field.error !== undefined && 'field-wrong'}" ${own}><label for="${idOf(field)}">${field.label}${mark}</label>${input}${helpLine(field)}${errorLine(field)}</div>`;
}

/** Who somebody is, above a field for their password. Not for typing: it tells a password manager whose password that is. */
export const accountField = (value: string, name = 'name'): Field => ({
  name,
  label: 'Name',
  kind: 'text',
  required: true,
  value,
  autocomplete: 'username',
  attributes: { readonly: true },
});

/** The id of a field with what belongs to it, where something leads it. */
export function fieldPartId(name: string): string {
  return `f-${name}-part`;
}

function control(field: Field): Html {
  const shared = {
    id: idOf(field),
    name: field.name,
    required: field.required === true && field.secret?.stored !== true,
    disabled: field.disabled,
    autofocus: field.autofocus,
    ...describe(field),
    ...field.attributes,
  };
  const mono = field.mono === true || field.kind === 'paths' ? ' input-mono' : '';
  switch (field.kind) {
    case 'select':
      return html`<select class="input" ${attrs(shared)}>${field.options?.map(
        (option) =>
          html`<option ${attrs({ value: option.value, selected: option.value === scalarOf(field), disabled: option.disabled })}>${option.label}</option>`,
      )}</select>`;
    case 'textarea':
    case 'paths': {
      const text = field.secret !== undefined ? '' : Array.isArray(field.value) ? field.value.join('\n') : scalarOf(field);
      const rows = field.kind === 'paths' ? Math.min(12, Math.max(3, text.split('\n').length + 1)) : 5;
      // A parser drops the first line break of a textarea: one of ours is given up so that none of the value's is.
      return html`<textarea class="input${mono}" ${attrs({ rows, spellcheck: 'false', placeholder: secretHint(field) ?? field.placeholder, ...shared })}>
${text}</textarea>`;
    }
    case 'password':
      return html`<input class="input" type="password" ${attrs({ placeholder: secretHint(field) ?? field.placeholder, autocomplete: field.autocomplete ?? 'new-password', spellcheck: 'false', ...shared })}>`;
    case 'number':
      return html`<input class="input input-short" type="number" ${attrs({ value: scalarOf(field), min: field.min, max: field.max, step: 'any', inputmode: 'decimal', placeholder: field.placeholder, ...shared })}>`;
    case 'duration':
      return html`<input class="input input-short" type="text" ${attrs({ value: scalarOf(field), placeholder: field.placeholder ?? '24h', autocomplete: 'off', spellcheck: 'false', ...shared })}>`;
    default:
      return html`<input class="input${mono}" type="text" ${attrs({ value: field.secret === undefined ? scalarOf(field) : '', placeholder: secretHint(field) ?? field.placeholder, autocomplete: field.autocomplete ?? 'off', spellcheck: 'false', autocapitalize: 'off', ...shared })}>`;
  }
}

function checkboxField(field: Field): Html {
  const checked = field.value === true || field.value === 'true' || field.value === 'on';
  return html`<div class="field ${field.error !== undefined && 'field-wrong'}"><label class="check"><input type="checkbox" value="true" ${attrs({ id: idOf(field), name: field.name, checked, disabled: field.disabled, required: field.required, ...describe(field), ...field.attributes })}><span>${field.label}</span></label>${helpLine(field)}${errorLine(field)}</div>`;
}

function leadChoices(field: Field): Html {
  if (field.lead === undefined) return choiceField(field);
  return html`${field.lead}<div ${attrs({ id: fieldPartId(field.name) })}>${choiceField(field)}</div>`;
}

function choiceField(field: Field): Html {
  const chosen = new Set(Array.isArray(field.value) ? field.value : [scalarOf(field)]);
  return html`<fieldset class="field ${field.error !== undefined && 'field-wrong'}" ${attrs({ id: idOf(field), tabindex: '-1', ...describe(field) })}><legend>${field.label}</legend>${helpLine(field)}<div class="choices">${field.options?.map(
    (option) =>
      html`<label class="check"><input type="checkbox" ${attrs({ name: field.name, value: option.value, checked: chosen.has(option.value), disabled: option.disabled === true || field.disabled === true })}><span>${option.label}${
        option.help !== undefined && html` <span class="quiet">${option.help}</span>`
      }</span></label>`,
  )}</div>${errorLine(field)}</fieldset>`;
}

function idOf(field: Field): string {
  return `f-${field.name}`;
}

function scalarOf(field: Field): string {
  const { value } = field;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function secretHint(field: Field): string | undefined {
  return field.secret?.stored === true ? 'stored — leave empty to keep' : undefined;
}

function describe(field: Field): Readonly<Record<string, AttributeValue>> {
  const ids = [hasHelp(field) && `${idOf(field)}-help`, field.error !== undefined && `${idOf(field)}-error`].filter(
    (id) => id !== false,
  );
  return {
    'aria-describedby': ids.length === 0 ? null : ids.join(' '),
    'aria-invalid': field.error === undefined ? null : 'true',
  };
}

function hasHelp(field: Field): boolean {
  return field.help !== undefined && field.help !== null && field.help !== '';
}

function helpLine(field: Field): Html | false {
  return hasHelp(field) && html`<p class="help" id="${idOf(field)}-help">${field.help}</p>`;
}

function errorLine(field: Field): Html | false {
  return (
    field.error !== undefined &&
    html`<p class="error" id="${idOf(field)}-error">${icon('cross')}<span>${errorOf(field)}</span></p>`
  );
}

/** The core's sentence begins with the field's name or label, which stands beside it already. */
function errorOf({ name, label, error = '' }: Field): string {
  const said = [label, name].find((words) => error.startsWith(`${words}: `));
  return said === undefined ? error : error.slice(said.length + 2);
}
