/** What a form offers of many plans: the first by name, or what a search found, and always what is chosen. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import { type Offer, offerListed } from '../forms/offer.ts';

/** For a select or for boxes, 200 at most and those of `keep`. */
export async function offerPlans(
  context: CoreContext,
  caller: Caller,
  { find = '', keep = [] }: { find?: string; keep?: readonly (PlanId | undefined)[] } = {},
): Promise<Offer<Plan>> {
  const page = await listPlans(context, caller, { search: find === '' ? undefined : find }, { limit: HTTP.pageSizeMax });
  return offerListed(page, keep, (ids) => context.store.plans.findPlans(caller.tenant, ids));
}
