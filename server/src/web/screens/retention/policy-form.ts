/** `/retention/new`, `/retention/:policy/edit`, and the preview of what is typed. */
import { idSchema, type PolicyId } from '@holdfast/shared/domain/ids.ts';
import { describePolicy, RETENTION_PRESETS } from '@holdfast/shared/domain/retention-policy.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { createPolicy, getPolicy, updatePolicy } from '../../../core/retention/retention-policies.ts';
import type { Policy } from '../../../store/policies.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { type PolicyFormView, policyFormPage } from './policy-form.view.ts';
import { checkRulesText, type RulesText, readRulesText, toRulesText } from './policy-rules.ts';
import { imagineYear } from './retention-year.ts';
import { yearPreview } from './retention-year.view.ts';

interface Draft {
  name: string;
  description: string;
  rules: RulesText;
}

interface Scene {
  policy?: Policy | undefined;
  draft: Draft;
  problem: FormProblem;
}

/** A year of what is typed, in words as well; or what is wrong with it. */
function previewRules(context: CoreContext, visit: Visit, rules: RulesText): Pick<PolicyFormView, 'year' | 'words'> {
  const checked = checkRulesText(rules);
  if ('problem' in checked) {
    const { text, fields } = checked.problem;
    return { year: { problem: text ?? `Not yet: ${Object.values(fields).join('; ')}.` } };
  }
  const year = imagineYear(checked.policy, context.clock.now(), visit.frame.zone ?? 'UTC');
  return { year, words: describePolicy(checked.policy, formatBytes) };
}

async function describeEffect(context: CoreContext, policy: Policy): Promise<string | undefined> {
  const plans = (await context.store.policies.countPlansOfPolicies(policy.tenant, [policy.id])).get(policy.id) ?? 0;
  if (plans === 0) return undefined;
  return `${formatNoun(plans, 'plan')} ${plans === 1 ? 'goes' : 'go'} by the new rules after ${plans === 1 ? 'its' : 'their'} next clean run.`;
}

async function replyForm(context: CoreContext, visit: Visit, { policy, draft, problem }: Scene): Promise<PageReply> {
  const { urls } = visit;
  const list = { label: 'Retention', href: urls.retention() };
  const href = policy === undefined ? urls.retention() : urls.policy({ policy: policy.id });
  const here = policy === undefined ? urls.addPolicy() : urls.editPolicy({ policy: policy.id });
  const view: PolicyFormView = {
    title: policy === undefined ? 'New retention policy' : `Edit ${policy.name}`,
    heading: policy === undefined ? 'How long should snapshots be kept?' : `Change the policy “${policy.name}”.`,
    crumbs: policy === undefined ? [list, { label: 'New policy' }] : [list, { label: policy.name, href }, { label: 'Edit' }],
    action: here,
    cancelHref: href,
    submit: policy === undefined ? 'Make the policy' : 'Save the policy',
    version: policy && (Number(findText(visit.form, 'version', 12) ?? policy.version) || policy.version),
    values: { ...draft.rules.values, name: draft.name, description: draft.description },
    everything: draft.rules.everything,
    presets:
      policy === undefined
        ? RETENTION_PRESETS.map(({ key, name }) => ({ label: name, href: urls.addPolicy({ preset: key }) }))
        : [],
    yearUrl: urls.previewPolicy(),
    ...previewRules(context, visit, draft.rules),
    effect: policy && (await describeEffect(context, policy)),
    problem: problem.text,
    errors: problem.fields,
  };
  const status = hasProblem(problem) ? 422 : 200;
  return { kind: 'page', status, html: policyFormPage(await buildShell(context, visit, 'retention'), view) };
}

async function showAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  const key = findText(visit.query, 'preset');
  const chosen = RETENTION_PRESETS.find((preset) => preset.key === key);
  const [standard] = RETENTION_PRESETS;
  const rules = toRulesText(chosen?.policy ?? standard?.policy ?? { kind: 'everything' });
  return replyForm(context, visit, { draft: { name: chosen?.name ?? '', description: '', rules }, problem: NO_PROBLEM });
}

async function getEdited(context: CoreContext, visit: Visit): Promise<Policy> {
  demand(visit.caller, 'plan.manage');
  const id: PolicyId = getParam(visit, 'policy', idSchema('policy'));
  return getPolicy(context, visit.caller, id);
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const policy = await getEdited(context, visit);
  const { name, description } = policy;
  return replyForm(context, visit, {
    policy,
    draft: { name, description, rules: toRulesText(policy.policy) },
    problem: NO_PROBLEM,
  });
}

async function save(context: CoreContext, visit: Visit, policy: Policy | undefined): Promise<PageReply> {
  const { form, caller, urls } = visit;
  const rules = readRulesText(form);
  const draft = { name: readText(form, 'name').slice(0, 500), description: readText(form, 'description').slice(0, 500), rules };
  const checked = checkRulesText(rules);
  if ('problem' in checked) return replyForm(context, visit, { policy, draft, problem: checked.problem });
  const input = { name: draft.name, description: draft.description, policy: checked.policy };
  const version = Number(findText(form, 'version', 12) ?? Number.NaN);
  try {
    const saved =
      policy === undefined
        ? await createPolicy(context, caller, input)
        : await updatePolicy(context, caller, policy.id, input, Number.isInteger(version) ? version : undefined);
    const text = `The policy “${saved.name}” is saved.`;
    return { kind: 'redirect', to: urls.policy({ policy: saved.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    return replyForm(context, visit, { policy, draft, problem: toFormProblem(thrown) });
  }
}

async function preview(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'view');
  const { year, words } = previewRules(context, visit, readRulesText(visit.query));
  return { kind: 'page', html: yearPreview(year, words) };
}

export const POLICY_FORM_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.addPolicy, handle: showAdd },
  {
    method: 'post',
    path: PAGES.addPolicy,
    async handle(context, visit) {
      demand(visit.caller, 'plan.manage');
      return save(context, visit, undefined);
    },
  },
  { method: 'get', path: PAGES.previewPolicy, handle: preview },
  { method: 'get', path: PAGES.editPolicy, handle: showEdit },
  {
    method: 'post',
    path: PAGES.editPolicy,
    handle: async (context, visit) => save(context, visit, await getEdited(context, visit)),
  },
];
