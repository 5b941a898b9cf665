/** What a refused form shows: the sentence for the whole, and a word beside each field at fault. */
import { AppError } from '@holdfast/shared/errors.ts';
import type * as z from 'zod';

export interface FormProblem {
  /** Undefined when the fields say it all. */
  text?: string | undefined;
  fields: Readonly<Record<string, string>>;
}

export const NO_PROBLEM: FormProblem = { fields: {} };

/** Errors a person can mend or must read before trying again; anything else is for the error page. */
const SHOWN = new Set(['invalid', 'conflict', 'precondition', 'limit', 'unavailable', 'tool_failed', 'not_found', 'unsupported']);

/** Whether the error has its place on the page that caused it. */
export function isShown(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && SHOWN.has(thrown.code);
}

/** The problem of a form's use case; throws again what no form can show. */
export function toFormProblem(thrown: unknown): FormProblem {
  if (!isShown(thrown)) throw thrown;
  const fields: Record<string, string> = {};
  for (const [key, value] of Object.entries(thrown.details)) {
    if (key.startsWith('field.') && typeof value === 'string') fields[key.slice('field.'.length)] = value;
  }
  const named = thrown.details['field'];
  // What is gone is no field of the form: the sentence says it, above all of them.
  if (typeof named === 'string' && thrown.code !== 'not_found') fields[named] ??= thrown.message;
  return Object.keys(fields).length === 0 ? { text: thrown.message, fields } : { fields };
}

/** The problem of a form that its schema refused. */
export function toSchemaProblem(error: z.ZodError): FormProblem {
  const fields: Record<string, string> = {};
  for (const issue of error.issues) fields[String(issue.path[0] ?? 'form')] ??= issue.message;
  return { fields };
}

export function hasProblem(problem: FormProblem): boolean {
  return problem.text !== undefined || Object.keys(problem.fields).length > 0;
}

/** Both together; the first sentence and the first word for each field stay. */
export function mergeProblems(first: FormProblem, second: FormProblem): FormProblem {
  return { text: first.text ?? second.text, fields: { ...second.fields, ...first.fields } };
}
