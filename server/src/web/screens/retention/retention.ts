/** `/retention`: all retention policies; `/retention/:policy`: one, with what it keeps and who goes by it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { describePolicy } from '@holdfast/shared/domain/retention-policy.ts';
import { isAllowed } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { getRetentionCap } from '../../../core/retention/retention-cap-change.ts';
import { deletePolicy, getPolicy, listPolicies } from '../../../core/retention/retention-policies.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { POLICIES_PART, policyPage, type RetentionView, retentionPage, retentionPart } from './retention.view.ts';
import { imagineYear } from './retention-year.ts';

const PLANS_SHOWN = 50;

async function readPolicies(context: CoreContext, visit: Visit): Promise<RetentionView> {
  const { caller, urls } = visit;
  const { store } = context;
  const trail = readTrail(visit);
  const page = await listPolicies(context, caller, {}, trail.request);
  const ids = page.rows.map(({ id }) => id);
  const [plans, allPlans, total] = await Promise.all([
    store.policies.countPlansOfPolicies(caller.tenant, ids),
    store.plans.countPlans(caller.tenant),
    store.policies.countPolicies(caller.tenant),
  ]);
  const now = context.clock.now();
  const zone = visit.frame.zone ?? 'UTC';
  return {
    here: visit.here,
    total,
    // Of a list on one page only: plans with a policy of another page would be taken for plans without one.
    plansWithout:
      page.next === undefined && trail.cursors.length === 0
        ? allPlans - [...plans.values()].reduce((sum, count) => sum + count, 0)
        : undefined,
    plansHref: urls.plans(),
    capDays: (await getRetentionCap(context, caller)).maxAgeDays,
    ...(isAllowed(caller, 'settings.manage') ? { capHref: urls.retentionCap() } : {}),
    rows: page.rows.map(({ id, name, description, policy }) => ({
      id,
      name,
      href: urls.policy({ policy: id }),
      description,
      words: describePolicy(policy, formatBytes),
      keeps: imagineYear(policy, now, zone).sentence,
      plans: plans.get(id) ?? 0,
    })),
    ...linkPages(trail, page.next, (after) => urls.retention({ after })),
    ...(isAllowed(caller, 'plan.manage') ? { addHref: urls.addPolicy() } : {}),
  };
}

async function showPolicies(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readPolicies(context, visit);
  if (wantsPart(visit, POLICIES_PART)) return { kind: 'page', html: retentionPart(view) };
  return { kind: 'page', html: retentionPage(await buildShell(context, visit, 'retention'), view) };
}

async function showPolicy(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const policy = await getPolicy(context, caller, getParam(visit, 'policy', idSchema('policy')));
  const { id, name, description } = policy;
  const plans = await listPlans(context, caller, { retentionPolicy: id }, { limit: PLANS_SHOWN });
  const view = {
    crumbs: [{ label: 'Retention', href: urls.retention() }, { label: name }],
    name,
    description,
    words: describePolicy(policy.policy, formatBytes),
    year: imagineYear(policy.policy, context.clock.now(), visit.frame.zone ?? 'UTC'),
    plans: plans.rows.map((plan) => ({ name: plan.name, href: urls.plan({ plan: plan.id }) })),
    hasMorePlans: plans.next !== undefined,
    ...(isAllowed(caller, 'plan.manage')
      ? { manage: { editHref: urls.editPolicy({ policy: id }), deleteAction: urls.deletePolicy({ policy: id }) } }
      : {}),
  };
  return { kind: 'page', html: policyPage(await buildShell(context, visit, 'retention'), view) };
}

async function remove(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const policy = await getPolicy(context, caller, getParam(visit, 'policy', idSchema('policy')));
  try {
    await deletePolicy(context, caller, policy.id);
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.policy({ policy: policy.id }), flash: { tone: 'bad', text: thrown.message } };
  }
  const text = `The policy “${policy.name}” is deleted.`;
  return { kind: 'redirect', to: urls.retention(), flash: { tone: 'good', text } };
}

export const RETENTION_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.retention, handle: showPolicies },
  { method: 'get', path: PAGES.policy, handle: showPolicy },
  { method: 'post', path: PAGES.deletePolicy, handle: remove },
];
