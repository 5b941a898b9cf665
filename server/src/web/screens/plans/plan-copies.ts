/** The second repository of a plan: in its form, and what its page says of it. */
import { idSchema, type PolicyId, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { isAllowed } from '../../../core/caller.ts';
import { copyPlan, listUncopied } from '../../../core/plans/plan-copies.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import type { Plan } from '../../../store/plans.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findId, getParam } from '../params.ts';
import { offerRepositories, toRepositoryOption } from '../repositories/offered-repositories.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import type { CopiesFormView, PlanCopiesView } from './plan-copies.view.ts';
import { checkPolicyChoice, EVERYTHING, readPlanRetention, readPolicyChoices } from './plan-retention.ts';

/** As it stands in the form. */
export interface CopiesText {
  /** Empty: nowhere. */
  repository: string;
  policy: string;
}

export const NO_COPIES: CopiesText = { repository: '', policy: EVERYTHING };

export function readCopiesText({ form }: Pick<Visit, 'form'>): CopiesText {
  const cut = (name: string) => readText(form, name).slice(0, 100);
  return { repository: cut('copyRepository'), policy: cut('copyPolicy') };
}

export function toCopiesText({ copyRepository, copyPolicy }: Plan): CopiesText {
  return { repository: copyRepository ?? '', policy: copyPolicy ?? EVERYTHING };
}

type Copies = { copyRepository: RepositoryId | undefined; copyPolicy: PolicyId | undefined };

/** What is chosen for copies counts only where they have somewhere to go. */
export function checkCopies(text: CopiesText): { copies: Copies } | { fields: Record<string, string> } {
  if (text.repository === '') return { copies: { copyRepository: undefined, copyPolicy: undefined } };
  const copyRepository = findId(text.repository, idSchema('repository'));
  const policy = checkPolicyChoice(text.policy);
  if (copyRepository === undefined) return { fields: { copyRepository: 'Choose one of the repositories.' } };
  if ('problem' in policy) return { fields: { copyPolicy: policy.problem } };
  return { copies: { copyRepository, copyPolicy: policy.policy } };
}

export async function readCopiesForm(
  context: CoreContext,
  visit: Visit,
  text: CopiesText,
  action: string,
): Promise<CopiesFormView> {
  const policy = text.policy === '' ? EVERYTHING : text.policy;
  const sought = readSought(visit, 'copyRepository');
  const keep = [findId(text.repository, idSchema('repository'))];
  const offer = await offerRepositories(context, visit.caller, { find: sought.find, keep });
  return {
    repository: text.repository,
    policy,
    repositories: offer.rows.map(toRepositoryOption),
    search: describeSearch('Find a second repository', sought, offer, { field: 'copyRepository', action }),
    policies: await readPolicyChoices(context, visit),
  };
}

/** Missing backups that the page counts; of more it says that there are more. */
const COUNTED = 100;

/** What the page of the plan says; undefined without a second repository. */
export async function readPlanCopies(context: CoreContext, visit: Visit, plan: Plan): Promise<PlanCopiesView | undefined> {
  const { caller, urls } = visit;
  const { copyRepository } = plan;
  if (copyRepository === undefined) return undefined;
  const missing = await listUncopied(context, caller, plan, COUNTED);
  const filter = { plan: plan.id, kind: 'copy', repository: copyRepository } as const;
  const [last] = (await listRuns(context, caller, filter, { limit: 1 })).rows;
  const names = await loadNames(context, caller, { repositories: [copyRepository] });
  return {
    repository: {
      name: nameOf(names.repositories, copyRepository, 'repository'),
      href: urls.repository({ repository: copyRepository }),
    },
    missing: missing.length,
    hasMore: missing.length === COUNTED,
    newestMissing: missing[0]?.createdAt,
    ...(last
      ? { last: { href: urls.run({ run: last.id }), state: last.state, isOver: isTerminal(last.state), at: last.createdAt } }
      : {}),
    retention: await readPlanRetention(context, visit, plan, copyRepository),
    copiesHref: urls.snapshots({ plan: plan.id, repository: copyRepository }),
    ...(missing.length > 0 && isAllowed(caller, 'run.start') ? { action: urls.copyPlan({ plan: plan.id }) } : {}),
  };
}

async function copyNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls } = visit;
  const id = getParam(visit, 'plan', idSchema('plan'));
  try {
    const { runs } = await copyPlan(context, visit.caller, id);
    const [first] = runs;
    if (runs.length === 1 && first !== undefined) return { kind: 'redirect', to: urls.run({ run: first.id }) };
    return {
      kind: 'redirect',
      to: urls.runs({ plan: id, kind: 'copy' }),
      flash: { tone: 'good', text: 'What is missing is copied.' },
    };
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.plan({ plan: id }), flash: { tone: 'bad', text: thrown.message } };
  }
}

export const PLAN_COPY_SCREENS: readonly ScreenRoute[] = [{ method: 'post', path: PAGES.copyPlan, handle: copyNow }];
