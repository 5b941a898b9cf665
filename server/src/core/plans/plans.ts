/** Plans: sources, repository, schedule, options. */
import type { HostId, PlanId, PolicyId, RepositoryId, ScheduleId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { changePlanOptions, type PlanOptionsChange } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS, RUNS } from '@holdfast/shared/limits.ts';
import type { Page } from '../../store/page.ts';
import type { Plan, PlanFilter, PlanPage } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { checkPlanDrills, settlePlanDrills } from '../drills/plan-drills.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import { checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { demandReachableTogether } from '../repositories/joint-repositories.ts';
import { tellHostsOfPlans } from './plan-hosts.ts';
import { resolveSchedule } from './plan-schedule.ts';

export interface PlanInput {
  name: string;
  repository: RepositoryId;
  sources: readonly SourceId[];
  /** Undefined: only by hand. */
  schedule?: Schedule | undefined;
  /** In place of one of its own. */
  sharedSchedule?: ScheduleId | undefined;
  enabled?: boolean | undefined;
  options?: PlanOptionsChange | undefined;
  /** Undefined: everything is kept. */
  retentionPolicy?: PolicyId | undefined;
  /** Each clean backup is copied there. */
  copyRepository?: RepositoryId | undefined;
  /** How long copies are kept. */
  copyPolicy?: PolicyId | undefined;
}

export async function getPlan(context: CoreContext, caller: Caller, id: PlanId): Promise<Plan> {
  demand(caller, 'view');
  const plan = await context.store.plans.findPlan(caller.tenant, id);
  if (!plan) throw new AppError('not_found', 'there is no such plan');
  return plan;
}

export async function listPlans(context: CoreContext, caller: Caller, filter: PlanFilter, page: PlanPage): Promise<Page<Plan>> {
  demand(caller, 'view');
  return context.store.plans.listPlans(caller.tenant, filter, page);
}

/** What copies go to, and how long they are kept; undefined where a plan has no second repository. */
async function checkSecond(
  context: CoreContext,
  caller: Caller,
  first: Repository,
  { copyRepository, copyPolicy }: Pick<PlanInput, 'copyRepository' | 'copyPolicy'>,
): Promise<Repository | undefined> {
  const { policies, repositories } = context.store;
  if (copyPolicy !== undefined && !(await policies.findPolicy(caller.tenant, copyPolicy)))
    throw createFieldsError({ copyPolicy: 'Retention of copies: there is no such policy' });
  if (copyRepository === undefined) {
    if (copyPolicy === undefined) return undefined;
    throw createFieldsError({ copyPolicy: 'Retention of copies: choose a second repository first' });
  }
  if (copyRepository === first.id)
    throw createFieldsError({ copyRepository: 'Second repository: choose another one than the first' });
  const second = await repositories.findRepository(caller.tenant, copyRepository);
  if (!second) throw createFieldsError({ copyRepository: 'Second repository: there is no such repository' });
  try {
    demandReachableTogether(context, first, second);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unsupported') throw error;
    throw createFieldsError({ copyRepository: `Second repository: ${error.message}` });
  }
  return second;
}

/** Checks what a plan names, and returns the hosts of its sources. */
async function checkReferences(
  context: CoreContext,
  caller: Caller,
  input: Pick<PlanInput, 'repository' | 'sources' | 'retentionPolicy' | 'copyRepository' | 'copyPolicy'>,
): Promise<readonly HostId[]> {
  const repository = await context.store.repositories.findRepository(caller.tenant, input.repository);
  if (!repository) throw createFieldsError({ repository: 'Repository: there is no such repository' });
  if (input.retentionPolicy !== undefined && !(await context.store.policies.findPolicy(caller.tenant, input.retentionPolicy)))
    throw createFieldsError({ retentionPolicy: 'Retention: there is no such policy' });
  const second = await checkSecond(context, caller, repository, input);
  const sources = await context.store.sources.findSources(caller.tenant, input.sources);
  if (sources.length === 0 || sources.length !== new Set(input.sources).size)
    throw createFieldsError({ sources: 'Sources: choose at least one existing source' });
  const hosts = [...new Set(sources.map((source) => source.host))];
  // The host refuses a whole spec for one plan above it.
  if (hosts.some((host) => sources.filter((source) => source.host === host).length > RUNS.partsPerRun))
    throw createFieldsError({ sources: `Sources: a plan may have ${RUNS.partsPerRun} sources on one host; make several plans` });
  if (repository.kind === 'local' && hosts.length > 1) {
    throw createFieldsError({
      repository:
        'Repository: a local folder belongs to one host, but the sources live on several; make one plan for each host or use a network repository',
    });
  }
  if (second?.kind === 'local' && hosts.length > 1)
    throw createFieldsError({
      copyRepository: 'Second repository: a local folder belongs to one host, but the sources live on several',
    });
  return hosts;
}

/**
 * Its schedule holds from now on. Throws `invalid` naming the field at fault, `conflict` for a name that is taken, and `limit` above
 * `COUNTS.plans` or where the spec of a host does not fit a frame any more.
 */
