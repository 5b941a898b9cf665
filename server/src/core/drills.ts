/** Drills: a restore is tried out, so that a source carries a proof that it can be recovered and how long that takes. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type DrillAssertion, drillAssertionsSchema } from '@holdfast/shared/domain/drill.ts';
import type { SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Plan, Source } from '../store/catalog.ts';
import type { Drill, DrillSettings, SourceProof } from '../store/drills.ts';
import type { Page, PageRequest } from '../store/page.ts';
import type { Run, Snapshot } from '../store/runs.ts';
import { createFieldsError } from './adapter-input.ts';
import { demandCapability } from './agent-ability.ts';
import { recordAct } from './audit.ts';
import { TOPICS } from './bus.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from './run-orders.ts';

const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** Snapshots that are looked at for one whose plan still has its repository. */
const LOOKED_AT = 50;
/** Sources whose drill is started in one round of the ticker. */
const STARTED_AT_ONCE = 20;
/** A due drill that cannot be started now is tried again after this long. */
const TRIED_AGAIN_MS = HOUR_MS;
/** The most a person may say for how often, or how old a proof may be. */
export const DRILL_DAYS_MAX = 3650;

async function getSource(context: CoreContext, caller: Caller, id: SourceId): Promise<Source> {
  const source = await context.store.catalog.findSource(caller.tenant, id);
  if (!source) throw new AppError('not_found', 'there is no such source');
  return source;
}

/** Why no dump of this source can be tried out, as a sentence; undefined where one can. */
export function findDrillFault(kind: string): string | undefined {
  const adapter = getSourceAdapter(kind);
  if (adapter.drill || adapter.restore === undefined) return undefined;
  return `a ${adapter.label} cannot be restored on trial: there is no free server of it to restore to`;
}

interface Chosen {
  snapshot: Snapshot;
  plan: Plan;
}

/** The host goes by its own copy of the plan, so the plan must still keep its backups where the snapshot lies. */
async function choose(context: CoreContext, caller: Caller, source: Source, wanted?: SnapshotId): Promise<Chosen> {
  const { runs, catalog } = context.store;
  const { tenant } = caller;
  const filter = { source: source.id, role: 'data', state: 'good' } as const;
  const found =
    wanted === undefined
      ? (await runs.listSnapshots(tenant, filter, { limit: LOOKED_AT })).rows
      : [await runs.findSnapshot(tenant, wanted)].filter((snapshot) => snapshot !== undefined);
  if (wanted !== undefined && found[0]?.source !== source.id)
    throw new AppError('not_found', 'there is no such snapshot of this source');
  const good = found.filter(({ state, role, host }) => state === 'good' && role === 'data' && host === source.host);
  if (good.length === 0) throw new AppError('precondition', 'there is no good backup of this source that could be tried out');
  const plans = await catalog.findPlans(tenant, [...new Set(good.flatMap(({ plan }) => plan ?? []))]);
  for (const snapshot of good) {
    const plan = plans.find(({ id }) => id === snapshot.plan);
    if (plan?.repository === snapshot.repository && plan.sources.includes(source.id)) return { snapshot, plan };
  }
  throw new AppError('precondition', 'the plan that made this backup is gone, or has another repository or other sources now');
}

async function demandAgent(context: CoreContext, caller: Caller, { host: id }: Source): Promise<void> {
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (host?.state !== 'active') throw new AppError('precondition', 'the host of this source is not active');
  demandCapability(host, 'drill.start', 'for drills');
}

export interface DrillRequest {
  source: SourceId;
  /** The newest good one unless given. */
  snapshot?: SnapshotId | undefined;
}

/** Tries out a restore on the source's own host. Throws `not_found`, and `precondition` where none could be. */
export async function startDrill(context: CoreContext, caller: Caller, request: DrillRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const source = await getSource(context, caller, request.source);
  const fault = findDrillFault(source.kind);
  if (fault !== undefined) throw new AppError('unsupported', fault);
  const { snapshot, plan } = await choose(context, caller, source, request.snapshot);
  await demandAgent(context, caller, source);
  const settings = await context.store.drills.findDrillSettings(caller.tenant, source.id);
  const isScheduled = caller.actor.kind === 'system';
  const about = { kind: 'drill', host: source.host, plan: plan.id, repository: plan.repository } as const;
  const run: Run = { ...createOrderedRun(context, caller, about), snapshot: snapshot.id };
  if (isScheduled) run.trigger = 'schedule';
  const order = createOrder(context, caller.tenant, source.host, 'drill.start', {
    run: run.id,
    plan: plan.id,
    source: source.id,
    snapshot: snapshot.id,
    engineId: snapshot.engineId,
    ...(snapshot.fileName === undefined ? {} : { fileName: snapshot.fileName }),
    sizeBytes: snapshot.sizeBytes,
    createdAt: snapshot.createdAt,
    // Questions in SQL need a dump to ask.
    assertions: snapshot.fileName === undefined ? [] : [...(settings?.assertions ?? [])],
    ...orderTerms(context, caller),
    ...(isScheduled ? { trigger: 'schedule' as const } : {}),
  });
  await placeRun(context, run, [source.id], order);
  if (settings?.everyDays !== undefined)
    await context.store.drills.postponeDrill(caller.tenant, source.id, context.clock.now() + settings.everyDays * DAY_MS);
  await recordAct(context, caller, {
    action: 'source.drill_started',
    target: { kind: 'source', id: source.id, name: source.name },
    change: { run: run.id, snapshot: snapshot.id },
  });
  return run;
}

