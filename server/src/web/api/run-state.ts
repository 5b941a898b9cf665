/** The words in which programs name the state of a run: ours, and those of other tools for the same thing. */
import { RUN_STATES, type RunState } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';

const ALIASES = {
  completed: 'succeeded',
  success: 'succeeded',
  canceled: 'cancelled',
  pending: 'queued',
} as const satisfies Record<string, RunState>;
type Alias = keyof typeof ALIASES;
const ALIAS_NAMES = Object.keys(ALIASES) as Alias[];

function isAlias(word: RunState | Alias): word is Alias {
  return word in ALIASES;
}

export const runStateInput: z.ZodType<RunState, RunState | Alias> = z
  .enum([...RUN_STATES, ...ALIAS_NAMES])
  .transform((word) => (isAlias(word) ? ALIASES[word] : word))
  .meta({ description: `A state, or one of ${ALIAS_NAMES.map((name) => `${name} (${ALIASES[name]})`).join(', ')}` });
