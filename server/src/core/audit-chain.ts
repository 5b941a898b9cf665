/** Whether the audit is still what was written: its chain is followed from the first entry to the newest, once a day and when asked. */
import { setImmediate as giveWay } from 'node:timers/promises';
import { DEFAULT_TENANT, type TenantId } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { ChainPoint } from '../store/trail.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';

/** Entries of one step: some milliseconds, after which everybody else has a turn. */
const STEP = 200;
const CHECK_EVERY_MS = 24 * 3_600_000;
const BEGIN: ChainPoint = { no: 0, hash: '' };

const verdictSchema = z.object({
  /** When the walk ended; epoch milliseconds. */
  at: z.int(),
  /** Entries that fit, from the first on. */
  entries: z.int(),
  /** Of the last of them; noted elsewhere, it shows later that nothing before it was rewritten. */
  hash: z.string(),
  fault: z.object({ no: z.int(), why: z.enum(['changed', 'missing', 'cut', 'outside']) }).optional(),
});
/** What following the chain came to; whole where there is no fault. */
export type AuditVerdict = z.infer<typeof verdictSchema>;

const settingOf = (tenant: TenantId) => `audit.verdict.${tenant}`;

async function follow(context: Pick<CoreContext, 'store' | 'clock'>, tenant: TenantId): Promise<AuditVerdict> {
  const { store, clock } = context;
  let point = BEGIN;
  for (;;) {
    const { reached, isEnd, fault } = await store.trail.followAudit(tenant, point, STEP);
    point = reached;
    if (isEnd) return { at: clock.now(), entries: point.no, hash: point.hash, fault };
    await giveWay();
  }
}

async function check(context: Pick<CoreContext, 'store' | 'clock' | 'log'>, tenant: TenantId): Promise<AuditVerdict> {
  const verdict = await follow(context, tenant);
  await context.store.settings.putSetting(settingOf(tenant), JSON.stringify(verdict));
  if (verdict.fault !== undefined) {
    context.log.error(
      { area: 'database', entry: verdict.fault.no, why: verdict.fault.why },
      'the audit is broken: an entry was changed, removed or added outside of this server',
    );
  }
  return verdict;
}

/** Follows the whole chain now, in short steps. */
export async function verifyAudit(context: CoreContext, caller: Caller): Promise<AuditVerdict> {
  demand(caller, 'audit.view');
  return await check(context, caller.tenant);
}

/** What the last walk came to; undefined before the first. */
export async function findAuditVerdict(context: Pick<CoreContext, 'store'>, caller: Caller): Promise<AuditVerdict | undefined> {
  demand(caller, 'audit.view');
  return await readVerdict(context, caller.tenant);
}

async function readVerdict({ store }: Pick<CoreContext, 'store'>, tenant: TenantId): Promise<AuditVerdict | undefined> {
  const text = await store.settings.findSetting(settingOf(tenant));
  return text === undefined ? undefined : verdictSchema.parse(JSON.parse(text));
}

/** What the last walk found broken, in words; undefined where it was whole, and before the first. */
export async function findAuditFault(context: Pick<CoreContext, 'store'>, tenant: TenantId): Promise<string | undefined> {
  const last = await readVerdict(context, tenant);
  return last?.fault === undefined ? undefined : `it is ${describeVerdict(last)}`;
}

/** Follows the chain when it was last followed a day ago. */
export async function verifyAuditDaily(context: Pick<CoreContext, 'store' | 'clock' | 'log'>): Promise<void> {
  const last = await readVerdict(context, DEFAULT_TENANT);
  if (last === undefined || Math.abs(context.clock.now() - last.at) >= CHECK_EVERY_MS) await check(context, DEFAULT_TENANT);
}

/** `whole, 12 entries`, or what is broken where. */
export function describeVerdict({ entries, fault }: AuditVerdict): string {
  if (fault === undefined) return `whole, ${entries} ${entries === 1 ? 'entry' : 'entries'}`;
  const words = {
    changed: 'it was changed after it was written',
    missing: 'it was removed',
    cut: 'it was written, and it and whatever followed are gone',
    outside: 'something stands there that this server did not write',
  } as const;
  return `broken at entry ${fault.no}: ${words[fault.why]}`;
}