export async function createPlan(context: CoreContext, caller: Caller, input: PlanInput): Promise<Plan> {
  demand(caller, 'plan.manage');
  const name = checkName(input.name);
  if ((await context.store.plans.countPlans(caller.tenant)) >= COUNTS.plans)
    throw new AppError('limit', 'there are too many plans', { retry: 'after_change' });
  const due = await resolveSchedule(context, caller, {}, input);
  await checkPlanDrills(context, caller, input.options?.drills);
  const hosts = await checkReferences(context, caller, input);
  const now = context.clock.now();
  const plan: Plan = {
    id: context.createId('plan'),
    tenant: caller.tenant,
    name,
    repository: input.repository,
    sources: [...new Set(input.sources)],
    schedule: due.schedule,
    sharedSchedule: due.sharedSchedule,
    enabled: input.enabled ?? true,
    options: changePlanOptions({}, input.options ?? {}),
    retentionPolicy: input.retentionPolicy,
    copyRepository: input.copyRepository,
    copyPolicy: input.copyPolicy,
    effectiveFrom: now,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  await demandSpecFits(context, caller, hosts, { plan });
  await context.store.plans.insertPlan(plan);
  await recordAct(context, caller, {
    action: 'plan.created',
    target: { kind: 'plan', id: plan.id, name: plan.name },
    change: describe(plan),
  });
  if (plan.options.drills !== undefined) await settlePlanDrills(context);
  await tellHostsOfPlans(context, caller, hosts);
  return plan;
}

function describe(plan: Plan): Record<string, unknown> {
  const { name, repository, sources, schedule, sharedSchedule, enabled, options, retentionPolicy, copyRepository, copyPolicy } =
    plan;
  const shared = sharedSchedule === undefined ? {} : { sharedSchedule };
  const kept = { retentionPolicy: retentionPolicy ?? null };
  const copies = copyRepository === undefined ? {} : { copyRepository, copyPolicy: copyPolicy ?? null };
  return { name, repository, sources, schedule: schedule ?? null, ...shared, enabled, options, ...kept, ...copies };
}

export interface PlanChange {
  name?: string | undefined;
  repository?: RepositoryId | undefined;
  sources?: readonly SourceId[] | undefined;
  /** Its own from now on; `null` takes the schedule away. */
  schedule?: Schedule | null | undefined;
  /** `null`: what the shared one says becomes its own. */
  sharedSchedule?: ScheduleId | null | undefined;
  enabled?: boolean | undefined;
  options?: PlanOptionsChange | undefined;
  /** `null`: everything is kept. */
  retentionPolicy?: PolicyId | null | undefined;
  /** `null`: nothing is copied any more; the copies stay. */
  copyRepository?: RepositoryId | null | undefined;
  /** `null`: copies are kept for ever. */
  copyPolicy?: PolicyId | null | undefined;
}

/** Without a second repository there are no copies to keep. */
function resolveCopies(before: Plan, change: PlanChange): Pick<Plan, 'copyRepository' | 'copyPolicy'> {
  const copyRepository = change.copyRepository === undefined ? before.copyRepository : (change.copyRepository ?? undefined);
  const copyPolicy = change.copyPolicy === undefined ? before.copyPolicy : (change.copyPolicy ?? undefined);
  return { copyRepository, copyPolicy: change.copyRepository === null ? undefined : copyPolicy };
}

export async function updatePlan(
  context: CoreContext,
  caller: Caller,
  id: PlanId,
  change: PlanChange,
  expectedVersion?: number,
): Promise<Plan> {
  demand(caller, 'plan.manage');
  const before = await getPlan(context, caller, id);
  const now = context.clock.now();
  const { schedule, sharedSchedule } = await resolveSchedule(context, caller, before, change);
  const enabled = change.enabled ?? before.enabled;
  const rescheduled =
    schedule?.cron !== before.schedule?.cron || schedule?.zone !== before.schedule?.zone || (enabled && !before.enabled);
  const after: Plan = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    repository: change.repository ?? before.repository,
    sources: change.sources === undefined ? before.sources : [...new Set(change.sources)],
    schedule,
    sharedSchedule,
    enabled,
    options: changePlanOptions(before.options, change.options ?? {}),
    retentionPolicy: change.retentionPolicy === undefined ? before.retentionPolicy : (change.retentionPolicy ?? undefined),
    ...resolveCopies(before, change),
    // A new schedule owes nothing for the time before it was made.
    effectiveFrom: rescheduled ? now : before.effectiveFrom,
    version: before.version + 1,
    updatedAt: now,
  };
  await checkPlanDrills(context, caller, change.options?.drills);
  const hostsAfter = await checkReferences(context, caller, after);
  const hostsBefore = await context.store.plans.listHostsOfPlan(caller.tenant, id);
  await demandSpecFits(context, caller, hostsAfter, { plan: after });
  await context.store.plans.updatePlan(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'plan.updated',
    target: { kind: 'plan', id, name: after.name },
    change: { before: describe(before), after: describe(after) },
  });
  if (before.options.drills !== undefined || after.options.drills !== undefined) await settlePlanDrills(context);
  await tellHostsOfPlans(context, caller, [...hostsBefore, ...hostsAfter]);
  return after;
}

/** Ends a plan; its runs and snapshots stay. */
export async function deletePlan(context: CoreContext, caller: Caller, id: PlanId): Promise<void> {
  demand(caller, 'plan.manage');
  const plan = await getPlan(context, caller, id);
  const hosts = await context.store.plans.listHostsOfPlan(caller.tenant, id);
  await context.store.plans.deletePlan(caller.tenant, id);
  await recordAct(context, caller, {
    action: 'plan.deleted',
    target: { kind: 'plan', id, name: plan.name },
    change: describe(plan),
  });
  if (plan.options.drills !== undefined) await settlePlanDrills(context);
  await tellHostsOfPlans(context, caller, hosts);
}
