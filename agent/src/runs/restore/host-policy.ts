/** Whether this host carries out a restore that a server ordered. Its administrator decides that here, whatever the server says. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { findPolicyRefusal, type JudgedTarget } from '@holdfast/shared/domain/restore-policy.ts';
import type { Tooling } from '../workbench.ts';

/** In a sentence; undefined where the host allows it. */
export function sayPolicyRefusal({ restores }: Pick<Tooling, 'restores'>, target: JudgedTarget): string | undefined {
  const refusal = findPolicyRefusal(restores, target);
  return refusal === undefined ? undefined : `This host ${refusal}`;
}

/** Throws with reason `restore_refused`. To be asked as the run begins, before anything is opened: what waited is judged by what holds now. */
export function assertAllowed(host: Pick<Tooling, 'restores'>, target: JudgedTarget): void {
  const refusal = sayPolicyRefusal(host, target);
  if (refusal !== undefined) throw createReasonError('restore_refused', `${refusal}. Nothing was touched`);
}
