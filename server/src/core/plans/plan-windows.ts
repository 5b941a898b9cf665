/** Blackout windows of a plan, one at a time: whatever other windows it has stay. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { BLACKOUTS_MOST, type Blackout } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { getPlan, updatePlan } from './plans.ts';

const daysOf = ({ days }: Blackout): string => [...new Set(days)].sort().join();

/** Whether two windows keep back the same hours of the same days. */
export function isSameWindow(a: Blackout, b: Blackout): boolean {
  return a.from === b.from && a.to === b.to && daysOf(a) === daysOf(b);
}

/** Whether the plan lacked it. `limit` for a plan that has as many as there may be. */
export async function addPlanWindow(context: CoreContext, caller: Caller, id: PlanId, window: Blackout): Promise<boolean> {
  const { options, version } = await getPlan(context, caller, id);
  const { blackouts } = options;
  if (blackouts.some((one) => isSameWindow(one, window))) return false;
  if (blackouts.length >= BLACKOUTS_MOST)
    throw new AppError('limit', `it has ${BLACKOUTS_MOST} blackout windows, and a plan may have no more`, {
      retry: 'after_change',
    });
  await updatePlan(context, caller, id, { options: { blackouts: [...blackouts, window] } }, version);
  return true;
}

/** Whether the plan had it. */
export async function removePlanWindow(context: CoreContext, caller: Caller, id: PlanId, window: Blackout): Promise<boolean> {
  const { options, version } = await getPlan(context, caller, id);
  const blackouts = options.blackouts.filter((one) => !isSameWindow(one, window));
  if (blackouts.length === options.blackouts.length) return false;
  await updatePlan(context, caller, id, { options: { blackouts } }, version);
  return true;
}
