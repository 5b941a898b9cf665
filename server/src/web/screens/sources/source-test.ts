/** Asks a host about a source and puts its answer into words. */
import type { Field } from '@holdfast/shared/adapters/field.ts';
import { getAdvice, REASON_NAMES } from '@holdfast/shared/domain/reason.ts';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { type SourceQuestion, testSource } from '../../../core/sources/sources.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import type { TestResultView } from './source-test.view.ts';

export interface TestAnswer {
  view: TestResultView;
  /** Fields at fault, for the form. */
  problem: FormProblem;
}

/** The advice that belongs to a reason a host named; undefined for a reason this release does not know. */
export function findAdvice(reason: string | undefined): string | undefined {
  const known = REASON_NAMES.find((name) => name === reason);
  return known === undefined ? undefined : getAdvice(known);
}

/** A question that could not be put: the form is incomplete, or the host is not there. */
export function toUnasked(thrown: unknown, fields: readonly Field[]): TestAnswer {
  const problem = toFormProblem(thrown);
  const names = Object.entries(problem.fields).map(([name, message]) => labelError(fields, name, message));
  const sentence =
    names.length > 0 ? 'Not tested: the form needs another look.' : `Not tested: ${problem.text ?? 'it could not be asked'}.`;
  return { problem, view: { state: 'unasked', sentence, words: names.length > 0 ? names.join('\n') : undefined } };
}

function labelError(fields: readonly Field[], name: string, message: string): string {
  const label = fields.find((field) => field.name === name)?.label;
  return label === undefined || message.startsWith(`${label}: `) ? message : `${label}: ${message}`;
}

export async function askSourceTest(
  context: CoreContext,
  caller: Caller,
  question: SourceQuestion,
  fields: readonly Field[],
): Promise<TestAnswer> {
  try {
    const result = await testSource(context, caller, question);
    if (result.ok) {
      const { serverVersion, sizeBytes, latencyMs, warnings, message } = result;
      return {
        problem: NO_PROBLEM,
        view: {
          state: 'ready',
          sentence: 'It works from this host.',
          words: message,
          serverVersion,
          sizeBytes,
          latencyMs,
          warnings,
        },
      };
    }
    const { message, warnings, latencyMs } = result;
    return {
      problem: NO_PROBLEM,
      view: {
        state: 'refused',
        sentence: 'It does not work from this host.',
        words: message,
        advice: findAdvice(result.reason),
        warnings,
        latencyMs,
      },
    };
  } catch (thrown) {
    return toUnasked(thrown, fields);
  }
}