const NO_SETTINGS = { assertions: [], updatedAt: 0 } as const;

export async function getDrillSettings(context: CoreContext, caller: Caller, id: SourceId): Promise<DrillSettings> {
  demand(caller, 'view');
  const source = await getSource(context, caller, id);
  return (await context.store.drills.findDrillSettings(caller.tenant, source.id)) ?? { source: source.id, ...NO_SETTINGS };
}

/** What a person says of the drills of a source. */
export interface DrillWishes {
  assertions: readonly DrillAssertion[];
  everyDays?: number | undefined;
  withinDays?: number | undefined;
}

function checkDays(field: 'everyDays' | 'withinDays', days: number | undefined): void {
  if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= DRILL_DAYS_MAX)) return;
  throw createFieldsError({ [field]: `must be a whole number of days from 1 to ${DRILL_DAYS_MAX}` });
}

function checkWishes(source: Source, wishes: DrillWishes): void {
  checkDays('everyDays', wishes.everyDays);
  checkDays('withinDays', wishes.withinDays);
  const parsed = drillAssertionsSchema.safeParse(wishes.assertions);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const what = issue?.message ?? 'is not well-formed';
    throw createFieldsError({ assertions: issue?.path.length ? `Question ${Number(issue.path[0]) + 1}: ${what}` : what });
  }
  if (wishes.assertions.length > 0 && getSourceAdapter(source.kind).drill === undefined)
    throw createFieldsError({ assertions: 'nothing can be asked of this kind of source' });
}

/** Replaces what is asked at every drill of a source, and how often one is due. `invalid` naming the field at fault. */
export async function saveDrillSettings(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  wishes: DrillWishes,
): Promise<DrillSettings> {
  demand(caller, 'source.manage');
  const source = await getSource(context, caller, id);
  checkWishes(source, wishes);
  const { drills } = context.store;
  const now = context.clock.now();
  const [proof] = await drills.listProofs(caller.tenant, [source.id]);
  const { everyDays, withinDays } = wishes;
  const settings: DrillSettings = {
    source: source.id,
    assertions: wishes.assertions,
    everyDays,
    withinDays,
    nextAt: everyDays === undefined ? undefined : Math.max(now, (proof?.newest?.endedAt ?? 0) + everyDays * DAY_MS),
    updatedAt: now,
  };
  await drills.saveDrillSettings(caller.tenant, settings);
  await recordAct(context, caller, {
    action: 'source.drill_settings_changed',
    target: { kind: 'source', id: source.id, name: source.name },
    change: { questions: wishes.assertions.length, everyDays, withinDays },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.sources });
  return settings;
}

/** How sources stand, in their order. */
export async function listProofs(
  context: CoreContext,
  caller: Caller,
  sources: readonly SourceId[],
): Promise<readonly SourceProof[]> {
  demand(caller, 'view');
  return context.store.drills.listProofs(caller.tenant, sources);
}

/** Drills that came to a verdict, newest first. */
export async function listDrills(
  context: CoreContext,
  caller: Caller,
  filter: { source?: SourceId | undefined },
  page: PageRequest,
): Promise<Page<Drill>> {
  demand(caller, 'view');
  return context.store.drills.listDrills(caller.tenant, filter, page);
}

/** Starts what is due on hosts that are connected; tells how many. The ticker calls it. */
export async function startDueDrills(context: CoreContext): Promise<number> {
  const { store, clock, directory, log } = context;
  let started = 0;
  for (const { tenant, source } of await store.drills.listDueDrills(clock.now(), STARTED_AT_ONCE)) {
    const caller: Caller = { actor: { kind: 'system', id: 'drills', name: 'schedule' }, tenant, role: 'operator' };
    try {
      const found = await getSource(context, caller, source);
      // An order to a host that is away would be void before it is back.
      if (found.enabled && directory.isOnline(found.host)) {
        await startDrill(context, caller, { source });
        started += 1;
        continue;
      }
    } catch (error) {
      log.warn({ source, err: error }, 'a drill that is due could not be started; it is tried again in an hour');
    }
    await store.drills.postponeDrill(tenant, source, clock.now() + TRIED_AGAIN_MS);
  }
  return started;
}
