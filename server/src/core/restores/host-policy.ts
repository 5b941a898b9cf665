/** What a host told that it refuses: people are not offered it, and no order is made of it. The host decides by itself in any case. */
import { findPolicyRefusal, type JudgedTarget } from '@holdfast/shared/domain/restore-policy.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Host } from '../../store/hosts.ts';

/** In a sentence; undefined where it allows it, or told nothing. */
export function findHostRefusal({ name, facts }: Pick<Host, 'name' | 'facts'>, target: JudgedTarget): string | undefined {
  const refusal = findPolicyRefusal(facts?.restores, target);
  return refusal === undefined ? undefined : `${name} ${refusal}`;
}

/** Whether the host takes any restore at all. */
export function takesRestores({ facts }: Pick<Host, 'facts'>): boolean {
  return facts?.restores !== 'none';
}

/** Throws `precondition`. */
export function demandAllowed(host: Pick<Host, 'name' | 'facts'>, target: JudgedTarget): void {
  const refusal = findHostRefusal(host, target);
  if (refusal !== undefined) throw new AppError('precondition', refusal);
}
