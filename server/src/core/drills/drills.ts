/** Drills: a restore is tried out, so that a source carries a proof that it can be recovered and how long that takes. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { HostId, RequestId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Drill, DrillFilter, SourceProof } from '../../store/drills.ts';
import type { Host } from '../../store/hosts.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import type { Plan } from '../../store/plans.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { draftFor } from '../restores/restore-draft.ts';
import { assertReachable } from '../restores/restore-orders.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import { getSnapshotRecord } from '../snapshots/snapshots.ts';
import { findDrillFault } from './drill-fault.ts';
import { findDrillHost, findNextDue, settlePlanDrills } from './plan-drills.ts';

/** Snapshots that are looked at for one whose plan still has its repository. */
const LOOKED_AT = 50;
/** Sources whose drill is started in one round of the ticker. */
const STARTED_AT_ONCE = 20;
/** A due drill that cannot be started now is tried again after this long. */
const TRIED_AGAIN_MS = HOUR_MS;
/** Of why it could not. */
const WHY_CHARS = 300;

export async function getDrilledSource(context: CoreContext, caller: Caller, id: SourceId): Promise<Source> {
  const source = await context.store.sources.findSource(caller.tenant, id);
  if (!source) throw new AppError('not_found', 'there is no such source');
  return source;
}

interface Chosen {
  snapshot: Snapshot;
  plan: Plan;
}

/** The host goes by its own copy of the plan, so the plan must still keep its backups where the snapshot lies. */
async function choose(context: CoreContext, caller: Caller, source: Source, wanted?: SnapshotId): Promise<Chosen> {
  const { snapshots } = context.store;
  const { tenant } = caller;
  const filter = { source: source.id, role: 'data', state: 'good' } as const;
  const found =
    wanted === undefined
      ? (await snapshots.listSnapshots(tenant, filter, { limit: LOOKED_AT })).rows
      : [await snapshots.findSnapshot(tenant, wanted)].filter((snapshot) => snapshot !== undefined);
  if (wanted !== undefined && found[0]?.source !== source.id)
    throw new AppError('not_found', 'there is no such snapshot of this source');
  const good = found.filter(({ state, role, host }) => state === 'good' && role === 'data' && host === source.host);
  if (good.length === 0) throw new AppError('precondition', 'there is no good backup of this source that could be tried out');
  const plans = await context.store.plans.findPlans(tenant, [...new Set(good.flatMap(({ plan }) => plan ?? []))]);
  for (const snapshot of good) {
    const plan = plans.find(({ id }) => id === snapshot.plan);
    if (plan?.repository === snapshot.repository && plan.sources.includes(source.id)) return { snapshot, plan };
  }
  throw new AppError('precondition', 'the plan that made this backup is gone, or has another repository or other sources now');
}

export interface DrillRequest {
  source: SourceId;
  /** The newest good one unless given. */
  snapshot?: SnapshotId | undefined;
  /** Where it takes place; what the settings of the source say unless given, and else on the source's own host. */
  host?: HostId | undefined;
  /**
   * A source through whose server the backup is restored, into a database of the drill alone; what the settings of the source say unless given, where
   * the drill takes place on the host that they name, and else into a server of its own.
   */
  server?: SourceId | undefined;
}

/** The host that carries it out. Throws `precondition` for one that cannot, and `conflict` for one that does not reach the backup. */
async function getGround(context: CoreContext, caller: Caller, source: Source, wanted: HostId | undefined): Promise<Host> {
  const host = await context.store.hosts.findHost(caller.tenant, wanted ?? source.host);
  if (host?.state !== 'active') {
    const whose =
      wanted === undefined || wanted === source.host ? 'the host of this source' : 'the host that was chosen for drills';
    throw new AppError('precondition', `${whose} is not active`);
  }
  demandCapability(host, 'drill.start', 'for drills');
  return host;
}

/** What a host needs of a source that is another one's: it has neither plan nor repository of it. */
async function describeForeign(context: CoreContext, host: Host, run: Run, source: Source, { plan, snapshot }: Chosen) {
  if (host.id === source.host) return {};
  const repository = await context.store.repositories.findRepository(run.tenant, plan.repository);
  if (!repository) throw new AppError('precondition', 'the repository of this backup is gone');
  assertReachable(repository, snapshot, host);
  const { limits, timeoutMinutes } = plan.options;
  const ordered = orderRepository(context, host, run.id, repository, 'everyday');
  return { foreign: { kind: source.kind, repository: ordered, limits, timeoutMinutes } };
}

