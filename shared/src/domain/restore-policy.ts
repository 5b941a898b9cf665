/**
 * What a host lets a server restore on it. Its administrator says so in the agent's own environment, where no server reaches; the agent judges
 * each order by it, and tells it so that people are not offered what the host refuses.
 *
 * *any*: everything. *beside*: only what stands beside what is there: new files and directories, a new or empty database. *none*: nothing.
 */
import * as z from 'zod';
import { getModeRule, type RestoreMode } from './restore.ts';

export const RESTORE_POLICIES = ['any', 'beside', 'none'] as const;
export type RestorePolicy = (typeof RESTORE_POLICIES)[number];

/** The variable of the agent that sets it. */
export const RESTORE_POLICY_SETTING = 'HOLDFAST_RESTORES';

/** As an agent tells it; one that tells none, because it is older, allows everything. */
export const restorePolicySchema = z.enum(RESTORE_POLICIES);

const WORDS: Record<RestorePolicy, string> = {
  any: 'a server may restore in every way',
  beside: 'a server may restore only beside what is there: new files and directories, new or empty databases',
  none: 'a server may restore nothing; that is done by hand on the host',
};

/** A sentence without its beginning. */
export function describePolicy(policy: RestorePolicy): string {
  return WORDS[policy];
}

/** As much of a target as the policy asks for: nothing that it names, only how it goes about it. */
export interface JudgedTarget {
  kind: 'directory' | 'in_place' | 'archive' | 'file' | 'database';
  /** Of a database; left out: into a new or empty one. */
  mode?: RestoreMode | undefined;
}

/** Whether something that exists on the host may be changed. */
export function changesExisting({ kind, mode }: JudgedTarget): boolean {
  return kind === 'in_place' || (kind === 'database' && getModeRule(mode ?? 'new').changesExisting);
}

/** Why the host refuses such a restore, as the end of a sentence that begins with its name; undefined where it allows it. */
export function findPolicyRefusal(policy: RestorePolicy | undefined, target: JudgedTarget): string | undefined {
  if (policy === 'none') return `takes no restore from a server: its administrator set ${RESTORE_POLICY_SETTING}=none there`;
  if (policy === 'beside' && changesExisting(target))
    return `lets a server restore only beside what is there, and this way may change it: its administrator set ${RESTORE_POLICY_SETTING}=beside there`;
  return undefined;
}
