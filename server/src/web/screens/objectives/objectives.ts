/** `/objectives`: how old backups and proofs may be, for the fleet, for tags and for plans. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { FleetLook } from '../../../core/fleet/look.ts';
import { listTags } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { getObjectives, saveObjectives } from '../../../core/protection/objective-settings.ts';
import type { Objectives } from '../../../core/protection/objectives.ts';
import type { Plan } from '../../../store/plans.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { formatCount, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { dropPrefix, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findId, findParts } from '../params.ts';
import { offerPlans } from '../plans/offered-plans.ts';
import { buildShell } from '../shell.ts';
import { type ObjectiveLine, type ObjectivesView, objectivesPage, RULED, ruledField } from './objectives.view.ts';

const MINUTES = 60;

/** `plan:…` or `tag:…`, as the form's choice has it. */
type Target = { kind: 'plan'; id: Plan['id'] } | { kind: 'tag'; tag: string };

function findTarget(text: string): Target | undefined {
  const plan = text.startsWith('plan:') ? findId(text.slice('plan:'.length), idSchema('plan')) : undefined;
  if (plan !== undefined) return { kind: 'plan', id: plan };
  return text.startsWith('tag:') ? { kind: 'tag', tag: text.slice('tag:'.length) } : undefined;
}

type Amounts = Objectives['fleet'];

/** What is typed, or a word at the field that cannot be read. */
function readAmounts({ form }: Visit): { amounts: Amounts } | { problem: FormProblem } {
  const fields: Record<string, string> = {};
  const read = (name: string, perUnit: number): number | undefined => {
    const text = readText(form, name).trim();
    if (text === '') return undefined;
    const amount = Number(text.replace(',', '.')) * perUnit;
    if (Number.isFinite(amount) && amount > 0) return Math.round(amount);
    fields[name] = 'must be a number';
    return undefined;
  };
  const backupMinutes = read('hours', MINUTES);
  const proofDays = read('days', 1);
  if (Object.keys(fields).length > 0) return { problem: { fields } };
  return {
    amounts: { ...(backupMinutes === undefined ? {} : { backupMinutes }), ...(proofDays === undefined ? {} : { proofDays }) },
  };
}

function describeAmounts({ backupMinutes, proofDays }: Amounts): Pick<ObjectiveLine, 'backup' | 'proof'> {
  return {
    backup: backupMinutes === undefined ? '—' : formatSpan((backupMinutes * HOUR_MS) / MINUTES),
    proof: proofDays === undefined ? '—' : formatNoun(proofDays, 'day'),
  };
}

function listRules(objectives: Objectives, plans: ReadonlyMap<string, Plan>, visit: Visit): readonly ObjectiveLine[] {
  const { urls, caller } = visit;
  const removal = (value: string) => (isAllowed(caller, 'plan.manage') ? { action: urls.removeObjective(), value } : undefined);
  return [
    ...objectives.tags.map((rule, index): ObjectiveLine => {
      const words = describeAmounts(rule);
      return { id: `tag-${index}`, what: rule.tag, kind: 'tag', ...words, removal: removal(`tag:${rule.tag}`) };
    }),
    ...objectives.plans.map((rule): ObjectiveLine => {
      const href = plans.has(rule.plan) ? urls.plan({ plan: rule.plan }) : undefined;
      const what = plans.get(rule.plan)?.name ?? 'a deleted plan';
      return { id: rule.plan, what, href, kind: 'plan', ...describeAmounts(rule), removal: removal(`plan:${rule.plan}`) };
    }),
  ];
}

/** How many sources meet the objective of their backups; what is switched off owes none. */
function describeStanding({ sources, at }: FleetLook): string {
  const ages = sources.flatMap(({ source, protection }) => {
    const { backup } = source.objectives;
    return backup === undefined || protection.status === 'paused'
      ? []
      : [{ goodAt: source.standing?.lastGoodAt, mostMs: backup.ms }];
  });
  const met = ages.filter(({ goodAt, mostMs }) => goodAt !== undefined && at - goodAt <= mostMs).length;
  const of = formatNoun(ages.length, 'source');
  if (ages.length === 0) return 'No source that a plan backs up has a backup objective.';
  return `${formatCount(met)} of ${of} with a backup objective ${met === 1 ? 'meets' : 'meet'} it.`;
}

function describeObjectives({ fleet, plans, tags }: Objectives, look: FleetLook): string {
  const count = plans.length + tags.length;
  const own =
    count === 0 ? '' : ` ${formatNoun(count, 'tag or plan', 'tags and plans')} ${count === 1 ? 'has its' : 'have their'} own.`;
  const isSet = [fleet, ...plans, ...tags].some(({ backupMinutes }) => backupMinutes !== undefined);
  return `${isSet ? describeStanding(look) : 'How late a backup may be, its schedule says.'}${own}`;
}

/** What a new rule can be for. Plans that have one are always offered: theirs is changed here. */
async function readChoices(
  context: CoreContext,
  visit: Visit,
  { plans }: Objectives,
): Promise<Pick<ObjectivesView['add'], 'choices' | 'chosen' | 'search'>> {
  const { caller, form, urls } = visit;
  const chosen = readText(form, RULED);
  const target = findTarget(chosen);
  const keep = [target?.kind === 'plan' ? target.id : undefined, ...plans.map(({ plan }) => plan)];
  const sought = readSought(visit, RULED);
  const [tags, offer] = await Promise.all([listTags(context, caller), offerPlans(context, caller, { find: sought.find, keep })]);
  return {
    choices: [
      { value: '', label: 'Choose…' },
      ...tags.map((tag) => ({ value: `tag:${tag}`, label: `hosts with the tag ${tag}` })),
      ...offer.rows.map(({ id, name }) => ({ value: `plan:${id}`, label: `the plan ${name}` })),
    ],
    chosen,
    search: describeSearch('Find a plan', sought, offer, { field: RULED, action: urls.addObjective() }),
  };
}

