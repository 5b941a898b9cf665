/** One audit row for each act, written by the use case that did it; and the trail for those who may read it. */

import type { Page, PageRequest } from '../store/page.ts';
import type { AuditRow } from '../store/trail.ts';
import { type Caller, demand } from './caller.ts';
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

export interface AuditFilter {
  /** Such as `plan.updated`. */
  action?: string | undefined;
  /** Id of what was acted on. */
  target?: string | undefined;
  /** Id of who acted. */
  actor?: string | undefined;
}

/** Who did what to what, newest first. */
export async function listAudit(
  context: CoreContext,
  caller: Caller,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Page<AuditRow>> {
  demand(caller, 'audit.view');
  return context.store.trail.listAudit(caller.tenant, filter, page);
}
