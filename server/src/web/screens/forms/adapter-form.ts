/**
 * An adapter's fields as a form, and the posted form back as `{config, secrets}`. Names get a prefix of their own, so that an adapter's
 * `host` and the form's `host` never meet. A secret goes from the form to the core and never the other way.
 */
import type { Field as AdapterField, Config } from '@holdfast/shared/adapters/field.ts';
import { type AdapterInput, parseAdapterInput } from '../../../core/adapters/adapter-input.ts';
import type { Field, FieldSection } from '../../ui/form.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem } from './form-problem.ts';
import { readText } from './form-values.ts';

const CONFIG_PREFIX = 'config-';
const SECRET_PREFIX = 'secret-';

export function nameInput(field: Pick<AdapterField, 'kind' | 'name'>): string {
  return `${field.kind === 'secret' ? SECRET_PREFIX : CONFIG_PREFIX}${field.name}`;
}

/** What stands in the inputs: stored or default values, or what was typed, by the adapter's field name. Never a secret. */
export type FormValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface AdapterFormState {
  values: FormValues;
  /** Names of secrets that are stored already: left empty, they are kept. */
  stored: readonly string[];
  problem: FormProblem;
}

type Posted = Readonly<Record<string, string | readonly string[]>>;

/** The values a new form begins with. */
export function listDefaults(fields: readonly AdapterField[]): FormValues {
  return Object.fromEntries(
    fields.flatMap((field) => ('default' in field && field.default !== undefined ? [[field.name, field.default]] : [])),
  );
}

/** What was typed, to be shown again as it was; secrets are left out, and so is every name the adapter does not know. */
export function readTypedValues(fields: readonly AdapterField[], form: Posted): FormValues {
  return Object.fromEntries(
    fields
      .filter((field) => field.kind !== 'secret')
      .map((field) => {
        const text = readText(form, nameInput(field));
        if (field.kind === 'boolean') return [field.name, text !== ''];
        return [field.name, field.kind === 'list' ? splitLines(text) : text];
      }),
  );
}

/** A posted form as the core takes it. What is left empty is left out; what has the wrong shape is for the adapter's schema to refuse. */
export function readAdapterForm(fields: readonly AdapterField[], form: Posted): AdapterInput {
  const config: Record<string, unknown> = {};
  const secrets: Record<string, unknown> = {};
  for (const field of fields) {
    const value = readField(field, readText(form, nameInput(field)));
    if (value === undefined) continue;
    if (field.kind === 'secret') secrets[field.name] = value;
    else config[field.name] = value;
  }
  return { config, secrets };
}

/** What is wrong with the posted fields of an adapter; nothing when they would be taken. */
export function findAdapterProblem(fields: readonly AdapterField[], form: Posted, stored: readonly string[]): FormProblem {
  try {
    parseAdapterInput(fields, readAdapterForm(fields, form), stored);
    return NO_PROBLEM;
  } catch (thrown) {
    return toFormProblem(thrown);
  }
}

function readField(field: AdapterField, text: string): unknown {
  switch (field.kind) {
    case 'boolean':
      return text !== '';
    case 'number':
      return readNumber(field, text);
    case 'list':
      return splitLines(text);
    case 'multiline':
      return text.trim() === '' && field.required !== true ? undefined : toLineFeeds(text);
    case 'secret':
      if (text === '') return undefined;
      return field.multiline === true ? toLineFeeds(text) : text;
    case 'choice':
      return text === '' ? undefined : text;
    case 'text':
      // A needed text stays, so that the schema says that it is needed; an empty one otherwise means its default or nothing.
      return text === '' && (field.required !== true || field.default !== undefined) ? undefined : text;
  }
}

/** A number where it is one; otherwise the text itself, which the schema refuses. */
function readNumber(field: AdapterField, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return field.required === true ? Number.NaN : undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

function splitLines(text: string): readonly string[] {
  return toLineFeeds(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/** Browsers send every line break as CR LF. */
function toLineFeeds(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** The form's sections: what is needed first, what few people change folded away. */
export function toAdapterSections(fields: readonly AdapterField[], state: AdapterFormState): readonly FieldSection[] {
  const toField = (field: AdapterField) => toFormField(field, state);
  const plain = fields.filter((field) => field.advanced !== true).map(toField);
  const advanced = fields.filter((field) => field.advanced === true).map(toField);
  return [{ fields: plain }, ...(advanced.length === 0 ? [] : [{ title: 'More options', fields: advanced, folded: true }])];
}

function toFormField(field: AdapterField, { values, stored, problem }: AdapterFormState): Field {
  const base = {
    name: nameInput(field),
    label: field.label,
    help: field.help,
    placeholder: field.placeholder,
    required: field.required,
    error: shortenError(problem.fields[field.name], field.label),
  };
  const value = values[field.name];
  switch (field.kind) {
    case 'secret':
      return {
        ...base,
        kind: field.multiline === true ? 'textarea' : 'password',
        secret: { stored: stored.includes(field.name) },
        mono: field.multiline,
      };
    case 'number':
      return {
        ...base,
        kind: 'number',
        error: base.error === undefined ? undefined : describeRange(field),
        required: base.required === true || field.default !== undefined,
        value,
        min: field.min,
        max: field.max,
        unit: field.unit,
      };
    case 'boolean':
      return { ...base, kind: 'checkbox', required: false, value };
    case 'choice':
      return { ...base, kind: 'select', required: true, value, options: field.options };
    case 'multiline':
      return { ...base, kind: 'textarea', value, mono: true };
    case 'list':
      return { ...base, kind: 'paths', value };
    case 'text':
      return { ...base, kind: 'text', value, required: base.required === true || field.default !== undefined };
  }
}

/** The schema's own words for a number are for programmers. */
function describeRange({ min, max }: { min: number; max: number }): string {
  if (max === Number.MAX_SAFE_INTEGER) return `must be a whole number, at least ${min}`;
  return `must be a whole number from ${min} to ${max}`;
}

/** The core's sentence begins with the label, which already stands beside it. */
function shortenError(error: string | undefined, label: string): string | undefined {
  if (error === undefined) return undefined;
  return error.startsWith(`${label}: `) ? error.slice(label.length + 2) : error;
}

/** A config as people read it, in the order of its form: label and value, without what is empty or still the default. */
export function describeConfig(
  fields: readonly AdapterField[],
  config: Config,
  stored: readonly string[],
): readonly { label: string; value: string }[] {
  return fields.flatMap((field) => {
    if (field.kind === 'secret') return stored.includes(field.name) ? [{ label: field.label, value: 'stored, never shown' }] : [];
    const value = config[field.name];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return [];
    if ('default' in field && field.default === value && field.advanced === true) return [];
    return [{ label: field.label, value: formatValue(field, value) }];
  });
}

/** Longer texts (certificates, host keys) are named by their size. */
const SHOWN_CHARS = 300;

function formatValue(field: AdapterField, value: Config[string]): string {
  if (field.kind === 'choice') return field.options.find((option) => option.value === value)?.label ?? String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number')
    return field.kind === 'number' && field.unit !== undefined ? `${value} ${field.unit}` : String(value);
  const text = typeof value === 'string' ? value : value.join(', ');
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}… (${text.length} characters)` : text;
}
