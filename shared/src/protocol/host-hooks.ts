/** The scripts that a host's administrator installed, as its agent tells of them in its facts. */
import * as z from 'zod';
import { hookNameSchema } from '../domain/plan.ts';
import { HOOKS, TEXT } from '../limits.ts';

const problemSchema = z.string().max(HOOKS.problemChars);

export const hostHooksSchema = z.object({
  /** Where they lie; it need not exist. */
  directory: z.string().max(TEXT.pathChars),
  /** Set when none can be used, whatever lies there. */
  problem: problemSchema.optional(),
  usable: z.array(hookNameSchema).max(HOOKS.listed),
  /** Those that have a name which a plan can give. */
  unusable: z.array(z.object({ name: hookNameSchema, problem: problemSchema })).max(HOOKS.unusableTold),
  /** False where more lie there than are told: of others nothing is known. */
  isWhole: z.boolean(),
});
export type HostHooks = z.infer<typeof hostHooksSchema>;
