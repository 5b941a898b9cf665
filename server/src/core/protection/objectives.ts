/**
 * Objectives: how old the newest clean backup of a source may be, and how old the proof that it can be recovered. The nearest one rules:
 * that of the source itself, then of its plans, then of the tags of its host, then of the fleet. Of several at the same distance the
 * strictest rules. Pure.
 */

import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { tagSchema } from '@holdfast/shared/domain/plan.ts';
import { DAY_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import { OBJECTIVES } from '@holdfast/shared/limits.ts';
import * as z from 'zod';

const fields = {
  /** Minutes the newest clean backup may be old. */
  backupMinutes: z.int().min(OBJECTIVES.minutesMin).max(OBJECTIVES.minutesMax).optional(),
  /** Days a proof of recovery may be old. */
  proofDays: z.int().min(1).max(OBJECTIVES.daysMax).optional(),
};
const isSomething = ({ backupMinutes, proofDays }: { backupMinutes?: number | undefined; proofDays?: number | undefined }) =>
  backupMinutes !== undefined || proofDays !== undefined;
const EMPTY = 'must say how old a backup or a proof may be';

export const objectivesSchema = z
  .strictObject({
    fleet: z.strictObject(fields).default({}),
    plans: z
      .array(z.strictObject({ plan: idSchema('plan'), ...fields }).refine(isSomething, EMPTY))
      .max(OBJECTIVES.rules)
      .default([]),
    tags: z
      .array(z.strictObject({ tag: tagSchema, ...fields }).refine(isSomething, EMPTY))
      .max(OBJECTIVES.rules)
      .default([]),
  })
  .refine(({ plans }) => isEachOnce(plans.map(({ plan }) => plan)), { path: ['plans'], error: 'must name each plan once' })
  .refine(({ tags }) => isEachOnce(tags.map(({ tag }) => tag)), { path: ['tags'], error: 'must name each tag once' });
export type Objectives = z.infer<typeof objectivesSchema>;

function isEachOnce(keys: readonly string[]): boolean {
  return new Set(keys).size === keys.length;
}

/** Where a value comes from. */
export type ObjectiveOrigin =
  | { from: 'source' }
  | { from: 'plan'; plan: PlanId; name: string }
  | { from: 'tag'; tag: string }
  | { from: 'fleet' };

export interface Objective {
  ms: number;
  origin: ObjectiveOrigin;
}

export interface SourceObjectives {
  /** Undefined: the schedule alone says when a backup is late. */
  backup?: Objective | undefined;
  /** Undefined: a proof may be as old as it likes. */
  proof?: Objective | undefined;
}

/** What a source inherits from. */
export interface ObjectiveHeirs {
  /** Plans that are switched on. */
  plans: readonly { id: PlanId; name: string }[];
  /** Of its host. */
  tags: readonly string[];
  /** Its own wish. */
  proofDays?: number | undefined;
  /** A drill of it is possible at all: nothing that cannot be tried out owes a proof by inheritance. */
  canProve: boolean;
}

function findStrictest(candidates: readonly (Objective | undefined)[]): Objective | undefined {
  return candidates.reduce(
    (best, next) => (next !== undefined && (best === undefined || next.ms < best.ms) ? next : best),
    undefined,
  );
}

export function resolveObjectives(objectives: Objectives, heirs: ObjectiveHeirs): SourceObjectives {
  const resolve = (name: 'backupMinutes' | 'proofDays', unitMs: number): Objective | undefined => {
    const make = (amount: number | undefined, origin: ObjectiveOrigin): Objective | undefined =>
      amount === undefined ? undefined : { ms: amount * unitMs, origin };
    const ofPlans = heirs.plans.map(({ id, name: planName }) =>
      make(objectives.plans.find(({ plan }) => plan === id)?.[name], { from: 'plan', plan: id, name: planName }),
    );
    const ofTags = heirs.tags.map((tag) => make(objectives.tags.find((rule) => rule.tag === tag)?.[name], { from: 'tag', tag }));
    return findStrictest(ofPlans) ?? findStrictest(ofTags) ?? make(objectives.fleet[name], { from: 'fleet' });
  };
  const own = heirs.proofDays === undefined ? undefined : { ms: heirs.proofDays * DAY_MS, origin: { from: 'source' } as const };
  return {
    // A source in no plan is not late: it is not backed up at all.
    backup: heirs.plans.length === 0 ? undefined : resolve('backupMinutes', MINUTE_MS),
    proof: own ?? (heirs.canProve && heirs.plans.length > 0 ? resolve('proofDays', DAY_MS) : undefined),
  };
}

/** Why a value is what it is, as it follows "24 h,": `of the plan nightly`. */
export function describeOrigin(origin: ObjectiveOrigin): string {
  switch (origin.from) {
    case 'source':
      return 'of this source';
    case 'plan':
      return `of the plan ${origin.name}`;
    case 'tag':
      return `of the tag ${origin.tag}`;
    case 'fleet':
      return 'of the whole fleet';
  }
}
