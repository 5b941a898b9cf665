/** The upkeep of repositories: checks and prunes that are ordered, and what is known of earlier ones. */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { type CheckScope, DEFAULT_MAX_UNUSED_PERCENT, describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import type { Capability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Host } from '../../store/hosts.ts';
import type { RepositorySize } from '../../store/maintenance.ts';
import type { Run } from '../../store/runs.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { createOrder, createOrderedRun, placeRun, type RoutineTurn, upkeepTerms } from '../runs/run-orders.ts';
import { orderRepository } from './admin-credential.ts';
import { getRepository } from './repositories.ts';
import { demandUnderstood } from './under-way.ts';

/** Runs of each kind, and sizes, that are looked back upon: as many as a repository read in parts can need. */
const RUNS_KEPT_IN_VIEW = MAINTENANCE.partsMax;
const SIZES_IN_VIEW = 200;

async function getCapableHost(context: CoreContext, caller: Caller, id: HostId, capability: Capability): Promise<Host> {
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host', { details: { field: 'host' } });
  demandCapability(host, capability, 'for the maintenance of repositories');
  return host;
}

/**
 * Orders a look for damage, from a host. Throws `not_found`, and `precondition` for a repository that no host has opened yet and for an agent
 * that is too old.
 */
export async function startCheck(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  { host: from, scope, turn }: { host: HostId; scope: CheckScope; turn?: RoutineTurn | undefined },
): Promise<Run> {
  demand(caller, 'run.start');
  const repository = await getRepository(context, caller, id);
  demandOpened(repository);
  const host = await getCapableHost(context, caller, from, 'check.start');
  const run: Run = {
    ...createOrderedRun(context, caller, { kind: 'check', host: host.id, plan: undefined, repository: id }),
    scope,
  };
  const order = createOrder(context, caller.tenant, host.id, 'check.start', {
    run: run.id,
    repository: orderRepository(context, host, run.id, repository, 'everyday'),
    scope,
    ...upkeepTerms(context, caller),
  });
  await placeRun(context, caller, run, [], order, turn);
  await recordAct(context, caller, {
    action: 'repository.check_started',
    target: { kind: 'repository', id, name: repository.name },
    change: { run: run.id, host: host.name, scope: describeCheckScope(scope) },
  });
  return run;
}

/**
 * Orders the removal of data that no snapshot needs, from a host, through the admin credential where there is one. Errors as of a check, and
 * `conflict` while runs are under way in the repository, unless the person has `understood` that.
 */
export async function startPrune(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  wish: { host: HostId; maxUnusedPercent?: number | undefined; understood?: boolean | undefined; turn?: RoutineTurn | undefined },
): Promise<Run> {
  demand(caller, 'repository.manage');
  const { maxUnusedPercent = DEFAULT_MAX_UNUSED_PERCENT, understood = false, turn } = wish;
  const repository = await getRepository(context, caller, id);
  demandOpened(repository);
  const host = await getCapableHost(context, caller, wish.host, 'prune.start');
  await demandUnderstood(context, caller, repository, understood);
  const run = createOrderedRun(context, caller, { kind: 'prune', host: host.id, plan: undefined, repository: id });
  const order = createOrder(context, caller.tenant, host.id, 'prune.start', {
    run: run.id,
    repository: orderRepository(context, host, run.id, repository, 'admin'),
    isAdmin: repository.admin !== undefined,
    maxUnusedPercent,
    ...upkeepTerms(context, caller),
  });
  await placeRun(context, caller, run, [], order, turn);
  await recordAct(context, caller, {
    action: 'repository.prune_started',
    target: { kind: 'repository', id, name: repository.name },
    change: { run: run.id, host: host.name, maxUnusedPercent, withAdminCredential: repository.admin !== undefined },
  });
  return run;
}

/** Only of an opened repository is known which one it is, so that another one at its address is noticed. */
function demandOpened({ engineId }: { engineId?: string | undefined }): void {
  if (engineId === undefined)
    throw new AppError('precondition', 'no host has opened this repository yet; test it first, on its page');
}

/**
 * Since when all data has been read: by one check of everything, or by checks of every part of the same number of parts. The oldest reading that
 * this rests on, epoch milliseconds; undefined when some data was never read. `checks` are newest first.
 */
export function findWholeReading(checks: readonly Pick<Run, 'state' | 'scope' | 'finishedAt'>[]): number | undefined {
  const parts = new Map<number, Map<number, number>>();
  for (const { state, scope, finishedAt } of checks) {
    if (state !== 'succeeded' || scope === undefined || finishedAt === undefined) continue;
    // Parts that are newer than this, and not yet all of them, prove nothing more about the whole.
    if (scope.kind === 'everything') return finishedAt;
    if (scope.kind !== 'part') continue;
    const read = parts.get(scope.of) ?? new Map<number, number>();
    parts.set(scope.of, read);
    if (!read.has(scope.part)) read.set(scope.part, finishedAt);
    if (read.size === scope.of) return Math.min(...read.values());
  }
  return undefined;
}

export interface Upkeep {
  /** Newest first, in whatever state. */
  checks: readonly Run[];
  prunes: readonly Run[];
  /** Oldest first. */
  sizes: readonly RepositorySize[];
}

export async function readUpkeep(context: CoreContext, caller: Caller, id: RepositoryId): Promise<Upkeep> {
  const repository = await getRepository(context, caller, id);
  const { maintenance } = context.store;
  const listRuns = (kind: 'check' | 'prune') =>
    maintenance.listMaintenanceRuns(caller.tenant, repository.id, kind, RUNS_KEPT_IN_VIEW);
  const [checks, prunes, sizes] = await Promise.all([
    listRuns('check'),
    listRuns('prune'),
    maintenance.listSizes(caller.tenant, repository.id, SIZES_IN_VIEW),
  ]);
  return { checks, prunes, sizes };
}
