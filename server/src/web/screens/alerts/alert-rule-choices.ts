/** What rules and windows can be for, and whose storage can have a limit: each form of the page has its own choice, and its own search. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { AlertRules } from '../../../core/alerts/rules.ts';
import { listTags } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Visit } from '../../http/route.ts';
import type { FieldOption } from '../../ui/form.ts';
import { type ChoiceSearch, searchName } from '../forms/choice-search.view.ts';
import { describeSearch, type Offer, readSought } from '../forms/offer.ts';
import { findId } from '../params.ts';
import { offerPlans } from '../plans/offered-plans.ts';
import { offerRepositories } from '../repositories/offered-repositories.ts';
import { type FormName, ofField, type RuleForm, SEARCHED_FORMS, type SearchedForm } from './alert-rules.view.ts';

export interface RuleChoice {
  options: readonly FieldOption[];
  search: ChoiceSearch | undefined;
}

const PLAN = 'plan:';
const CHOOSE: FieldOption = { value: '', label: 'Choose…' };

/** The form whose search was sent; nothing is saved by that. */
export function findSearchedForm(visit: Visit): SearchedForm | undefined {
  return SEARCHED_FORMS.find(
    (form) => Object.hasOwn(visit.form, searchName(ofField(form))) && readSought(visit, ofField(form)).isAsked,
  );
}

/** What is chosen in each form stays, whatever is searched for. Plans of rules are always offered: theirs are changed here. */
export async function readRuleChoices(
  context: CoreContext,
  visit: Visit,
  rules: AlertRules,
  forms: Readonly<Record<FormName, RuleForm>>,
): Promise<Readonly<Record<SearchedForm, RuleChoice>>> {
  const { caller, urls } = visit;
  const chosen = (form: SearchedForm) => forms[form].values['of'] ?? '';
  const chosenPlan = (form: SearchedForm) => findId(chosen(form).slice(PLAN.length), idSchema('plan'));
  const ruled = rules.plans.map(({ plan }) => plan);
  const [tags, plans] = await Promise.all([
    listTags(context, caller),
    offerPlans(context, caller, { keep: [...ruled, chosenPlan('rule'), chosenPlan('weekly'), chosenPlan('once')] }),
  ]);
  const describe = (form: SearchedForm, action: string, offer: Offer<unknown>, label: string) =>
    describeSearch(label, readSought(visit, ofField(form)), offer, { field: ofField(form), action });
  const target = async (form: SearchedForm, action: string, first: FieldOption): Promise<RuleChoice> => {
    const { find } = readSought(visit, ofField(form));
    const offer = find === '' ? plans : await offerPlans(context, caller, { find, keep: [chosenPlan(form)] });
    const options = [
      first,
      ...tags.map((tag) => ({ value: `tag:${tag}`, label: `hosts with the tag ${tag}` })),
      ...offer.rows.map(({ id, name }) => ({ value: `${PLAN}${id}`, label: `the plan ${name}` })),
    ];
    return { options, search: describe(form, action, offer, 'Find a plan') };
  };
  const { find } = readSought(visit, ofField('limit'));
  const repositories = await offerRepositories(context, caller, {
    find,
    keep: [findId(chosen('limit'), idSchema('repository')), ...rules.repositories.map(({ repository }) => repository)],
  });
  const all = { value: 'all', label: 'everything' };
  return {
    rule: await target('rule', urls.addAlertRule(), CHOOSE),
    weekly: await target('weekly', urls.addAlertWindow(), all),
    once: await target('once', urls.addAlertWindow(), all),
    limit: {
      options: [CHOOSE, ...repositories.rows.map(({ id, name }) => ({ value: id, label: name }))],
      search: describe('limit', urls.addRepositoryLimit(), repositories, 'Find a repository'),
    },
  };
}
