/** One audit row for each act, written by the use case that did it. */

import type { Caller } from './caller.ts';
import type { CoreContext } from './ports.ts';

export interface Act {
  /** noun.verb in the past tense, such as `plan.updated`. */
  action: string;
  target: { kind: string; id: string; name: string };
  /** Public fields before and after; secrets appear only as "changed". */
  change?: Readonly<Record<string, unknown>>;
}

export async function recordAct(context: CoreContext, caller: Caller, act: Act): Promise<void> {
  await context.store.trail.appendAudit({
    id: context.createId('audit'),
    tenant: caller.tenant,
    at: context.clock.now(),
    actor: caller.actor,
    action: act.action,
    target: act.target,
    address: caller.address,
    requestId: caller.requestId,
    change: act.change,
  });
}
