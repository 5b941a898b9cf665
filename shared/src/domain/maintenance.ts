/** Checking and pruning a repository: how much of it is read, and how much unused data a prune leaves. */
import * as z from 'zod';
import { MAINTENANCE } from '../limits.ts';

/**
 * What a check reads. The structure alone (indexes, snapshots, trees) finds what is missing; only reading the packs finds what was altered. Part
 * `part` of `of` reads that share of them, and all parts together read everything.
 */
export const checkScopeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('structure') }),
  z
    .object({ kind: z.literal('part'), part: z.int().min(1), of: z.int().min(2).max(MAINTENANCE.partsMax) })
    .refine(({ part, of }) => part <= of, { message: 'there are not that many parts', path: ['part'] }),
  z.object({ kind: z.literal('everything') }),
]);
export type CheckScope = z.infer<typeof checkScopeSchema>;

/** `structure`, `part 3 of 10`, `everything`. */
export function describeCheckScope(scope: CheckScope): string {
  return scope.kind === 'part' ? `part ${scope.part} of ${scope.of}` : scope.kind;
}

/** Unused data a prune may leave, in percent of what is used: rewriting the last of it costs more than it gives back. */
export const maxUnusedPercentSchema = z.int().min(0).max(100);
export const DEFAULT_MAX_UNUSED_PERCENT = 5;
