/** The options of a plan in words: what differs from what every plan does, and how the whole reads. */
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from '@holdfast/shared/domain/plan.ts';
import { listLimitFacts } from '../forms/limit-words.ts';
import { writeSpan } from '../periods/span-text.ts';
import { describeWindow } from '../periods/window-words.ts';

const NBSP = '\u00a0';
function formatMinutes(minutes: number): string {
  return writeSpan(minutes * 60).replaceAll(' ', NBSP);
}

export interface OptionFact {
  label: string;
  value: string;
}

/** Only what differs from a plan nobody has changed. */
export function listOptionFacts(options: PlanOptions): readonly OptionFact[] {
  const usual = DEFAULT_PLAN_OPTIONS;
  const { hooks, limits } = options;
  const facts: readonly (OptionFact | false | undefined)[] = [
    !options.catchUp && { label: 'missed fires', value: 'left out' },
    options.graceMinutes !== usual.graceMinutes && { label: 'grace', value: formatMinutes(options.graceMinutes) },
    options.spreadMinutes > 0 && { label: 'spread', value: `up to ${formatMinutes(options.spreadMinutes)}` },
    ...options.blackouts.map((window) => ({ label: 'never begins', value: describeWindow(window) })),
    options.attempts !== usual.attempts && {
      label: 'attempts',
      value: options.attempts === 1 ? 'one, no retry' : String(options.attempts),
    },
    options.retryAfterSeconds !== usual.retryAfterSeconds && {
      label: 'first retry after',
      value: writeSpan(options.retryAfterSeconds).replaceAll(' ', NBSP),
    },
    options.timeoutMinutes > 0 && { label: 'time limit', value: formatMinutes(options.timeoutMinutes) },
    options.overlap === 'queue' && { label: 'due while it runs', value: 'waits, then runs once' },
    options.priority !== usual.priority && { label: 'priority', value: options.priority },
    ...listLimitFacts(limits),
    hooks.before !== undefined && { label: 'hook before', value: hooks.before },
    hooks.after !== undefined && { label: 'hook after', value: hooks.after },
  ];
  return facts.filter((fact) => typeof fact === 'object');
}

/** How the plan behaves when things do not go as they should; whole sentences. */
export function describeOptions(options: PlanOptions): readonly string[] {
  const grace = formatMinutes(options.graceMinutes);
  const kept = options.blackouts.length > 0 ? ', or kept back by a window,' : '';
  const wait = writeSpan(options.retryAfterSeconds).replaceAll(' ', NBSP);
  return [
    options.catchUp
      ? `A host that was off${kept} runs it once when it can, within ${grace}; after that the fire is missed.`
      : `A host that was off leaves its fires out. A fire without a run after ${grace} is missed.`,
    ...(options.spreadMinutes === 0
      ? []
      : [`Each host begins at its own moment within ${formatMinutes(options.spreadMinutes)} of the fire, always the same one.`]),
    options.attempts === 1
      ? 'A run that fails is not tried again.'
      : `A run whose failure may pass is tried ${options.attempts} times in all, the second time after ${wait}.`,
    ...(options.timeoutMinutes === 0 ? [] : [`A run that takes longer than ${formatMinutes(options.timeoutMinutes)} fails.`]),
    options.overlap === 'skip'
      ? 'Due while it still runs, it is left out, and the list of runs says so.'
      : 'Due while it still runs, it waits and runs once afterwards.',
  ];
}
