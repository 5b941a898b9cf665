/** The host's policy for restores binds what a server orders. Who types a command on the host is told of it, and is not bound. */
import { type JudgedTarget, RESTORE_POLICY_SETTING } from '@holdfast/shared/domain/restore-policy.ts';
import { sayPolicyRefusal } from '../runs/restore/host-policy.ts';
import type { Tooling } from '../runs/workbench.ts';

/** A word in the log where a server would be refused this. */
export function tellPolicy({ restores, log }: Pick<Tooling, 'restores' | 'log'>, target: JudgedTarget): void {
  if (sayPolicyRefusal({ restores }, target) === undefined) return;
  log.warn({ policy: restores }, `${RESTORE_POLICY_SETTING} refuses such a restore of a server; by hand it is carried out`);
}
