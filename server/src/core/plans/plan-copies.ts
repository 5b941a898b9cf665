/** The second repository of a plan: what it lacks, and how to bring it there. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Plan } from '../../store/plans.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import type { StartedRuns } from '../runs/runs.ts';
import { startCopy } from '../snapshots/snapshot-orders.ts';
import { getPlan } from './plans.ts';

/** Backups of the plan that its second repository never had, newest first. A copy that was removed there again is none of them. */
export async function listUncopied(
  context: CoreContext,
  caller: Caller,
  { id, repository, copyRepository }: Pick<Plan, 'id' | 'repository' | 'copyRepository'>,
  limit: number = RUNS.snapshotsPerOrder,
): Promise<readonly Snapshot[]> {
  demand(caller, 'view');
  if (copyRepository === undefined) return [];
  return context.store.snapshots.listUncopied(caller.tenant, id, { from: repository, to: copyRepository }, limit);
}

/** Orders the copying of what `listUncopied` says. Throws `precondition` where there is nothing to copy, or nowhere to copy it to. */
export async function copyPlan(context: CoreContext, caller: Caller, id: PlanId): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const plan = await getPlan(context, caller, id);
  const { copyRepository: repository } = plan;
  if (repository === undefined) throw new AppError('precondition', 'this plan has no second repository');
  const missing = await listUncopied(context, caller, plan);
  if (missing.length === 0) throw new AppError('precondition', 'the second repository lacks nothing of this plan');
  return startCopy(context, caller, { snapshots: missing.map((snapshot) => snapshot.id), repository });
}
