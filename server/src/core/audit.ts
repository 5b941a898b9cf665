/** One audit row for each act, written by the use case that did it; and the trail for those who may read it. */
import { setImmediate as giveWay } from 'node:timers/promises';

import type { Page, PageRequest } from '../store/page.ts';
import type { AuditEntry, AuditFilter as StoredAuditFilter } from '../store/trail.ts';
import type { AuditAction } from './audit-actions.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';

export interface Act {
  action: AuditAction;
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
  /** Id of what was acted on, or the whole name it had then. */
  target?: string | undefined;
  /** Id of who acted. */
  actor?: string | undefined;
  /** The first instant, and the first one after the last; epoch milliseconds. */
  since?: number | undefined;
  until?: number | undefined;
}

/** Ids are ours: a lower-case word, an underscore, and no blank. */
const ID = /^[a-z]+_[A-Za-z0-9_-]+$/u;

function toStoreFilter({ target, ...filter }: AuditFilter): StoredAuditFilter {
  return target === undefined || ID.test(target) ? { ...filter, target } : { ...filter, targetName: target };
}

/** Who did what to what, newest first. */
export async function listAudit(
  context: CoreContext,
  caller: Caller,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Page<AuditEntry>> {
  demand(caller, 'audit.view');
  return context.store.trail.listAudit(caller.tenant, toStoreFilter(filter), page);
}

/** Entries read at once for an export: a few hundred KB at most. */
const EXPORT_PAGE = 200;

/** Every entry that fits, newest first, page by page, with a turn for everybody else in between. */
export async function* exportAudit(
  context: CoreContext,
  caller: Caller,
  filter: AuditFilter,
): AsyncGenerator<readonly AuditEntry[]> {
  let after: string | undefined;
  do {
    const page: Page<AuditEntry> = await listAudit(context, caller, filter, { limit: EXPORT_PAGE, after });
    yield page.rows;
    after = page.next;
    await giveWay();
  } while (after !== undefined);
}
