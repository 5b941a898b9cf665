/** Secrets that whoever sits at the host gives to one command, because the host keeps none and the server is not asked. */
import { readFileSync, statSync } from 'node:fs';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';

/** By name or id of a source or repository, then by field. */
export type GivenSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const SECRETS_VARIABLE = 'HOLDFAST_SECRETS';
const FILE_BYTES = 1024 * 1024;
const OTHERS = 0o077;

const schema = z.record(z.string().max(TEXT.nameChars), z.record(z.string().max(64), z.string().max(TEXT.fieldChars)));

function refuse(variable: string, what: string): never {
  throw new AppError('invalid', `${variable} ${what}`);
}

function parse(variable: string, text: string): GivenSecrets {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: a parser's message quotes the text.
    refuse(variable, 'must hold JSON, such as {"repository": {"password": "…"}}');
  }
  const parsed = schema.safeParse(value);
  return parsed.success
    ? parsed.data
    : refuse(variable, 'must name sources and repositories, each with its secrets, such as {"repository": {"password": "…"}}');
}

function readPrivateFile(variable: string, path: string): string {
  let mode: number;
  try {
    const found = statSync(path);
    if (found.size > FILE_BYTES) refuse(variable, `names a file that is too big: ${path}`);
    mode = found.mode;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refuse(variable, `names a file that cannot be read: ${path}`);
  }
  if ((mode & OTHERS) !== 0)
    refuse(variable, `names a file that others may read or write: ${path}; give it to yourself alone (chmod 600)`);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return refuse(variable, `names a file that cannot be read: ${path}`);
  }
}

/** Undefined when none are given. Throws `invalid` with one line that names the variable and never what it holds. */
export function parseGivenSecrets(given: { text: string | undefined; file: string | undefined }): GivenSecrets | undefined {
  if (given.text && given.file) refuse(SECRETS_VARIABLE, `and ${SECRETS_VARIABLE}_FILE are both set; set one`);
  if (given.text) return parse(SECRETS_VARIABLE, given.text);
  const variable = `${SECRETS_VARIABLE}_FILE`;
  return given.file ? parse(variable, readPrivateFile(variable, given.file)) : undefined;
}
