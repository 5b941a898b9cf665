/** Retention that is ordered: what a plan does not keep goes now, on each host that has sources of it. */
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Run } from '../store/runs.ts';
import { orderRepository } from './admin-credential.ts';
import { demandCapability } from './agent-ability.ts';
import { recordAct } from './audit.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { createOrder, createOrderedRun, placeRun, type RoutineTurn, upkeepTerms } from './run-orders.ts';
import type { StartedRuns } from './runs.ts';

async function demandAgents(context: CoreContext, caller: Caller, hosts: readonly HostId[], isAdmin: boolean): Promise<void> {
  for (const id of hosts) {
    const host = await context.store.hosts.findHost(caller.tenant, id);
    if (!host) continue;
    for (const capability of isAdmin ? (['forget.start', 'prune.start'] as const) : (['forget.start'] as const))
      demandCapability(host, capability, 'to remove snapshots');
  }
}

/**
 * Orders it. What goes is decided by each host as its run begins, by the plan's policy; `isApproved` says that a person agreed to
 * more than half of a source's backups going in one step. `only`: on this host alone, as a turn of the repository's routine. Throws
 * `not_found`, and `precondition` where no host could do it.
 */
export async function startForget(
  context: CoreContext,
  caller: Caller,
  id: PlanId,
  isApproved: boolean,
  only?: { host: HostId; turn: RoutineTurn },
): Promise<StartedRuns> {
  demand(caller, 'plan.manage');
  const { catalog } = context.store;
  const plan = await catalog.findPlan(caller.tenant, id);
  if (!plan) throw new AppError('not_found', 'there is no such plan');
  const sources = await catalog.findSources(caller.tenant, plan.sources);
  const hosts = [...new Set(sources.map((source) => source.host))].filter((host) => !only || host === only.host);
  if (hosts.length === 0) throw new AppError('precondition', 'the plan has no source any more');
  const repository = await catalog.findRepository(caller.tenant, plan.repository);
  await demandAgents(context, caller, hosts, repository?.admin !== undefined);
  const runs: Run[] = [];
  for (const host of hosts) {
    const taker = await context.store.hosts.findHost(caller.tenant, host);
    const run = createOrderedRun(context, caller, { kind: 'forget', host, plan: plan.id, repository: plan.repository });
    const order = createOrder(context, caller.tenant, host, 'forget.start', {
      run: run.id,
      plan: plan.id,
      isApproved,
      ...(repository?.admin && taker ? { admin: orderRepository(context, taker, run.id, repository, 'admin') } : {}),
      ...upkeepTerms(context, caller),
    });
    // The host says which of the sources it has snapshots of.
    await placeRun(context, run, [], order, only?.turn);
    runs.push(run);
  }
  await recordAct(context, caller, {
    action: 'plan.retention_started',
    target: { kind: 'plan', id: plan.id, name: plan.name },
    change: { runs: runs.map((run) => run.id), isApproved },
  });
  return { runs };
}
