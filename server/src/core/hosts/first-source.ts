/** What an enrolment token prepares for a host that joins with it: a first source of files, in a plan that is there already. */
import { filesSource } from '@holdfast/shared/adapters/sources/files.ts';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { createFieldsError, parseAdapterInput } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { getPlan, updatePlan } from '../plans/plans.ts';
import type { CoreContext } from '../ports.ts';
import { createSource } from '../sources/sources.ts';

export interface FirstSource {
  /** Absolute; none: no source is made. */
  paths: readonly string[];
  /** Takes the source besides those it has; undefined: the source waits for a plan. */
  plan?: PlanId | undefined;
}

const NAME = 'Files';
/** Hosts that join at once change the same plan; each tries again with what the others made of it. */
const JOIN_ATTEMPTS = 20;

/**
 * What can be known before a host is there.
 * @throws AppError `invalid` by field, when a path is not absolute, or a plan is unknown, has no path to take, or keeps to a folder of one host.
 */
export async function checkFirstSource(context: CoreContext, caller: Caller, { paths, plan }: FirstSource): Promise<void> {
  if (paths.length > 0) parseAdapterInput(filesSource.fields, { config: { paths }, secrets: {} });
  if (plan === undefined) return;
  if (paths.length === 0) throw createFieldsError({ paths: 'Paths: say what the plan is to back up on these hosts' });
  const joined = await context.store.plans.findPlan(caller.tenant, plan);
  if (!joined) throw createFieldsError({ plan: 'Plan: there is no such plan' });
  const repositories = [joined.repository, ...(joined.copyRepository === undefined ? [] : [joined.copyRepository])];
  for (const id of repositories) {
    const repository = await context.store.repositories.findRepository(caller.tenant, id);
    if (repository?.kind === 'local')
      throw createFieldsError({
        plan: 'Plan: its repository is a folder of one host; choose a plan with a repository on the network',
      });
  }
}

/**
 * Gives a host that just joined its first source, and puts it into the plan. Never fails the joining: what could not be done stands in the audit,
 * and the host shows as one without protection until a person makes up for it.
 */
export async function prepareFirstSource(
  context: CoreContext,
  caller: Caller,
  host: { readonly id: HostId; readonly name: string },
  { paths, plan }: FirstSource,
): Promise<void> {
  if (paths.length === 0) return;
  try {
    const source = await createSource(context, caller, {
      host: host.id,
      name: NAME,
      kind: filesSource.kind,
      config: { paths },
      secrets: {},
    });
    if (plan !== undefined) await join(context, caller, plan, source.id);
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    await recordAct(context, caller, {
      action: 'host.first_source_refused',
      target: { kind: 'host', id: host.id, name: host.name },
      change: { paths, plan: plan ?? null, code, message },
    });
  }
}

async function join(
  context: CoreContext,
  caller: Caller,
  id: PlanId,
  source: Awaited<ReturnType<typeof createSource>>['id'],
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const plan = await getPlan(context, caller, id);
    try {
      await updatePlan(context, caller, id, { sources: [...plan.sources, source] }, plan.version);
      return;
    } catch (thrown) {
      if (toAppError(thrown).code !== 'conflict' || attempt === JOIN_ATTEMPTS) throw thrown;
    }
  }
}
