/** What a person typed for an adapter, checked by the adapter's own strict schema; secrets apart from the first moment on. */
import {
  type Config,
  createConfigSchema,
  createSecretsSchema,
  type Field,
  type Secrets,
} from '@holdfast/shared/adapters/field.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type * as z from 'zod';

export interface AdapterInput {
  config: Readonly<Record<string, unknown>>;
  secrets: Readonly<Record<string, unknown>>;
}

function toFieldErrors(error: z.ZodError, fields: readonly Field[]): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const issue of error.issues) {
    const name = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : String(issue.path[0] ?? 'form');
    const label = fields.find((field) => field.name === name)?.label ?? name;
    errors[name] ??= `${label}: ${issue.code === 'unrecognized_keys' ? 'is not a field of this kind' : issue.message}`;
  }
  return errors;
}

/** Fields at fault by name, as details of an `invalid` error; forms show each beside its input. */
export function createFieldsError(errors: Readonly<Record<string, string>>): AppError {
  return new AppError('invalid', Object.values(errors).join('; '), { details: { ...prefixKeys(errors) } });
}

function prefixKeys(errors: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).map(([name, message]) => [`field.${name}`, message]));
}

/**
 * Validates config and secrets. With `stored` names, a secret left empty keeps what is stored, so a required one may be
 * missing from the input. Throws `invalid` with one detail for each field at fault.
 */
export function parseAdapterInput(
  fields: readonly Field[],
  input: AdapterInput,
  stored: readonly string[] = [],
): { config: Config; secrets: Secrets } {
  const given = Object.fromEntries(Object.entries(input.secrets).filter(([, value]) => value !== ''));
  const relaxed = fields.map((field) =>
    field.kind === 'secret' && stored.includes(field.name) ? { ...field, required: false } : field,
  );
  const config = createConfigSchema(fields).safeParse(input.config);
  const secrets = createSecretsSchema(relaxed).safeParse(given);
  if (config.success && secrets.success) return { config: config.data, secrets: secrets.data };
  const errors = {
    ...(config.success ? {} : toFieldErrors(config.error, fields)),
    ...(secrets.success ? {} : toFieldErrors(secrets.error, fields)),
  };
  throw createFieldsError(errors);
}

/** Whether saving `input` over what is stored would change anything that a test tries: a setting, or a secret that was typed. */
export function changesConnection(
  fields: readonly Field[],
  stored: { config: Config; secrets: Readonly<Record<string, string>> },
  input: AdapterInput,
): boolean {
  const { config, secrets } = parseAdapterInput(fields, input, Object.keys(stored.secrets));
  const names = new Set([...Object.keys(config), ...Object.keys(stored.config)]);
  return Object.keys(secrets).length > 0 || [...names].some((name) => !isSame(config[name], stored.config[name]));
}

function isSame(one: Config[string] | undefined, other: Config[string] | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
