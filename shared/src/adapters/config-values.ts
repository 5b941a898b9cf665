/**
 * Typed access to an adapter's config and secrets. A wrong or missing value is `invalid` with the field's name, never its content.
 */
import { AppError } from '../errors.ts';
import type { Config, Secrets } from './field.ts';

/** A value of a field that cannot be used, said by the field's name; the value itself stays out of the message. */
export function createFieldError(field: string, problem: string): AppError {
  return new AppError('invalid', `The field ${field} ${problem}.`, { details: { field } });
}

/** Refuses what no program can be given as text, NUL bytes and halves of surrogate pairs: `invalid` naming the field. Returns the value. */
export function checkText(field: string, value: string): string {
  if (value.includes('\u0000')) throw createFieldError(field, 'must not contain a NUL byte');
  if (!value.isWellFormed()) throw createFieldError(field, 'is not well-formed Unicode');
  return value;
}

/** The text of a field, or undefined when it is absent or empty. Throws `invalid` naming the field for anything else. */
export function findText(config: Config, field: string): string | undefined {
  const value = config[field];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw createFieldError(field, 'must be a text');
  return checkText(field, value);
}

/** The text of a field; throws `invalid` when it is absent or empty. */
export function getText(config: Config, field: string): string {
  const value = findText(config, field);
  if (value === undefined) throw createFieldError(field, 'is needed');
  return value;
}

/** A whole number, or `fallback` when the field is absent. Throws `invalid` naming the field for anything else. */
export function getNumber(config: Config, field: string, fallback: number): number {
  const value = config[field];
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw createFieldError(field, 'must be a whole number');
  return value;
}

/** A boolean; absent means false. Throws `invalid` naming the field for anything else. */
export function getBoolean(config: Config, field: string): boolean {
  const value = config[field];
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw createFieldError(field, 'must be true or false');
  return value;
}

/** A list of texts; absent means empty. Throws `invalid` naming the field for anything else. */
export function getList(config: Config, field: string): readonly string[] {
  const value = config[field];
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw createFieldError(field, 'must be a list');
  return value.map((entry: unknown) => {
    if (typeof entry !== 'string') throw createFieldError(field, 'must be a list of texts');
    return checkText(field, entry);
  });
}

/** A secret, or undefined when it is absent or empty. */
export function findSecret(secrets: Secrets, field: string): string | undefined {
  const value = secrets[field];
  return value === undefined || value === '' ? undefined : checkText(field, value);
}

/** A secret; throws `invalid` when it is absent or empty. */
export function getSecret(secrets: Secrets, field: string): string {
  const value = findSecret(secrets, field);
  if (value === undefined) throw createFieldError(field, 'is needed');
  return value;
}

/** Refuses a secret with a line break, for files whose format has no way to write one. Returns the value. */
export function checkOneLine(field: string, value: string): string {
  if (/[\r\n]/.test(value)) throw createFieldError(field, 'must not contain a line break');
  return value;
}

/** Text of a PEM or known-hosts field as files want it: Unix line ends, and one at the end. */
export function normalizeLines(text: string): string {
  return `${text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').trimEnd()}\n`;
}