/** A form that comes back as it was typed: refused, or for a search alone. */
interface Typed {
  at: 'fleet' | 'add';
  problem: FormProblem;
}

async function reply(context: CoreContext, visit: Visit, back?: Typed): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const objectives = await getObjectives(context, caller);
  const ruled = await context.store.plans.findPlans(
    caller.tenant,
    objectives.plans.map(({ plan }) => plan),
  );
  const plans = new Map<string, Plan>(ruled.map((plan) => [plan.id, plan]));
  const typed = { hours: readText(form, 'hours'), days: readText(form, 'days'), errors: back?.problem.fields ?? {} };
  const { backupMinutes, proofDays } = objectives.fleet;
  const stored = {
    hours: backupMinutes === undefined ? '' : String(backupMinutes / MINUTES),
    days: String(proofDays ?? ''),
    errors: {},
  };
  const add: ObjectivesView['add'] = {
    ...(await readChoices(context, visit, objectives)),
    ...(back?.at === 'add' ? typed : { hours: '', days: '', errors: {} }),
    problem: back?.at === 'add' ? back.problem.text : undefined,
  };
  const part = await findParts(visit, { [fieldPartId(RULED)]: () => foundChoices(ruledField(add), add.search) });
  if (part) return part;
  const view: ObjectivesView = {
    heading: describeObjectives(objectives, await context.fleet.look(caller.tenant)),
    fleet: back?.at === 'fleet' ? typed : stored,
    rules: listRules(objectives, plans, visit),
    add,
    actions: isAllowed(caller, 'plan.manage') ? { fleet: urls.setFleetObjectives(), add: urls.addObjective() } : undefined,
  };
  return {
    kind: 'page',
    status: back !== undefined && hasProblem(back.problem) ? 422 : 200,
    html: objectivesPage(await buildShell(context, visit, 'objectives'), view),
  };
}

async function change(
  context: CoreContext,
  visit: Visit,
  at: 'fleet' | 'add',
  next: Objectives,
  text: string,
): Promise<PageReply> {
  try {
    await saveObjectives(context, visit.caller, next);
  } catch (thrown) {
    const { text: said, fields } = toFormProblem(thrown);
    // The core names the rule; the form has one field for each amount.
    const named = Object.entries(fields).map(([path, word]) => [
      /Minutes/u.test(path) ? 'hours' : /Days/u.test(path) ? 'days' : 'of',
      word,
    ]);
    return reply(context, visit, { at, problem: { text: said, fields: Object.fromEntries(named) } });
  }
  return { kind: 'redirect', to: visit.urls.objectives(), flash: { tone: 'good', text } };
}

async function postFleet(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  const read = readAmounts(visit);
  if ('problem' in read) return reply(context, visit, { at: 'fleet', problem: read.problem });
  const before = await getObjectives(context, visit.caller);
  return change(context, visit, 'fleet', { ...before, fleet: read.amounts }, 'Saved. It holds for the whole fleet.');
}

function without(objectives: Objectives, target: Target): Objectives {
  return {
    ...objectives,
    plans: objectives.plans.filter(({ plan }) => target.kind !== 'plan' || plan !== target.id),
    tags: objectives.tags.filter(({ tag }) => target.kind !== 'tag' || tag !== target.tag),
  };
}

async function postRule(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  if (readSought(visit, RULED).isAsked) return reply(context, visit, { at: 'add', problem: NO_PROBLEM });
  const target = findTarget(readText(visit.form, RULED));
  if (target === undefined) return reply(context, visit, { at: 'add', problem: { fields: { of: 'choose a tag or a plan' } } });
  const read = readAmounts(visit);
  if ('problem' in read) return reply(context, visit, { at: 'add', problem: read.problem });
  if (Object.keys(read.amounts).length === 0)
    return reply(context, visit, { at: 'add', problem: { fields: { hours: 'say how old a backup or a proof may be' } } });
  const rest = without(await getObjectives(context, visit.caller), target);
  const next =
    target.kind === 'plan'
      ? { ...rest, plans: [...rest.plans, { plan: target.id, ...read.amounts }] }
      : { ...rest, tags: [...rest.tags, { tag: target.tag, ...read.amounts }] };
  return change(context, visit, 'add', next, 'The objective is set.');
}

async function postRemoval(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  const target = findTarget(readText(visit.form, 'of'));
  const before = await getObjectives(context, visit.caller);
  return change(context, visit, 'add', target === undefined ? before : without(before, target), 'The objective is removed.');
}

export const OBJECTIVE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.objectives, handle: (context, visit) => reply(context, visit) },
  {
    method: 'post',
    path: PAGES.setFleetObjectives,
    handle: (context, visit) => postFleet(context, { ...visit, form: dropPrefix(visit.form, ['fleet']) }),
  },
  { method: 'post', path: PAGES.addObjective, handle: postRule },
  { method: 'post', path: PAGES.removeObjective, handle: postRemoval },
];
