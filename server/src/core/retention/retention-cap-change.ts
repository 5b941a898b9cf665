/** Setting the cap of age, and what it would remove of the whole fleet before it is set. */
import { setImmediate as giveWay } from 'node:timers/promises';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Plan } from '../../store/plans.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { demandVersion, findSettingVersion, parseSetting, writeSetting } from '../stored-setting.ts';
import { readWholeList } from '../whole-list.ts';
import { RETENTION_CAP, type RetentionCap, readRetentionCap } from './retention-cap.ts';
import { previewRetention } from './retention-preview.ts';

/** Plans one preview names, those that lose the most (all are counted), and plans read at a time. */
const PREVIEW_LIMITS: { readonly named: number; readonly page: number } = { named: 500, page: HTTP.pageSizeMax };

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
  /** Those of which something is older than the cap, the most first; `PREVIEW_LIMITS` at most. */
  plans: readonly CappedPlan[];
  /** How many there are of them, named or not. */
  concerned: number;
  removed: number;
  /** Plans without a policy, which the cap does not concern. */
  without: number;
  /** Plans of which nothing could be said: of too many snapshots, or a time zone that nobody knows. */
  unknown: number;
  /** More are concerned than are named; the numbers are of all. */
  isCut: boolean;
}

/** One after the other, a page of them at a time; other work has its turn between pages. */
async function* walkPlans(context: CoreContext, caller: Caller, limit: number): AsyncGenerator<Plan> {
  for (let after: string | undefined; ; ) {
    const page = await context.store.plans.listPlans(caller.tenant, {}, { limit, after });
    yield* page.rows;
    if (page.next === undefined) return;
    after = page.next;
    await giveWay();
  }
}

/** Whether the plan has anything there that the cap could remove; most plans have not, and need no planning. */
async function hasOlder(
  { store }: CoreContext,
  { tenant }: Caller,
  plan: Plan,
  repository: RepositoryId,
  since: number,
): Promise<boolean> {
  for (const state of ['good', 'partial', 'quarantined'] as const) {
    const older = { plan: plan.id, repository, state, until: since };
    if ((await store.snapshots.listSnapshots(tenant, older, { limit: 1 })).rows.length > 0) return true;
  }
  return false;
}

async function lookAtPlan(
  context: CoreContext,
  caller: Caller,
  plan: Plan,
  repository: RepositoryId,
  cap: RetentionCap,
): Promise<CappedPlan | 'unknown' | undefined> {
  const since = context.clock.now() - cap.maxAgeDays * DAY_MS;
  if (!(await hasOlder(context, caller, plan, repository, since))) return undefined;
  const { sources, problem } = await previewRetention(context, caller, plan.id, repository, cap);
  if (problem !== undefined) return 'unknown';
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

/** Repositories in which a policy of the plan says what stays. */
function listPolicedPlaces({ repository, retentionPolicy, copyRepository, copyPolicy }: Plan): readonly RepositoryId[] {
  return [
    ...(retentionPolicy === undefined ? [] : [repository]),
    ...(copyRepository === undefined || copyPolicy === undefined ? [] : [copyRepository]),
  ];
}

const takeMost = (plans: readonly CappedPlan[], most: number): CappedPlan[] =>
  plans.toSorted((a, b) => b.removed - a.removed).slice(0, most);

/** What goes by this cap alone, plan by plan, by the very planner that removes. Changes nothing. `invalid` for a number that is none. */
export async function previewRetentionCap(
  context: CoreContext,
  caller: Caller,
  wanted: unknown,
  limits = PREVIEW_LIMITS,
): Promise<CapPreview> {
  demand(caller, 'settings.manage');
  const cap = parseSetting(RETENTION_CAP, wanted);
  const counted = { removed: 0, concerned: 0, without: 0, unknown: 0 };
  if (cap.maxAgeDays === 0) return { cap, plans: [], ...counted, isCut: false };
  let named: CappedPlan[] = [];
  for await (const plan of walkPlans(context, caller, limits.page)) {
    const places = listPolicedPlaces(plan);
    if (places.length === 0) counted.without += 1;
    for (const repository of places) {
      const looked = await lookAtPlan(context, caller, plan, repository, cap);
      if (looked === 'unknown') counted.unknown += 1;
      if (looked === undefined || looked === 'unknown' || looked.removed + looked.staying === 0) continue;
      counted.concerned += 1;
      counted.removed += looked.removed;
      named.push(looked);
      if (named.length >= 2 * limits.named) named = takeMost(named, limits.named);
    }
  }
  return { cap, plans: takeMost(named, limits.named), ...counted, isCut: counted.concerned > limits.named };
}

export async function getRetentionCap(context: CoreContext, caller: Caller): Promise<RetentionCap> {
  demand(caller, 'view');
  return readRetentionCap(context);
}

/** What the cap comes to: to be given back with a change that is made for it. */
export function findRetentionCapVersion(cap: RetentionCap): number {
  return findSettingVersion(RETENTION_CAP, cap);
}

async function listHostIds({ store }: CoreContext, { tenant }: Caller): Promise<readonly HostId[]> {
  const hosts = await readWholeList((page) => store.hosts.listHosts(tenant, { state: 'active' }, page));
  return hosts.map(({ id }) => id);
}

/**
 * Sets the cap; every host goes by it as soon as it has its new settings. `seen` is how many backups the preview said that go, so that nobody
 * agrees to another number than the one that holds: `conflict` where it is another one by now, or where the cap has not the
 * `version` that it is set for.
 */
export async function setRetentionCap(
  context: CoreContext,
  caller: Caller,
  wanted: unknown,
  seen: number,
  version?: number,
): Promise<RetentionCap> {
  demand(caller, 'settings.manage');
  const before = await readRetentionCap(context);
  demandVersion(RETENTION_CAP, before, version);
  const preview = await previewRetentionCap(context, caller, wanted);
  const { cap } = preview;
  if (preview.removed !== seen)
    throw new AppError(
      'conflict',
      `by now ${preview.removed} backups would go by this cap, and not the ${seen} that were shown; look at them again`,
    );
  if (before.maxAgeDays === cap.maxAgeDays) return cap;
  await writeSetting(context, caller, RETENTION_CAP, { before, after: cap }, { before, after: { ...cap, removes: seen } });
  const hosts = await listHostIds(context, caller);
  await context.store.hosts.bumpSpec(caller.tenant, hosts);
  for (const host of hosts) context.directory.wake(host);
  for (const topic of [TOPICS.retention, TOPICS.plans]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return cap;
}
