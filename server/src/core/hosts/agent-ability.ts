/** What the agent of a host must be able to do before it is asked. */
import { AppError } from '@holdfast/shared/errors.ts';
import { type Capability, hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Host } from '../../store/hosts.ts';

/** Throws `precondition` for an agent that did not name the capability. `what` completes "is too old …", such as `for drills`. */
export function demandCapability(host: Pick<Host, 'name' | 'facts'>, capability: Capability, what: string): void {
  if (hasCapability(host.facts, capability)) return;
  throw new AppError('precondition', `the agent of ${host.name} is too old ${what}; install a newer one on the host`);
}
