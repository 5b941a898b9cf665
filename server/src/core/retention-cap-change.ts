/** Setting the cap of age, and what it would remove of the whole fleet before it is set. */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Plan } from '../store/catalog.ts';
import { TOPICS } from './bus.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { RETENTION_CAP, type RetentionCap, readRetentionCap } from './retention-cap.ts';
import { previewRetention } from './retention-preview.ts';
import { parseSetting, writeSetting } from './stored-setting.ts';

/** Plans one preview reads; it says when there are more. */
const PLANS_PREVIEWED = 500;

export interface CappedPlan {
  plan: Pick<Plan, 'id' | 'name'>;
  repository: RepositoryId;
  /** Backups that go because they are older than the cap, and of how many. */
  removed: number;
  backups: number;
  /** Of those that go by the cap, sources of which more than half would go at once, which waits for a person. */
  waiting: number;
  /** Older ones that stay because they are guarded or nothing is removed for now. */
  staying: number;
}

export interface CapPreview {
  cap: RetentionCap;
  /** Those of which something is older than the cap. */
  plans: readonly CappedPlan[];
  removed: number;
  /** Plans without a policy, which the cap does not concern. */
  without: number;
  /** Plans of which nothing could be said: of too many snapshots, or a time zone that nobody knows. */
  unknown: number;
  /** There are more plans than were looked at. */
  isCut: boolean;
}

const DAY_MS = 86_400_000;

async function listAllPlans(context: CoreContext, caller: Caller): Promise<{ plans: readonly Plan[]; isCut: boolean }> {
  const plans: Plan[] = [];
  for (let after: string | undefined; ; ) {
    const page = await context.store.catalog.listPlans(caller.tenant, {}, { limit: HTTP.pageSizeMax, after });
    plans.push(...page.rows);
    if (page.next === undefined) return { plans, isCut: false };
    if (plans.length >= PLANS_PREVIEWED) return { plans: plans.slice(0, PLANS_PREVIEWED), isCut: true };
    after = page.next;
  }
}

async function lookAtPlan(
  context: CoreContext,
  caller: Caller,
  plan: Plan,
  repository: RepositoryId,
  cap: RetentionCap,
): Promise<CappedPlan | 'unknown'> {
  const { sources, problem } = await previewRetention(context, caller, plan.id, repository, cap);
  if (problem !== undefined) return 'unknown';
  const since = context.clock.now() - cap.maxAgeDays * DAY_MS;
  const found = { removed: 0, backups: 0, waiting: 0, staying: 0 };
  for (const { backups, needsPerson } of sources) {
    found.backups += backups.length;
    const old = backups.filter(({ decision }) => decision.snapshot.createdAt < since);
    const going = old.filter(({ decision }) => decision.verdict === 'remove' && decision.because.remove === 'over_cap');
    found.removed += going.length;
    found.staying += old.filter(({ decision }) => decision.verdict === 'keep').length;
    if (going.length > 0 && needsPerson) found.waiting += 1;
  }
  return { plan: { id: plan.id, name: plan.name }, repository, ...found };
}

/** What goes by this cap alone, plan by plan, by the very planner that removes. Changes nothing. `invalid` for a number that is none. */
export async function previewRetentionCap(context: CoreContext, caller: Caller, wanted: unknown): Promise<CapPreview> {
  demand(caller, 'settings.manage');
  const cap = parseSetting(RETENTION_CAP, wanted);
  const none = { cap, plans: [], removed: 0, without: 0, unknown: 0, isCut: false };
  if (cap.maxAgeDays === 0) return none;
  const { plans, isCut } = await listAllPlans(context, caller);
  const found: CappedPlan[] = [];
  let [without, unknown] = [0, 0];
  for (const plan of plans) {
    const places = [
      ...(plan.retentionPolicy === undefined ? [] : [plan.repository]),
      ...(plan.copyRepository === undefined || plan.copyPolicy === undefined ? [] : [plan.copyRepository]),
    ];
    if (places.length === 0) without += 1;
    for (const repository of places) {
      const looked = await lookAtPlan(context, caller, plan, repository, cap);
      if (looked === 'unknown') unknown += 1;
      else if (looked.removed + looked.staying > 0) found.push(looked);
    }
  }
  const shown = found.toSorted((a, b) => b.removed - a.removed);
  return { cap, plans: shown, removed: shown.reduce((sum, { removed }) => sum + removed, 0), without, unknown, isCut };
}

export async function getRetentionCap(context: CoreContext, caller: Caller): Promise<RetentionCap> {
  demand(caller, 'view');
  return readRetentionCap(context);
}

async function listHostIds(context: CoreContext, caller: Caller): Promise<readonly HostId[]> {
  const ids: HostId[] = [];
  for (let after: string | undefined; ; ) {
    const page = await context.store.hosts.listHosts(caller.tenant, { state: 'active' }, { limit: HTTP.pageSizeMax, after });
    ids.push(...page.rows.map(({ id }) => id));
    if (page.next === undefined) return ids;
    after = page.next;
  }
}

/**
 * Sets the cap; every host goes by it as soon as it has its new settings. `seen` is how many backups the preview said that go, so that nobody
 * agrees to another number than the one that holds: `conflict` where it is another one by now.
 */
export async function setRetentionCap(
  context: CoreContext,
  caller: Caller,
  wanted: unknown,
  seen: number,
): Promise<RetentionCap> {
  demand(caller, 'settings.manage');
  const preview = await previewRetentionCap(context, caller, wanted);
  const { cap } = preview;
  if (preview.removed !== seen)
    throw new AppError(
      'conflict',
      `by now ${preview.removed} backups would go by this cap, and not the ${seen} that were shown; look at them again`,
    );
  const before = await readRetentionCap(context);
  if (before.maxAgeDays === cap.maxAgeDays) return cap;
  await writeSetting(context, caller, RETENTION_CAP, { before, after: cap }, { before, after: { ...cap, removes: seen } });
  const hosts = await listHostIds(context, caller);
  await context.store.hosts.bumpSpec(caller.tenant, hosts);
  for (const host of hosts) context.directory.wake(host);
  for (const topic of [TOPICS.retention, TOPICS.plans]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return cap;
}
