/** Retention that a person orders: what a plan does not keep goes now. */
import type { HostId, PlanId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { findMaintainer } from '../routine/routine.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import type { StartedRuns } from '../runs/runs.ts';
import { orderRetention } from './ordered-retention.ts';
import { choosePlace } from './retention-preview.ts';

interface ForgetWish {
  /** A person agreed to more than half of a source's backups going in one step. */
  isApproved: boolean;
  /** The plan's own where it is left out; or the second one, where the copies are. */
  repository?: RepositoryId | undefined;
}

/** An agent that does not know of copies would take an order about them for one about the plan's own repository. */
async function demandAgents(
  context: CoreContext,
  caller: Caller,
  hosts: readonly HostId[],
  { isAdmin, isOfCopies }: { isAdmin: boolean; isOfCopies: boolean },
): Promise<void> {
  for (const id of hosts) {
    const host = await context.store.hosts.findHost(caller.tenant, id);
    if (!host) continue;
    demandCapability(host, 'forget.start', 'to remove snapshots');
    if (isAdmin) demandCapability(host, 'prune.start', 'to remove snapshots');
    if (isOfCopies) demandCapability(host, 'copy.start', 'to remove copies');
  }
}

/** The host that keeps a repository up, where retention there takes the admin credential; undefined where hosts remove, or people see to all. */
async function findRemover(context: CoreContext, repository: Repository | undefined): Promise<HostId | undefined> {
  if (repository?.admin === undefined) return undefined;
  const stored = await context.store.routines.findRoutine(repository.tenant, repository.id);
  if (stored === undefined || repository.engineId === undefined) return undefined;
  const { host, trouble } = await findMaintainer(context, repository, stored);
  if (trouble === undefined && host !== undefined) return host.id;
  throw new AppError(
    'precondition',
    `nobody can remove snapshots from ${repository.name} now: ${trouble ?? 'no host maintains it'}`,
  );
}

/**
 * Orders it. Where the repository has an admin credential and a routine, the server plans what goes, and the host that keeps the repository up removes
 * it. Else each host of the plan decides as its run begins, by the plan's policy for that repository. Throws `not_found`, `invalid` for a
 * repository in which the plan keeps nothing, and `precondition` where no host could do it.
 */
export async function startForget(context: CoreContext, caller: Caller, id: PlanId, wish: ForgetWish): Promise<StartedRuns> {
  demand(caller, 'plan.manage');
  const { store } = context;
  const plan = await store.plans.findPlan(caller.tenant, id);
  if (!plan) throw new AppError('not_found', 'there is no such plan');
  const { isApproved } = wish;
  const place = choosePlace(plan, wish.repository);
  const isOfCopies = place !== plan.repository;
  const repository = await store.repositories.findRepository(caller.tenant, place);
  const remover = await findRemover(context, repository);
  if (repository !== undefined && remover !== undefined)
    return { runs: [await orderRetention(context, caller, { plan, repository, host: remover, isApproved })] };
  const sources = await store.sources.findSources(caller.tenant, plan.sources);
  const hosts = [...new Set(sources.map((source) => source.host))];
  if (hosts.length === 0) throw new AppError('precondition', 'the plan has no source any more');
  await demandAgents(context, caller, hosts, { isAdmin: repository?.admin !== undefined, isOfCopies });
  const runs: Run[] = [];
  for (const host of hosts) {
    const taker = await store.hosts.findHost(caller.tenant, host);
    const run = createOrderedRun(context, caller, { kind: 'forget', host, plan: plan.id, repository: place });
    const order = createOrder(context, caller.tenant, host, 'forget.start', {
      run: run.id,
      plan: plan.id,
      isApproved,
      ...(isOfCopies ? { repository: place } : {}),
      ...(repository?.admin && taker ? { admin: orderRepository(context, taker, run.id, repository, 'admin') } : {}),
      ...orderTerms(context, caller),
    });
    // The host says which of the sources it has snapshots of.
    await placeRun(context, caller, run, [], order);
    runs.push(run);
  }
  await recordAct(context, caller, {
    action: 'plan.retention_started',
    target: { kind: 'plan', id: plan.id, name: plan.name },
    change: { runs: runs.map((run) => run.id), isApproved, ...(repository ? { repository: repository.name } : {}) },
  });
  return { runs };
}