/** The source through whose server drills of another one on this host restore. `invalid` naming the field for one that cannot take the backup. */
export async function getDrillServer(
  context: CoreContext,
  caller: Caller,
  source: Source,
  host: HostId,
  wanted: SourceId,
): Promise<Source> {
  const connection = await context.store.sources.findSource(caller.tenant, wanted);
  if (!connection) throw createFieldsError({ server: 'Server: the source through which it is reached is gone' });
  if (connection.kind !== source.kind || getSourceAdapter(connection.kind).restore === undefined)
    throw createFieldsError({ server: 'Server: choose a source of the same kind of database' });
  if (connection.host !== host)
    throw createFieldsError({ server: `Server: ${connection.name} belongs to another host than the drill takes place on` });
  return connection;
}

/** The connection to a named server, sealed for one drill. */
async function describeServer(context: CoreContext, caller: Caller, host: Host, run: Run, source: Source, wanted?: SourceId) {
  if (wanted === undefined) return {};
  const connection = await getDrillServer(context, caller, source, host.id, wanted);
  // An older agent would not see it, and use a server of its own.
  demandCapability(host, 'restore.roles', 'for drills on a named server');
  return { server: draftFor(context, host, run.id as unknown as RequestId, 'sources', connection) };
}

/** Tries out a restore. Throws `not_found`, and `precondition` where none could be. */
export async function startDrill(context: CoreContext, caller: Caller, request: DrillRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const source = await getDrilledSource(context, caller, request.source);
  const fault = findDrillFault(source.kind);
  if (fault !== undefined) throw new AppError('unsupported', fault);
  const chosen = await choose(context, caller, source, request.snapshot);
  const { snapshot, plan } = chosen;
  const settings = await context.store.drills.findDrillSettings(caller.tenant, source.id);
  const ground = findDrillHost(source, settings);
  const host = await getGround(context, caller, source, request.host ?? ground);
  const isAsSettled = host.id === ground;
  const server = request.server ?? (isAsSettled ? settings?.server : undefined);
  const { contents, canaries } = await getSnapshotRecord(context, caller, snapshot.id);
  const isScheduled = caller.actor.kind === 'system';
  const about = { kind: 'drill', host: host.id, plan: plan.id, repository: plan.repository } as const;
  const run: Run = { ...createOrderedRun(context, caller, about), snapshot: snapshot.id };
  if (isScheduled) run.trigger = 'schedule';
  const order = createOrder(context, caller.tenant, host.id, 'drill.start', {
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
    ...(contents === undefined ? {} : { recorded: contents }),
    ...(canaries === undefined ? {} : { canaries }),
    ...(await describeForeign(context, host, run, source, chosen)),
    ...(await describeServer(context, caller, host, run, source, server)),
    ...orderTerms(context, caller),
    ...(isScheduled ? { trigger: 'schedule' as const } : {}),
  });
  await placeRun(context, caller, run, [source.id], order);
  if (settings) {
    await context.store.drills.noteDrill(caller.tenant, source.id, findNextDue(context, settings, context.clock.now()));
  }
  await recordAct(context, caller, {
    action: 'source.drill_started',
    target: { kind: 'source', id: source.id, name: source.name },
    change: { run: run.id, snapshot: snapshot.id, ...(host.id === source.host ? {} : { host: host.name }) },
  });
  return run;
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
  filter: DrillFilter,
  page: PageRequest,
): Promise<Page<Drill>> {
  demand(caller, 'view');
  return context.store.drills.listDrills(caller.tenant, filter, page);
}

/** Starts what is due on hosts that are connected; tells how many. The ticker calls it. */
export async function startDueDrills(context: CoreContext): Promise<number> {
  const { store, clock, directory, log } = context;
  let started = 0;
  await settlePlanDrills(context);
  for (const { tenant, source } of await store.drills.listDueDrills(clock.now(), STARTED_AT_ONCE)) {
    const caller: Caller = { actor: { kind: 'system', id: 'drills', name: 'schedule' }, tenant, role: 'operator' };
    let why = 'its source is not enabled';
    try {
      const found = await getDrilledSource(context, caller, source);
      const settings = await store.drills.findDrillSettings(tenant, source);
      // Named by its plan with others that can be tried out.
      if (settings?.followed && findDrillFault(found.kind) !== undefined) {
        await store.drills.noteDrill(tenant, source, findNextDue(context, settings, clock.now()));
        continue;
      }
      // An order to a host that is away would be void before it is back.
      const ground = findDrillHost(found, settings);
      if (found.enabled && directory.isOnline(ground)) {
        await startDrill(context, caller, { source });
        started += 1;
        continue;
      }
      if (found.enabled) why = `${(await store.hosts.findHost(tenant, ground))?.name ?? 'its host'} is offline`;
    } catch (error) {
      why = error instanceof AppError ? error.message : 'the server could not start it';
      log.warn(
        { area: 'scheduler', source, err: error },
        'a drill that is due could not be started; it is tried again in an hour',
      );
    }
    await store.drills.postponeDrill(tenant, source, clock.now() + TRIED_AGAIN_MS, why.slice(0, WHY_CHARS));
  }
  return started;
}
