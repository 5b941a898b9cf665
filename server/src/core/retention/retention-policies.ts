/** Retention policies: how long snapshots are kept, under a name that plans share. */
import type { PolicyId } from '@holdfast/shared/domain/ids.ts';
import { type RetentionPolicy, retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS } from '@holdfast/shared/limits.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import type { Policy } from '../../store/policies.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import { checkDescription, checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';

/** What comes with the installation, until somebody deletes it. */
export const STANDARD_POLICY = 'pol_standard' as PolicyId;

export interface PolicyInput {
  name: string;
  description?: string | undefined;
  policy: RetentionPolicy;
}

export async function getPolicy(context: CoreContext, caller: Caller, id: PolicyId): Promise<Policy> {
  demand(caller, 'view');
  const policy = await context.store.policies.findPolicy(caller.tenant, id);
  if (!policy) throw new AppError('not_found', 'there is no such retention policy');
  return policy;
}

export async function listPolicies(
  context: CoreContext,
  caller: Caller,
  filter: { search?: string | undefined },
  page: PageRequest,
): Promise<Page<Policy>> {
  demand(caller, 'view');
  return context.store.policies.listPolicies(caller.tenant, filter, page);
}

/** The rules with every number filled in; `invalid` naming the rule at fault, or `policy` for all together. */
function checkRules(policy: RetentionPolicy): RetentionPolicy {
  const parsed = retentionPolicySchema.safeParse(policy);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw createFieldsError({
    [`policy.${String(issue?.path[0] ?? 'kind')}`]: `Policy: ${issue?.message ?? 'is not well-formed'}`,
  });
}

function publish({ bus }: CoreContext, { tenant }: Caller): void {
  for (const topic of [TOPICS.retention, TOPICS.plans]) bus.publish(tenant, { kind: 'refresh', topic });
}

/** Throws `invalid` naming the field or the rule at fault, `limit` above `COUNTS.retentionPolicies`, and `conflict` for a name that is taken. */
export async function createPolicy(context: CoreContext, caller: Caller, input: PolicyInput): Promise<Policy> {
  demand(caller, 'plan.manage');
  const { policies } = context.store;
  const name = checkName(input.name);
  const now = context.clock.now();
  const policy: Policy = {
    id: context.createId('policy'),
    tenant: caller.tenant,
    name,
    description: checkDescription(input.description ?? ''),
    policy: checkRules(input.policy),
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  if ((await policies.countPolicies(caller.tenant)) >= COUNTS.retentionPolicies)
    throw new AppError('limit', `there may be ${COUNTS.retentionPolicies} retention policies; let plans share one`, {
      retry: 'after_change',
    });
  await policies.insertPolicy(policy);
  await recordAct(context, caller, {
    action: 'policy.created',
    target: { kind: 'policy', id: policy.id, name },
    change: describe(policy),
  });
  publish(context, caller);
  return policy;
}

function describe({ name, description, policy }: Policy): Record<string, unknown> {
  return { name, description, policy };
}

export interface PolicyChange {
  name?: string | undefined;
  description?: string | undefined;
  /** Replaces the rules as a whole. */
  policy?: RetentionPolicy | undefined;
}

/** Changes a policy for all plans that use it: their hosts go by the new rules as soon as they have them. */
export async function updatePolicy(
  context: CoreContext,
  caller: Caller,
  id: PolicyId,
  change: PolicyChange,
  expectedVersion?: number,
): Promise<Policy> {
  demand(caller, 'plan.manage');
  const { policies, hosts } = context.store;
  const before = await getPolicy(context, caller, id);
  const after: Policy = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    description: change.description === undefined ? before.description : checkDescription(change.description),
    policy: change.policy === undefined ? before.policy : checkRules(change.policy),
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  const [old, now] = [JSON.stringify(before.policy), JSON.stringify(after.policy)];
  const concerned = old === now ? [] : await policies.listHostsOfPolicy(caller.tenant, id);
  if (now.length > old.length) await demandSpecFits(context, caller, concerned, { policy: after });
  await policies.updatePolicy(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'policy.updated',
    target: { kind: 'policy', id, name: after.name },
    change: { before: describe(before), after: describe(after) },
  });
  await hosts.bumpSpec(caller.tenant, concerned);
  for (const host of concerned) context.directory.wake(host);
  publish(context, caller);
  return after;
}

/** `conflict` naming the plans that use it. */
export async function deletePolicy(context: CoreContext, caller: Caller, id: PolicyId): Promise<void> {
  demand(caller, 'plan.manage');
  const policy = await getPolicy(context, caller, id);
  await context.store.policies.deletePolicy(caller.tenant, id);
  await recordAct(context, caller, {
    action: 'policy.deleted',
    target: { kind: 'policy', id, name: policy.name },
    change: describe(policy),
  });
  publish(context, caller);
}
