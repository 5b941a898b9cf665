/** What a channel is told, as a section of its form: only what its kind has a form for. */
import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { ALERT_CONDITIONS, getConditionRule } from '../../../core/alerts/conditions.ts';
import type { MessageType } from '../../../core/alerts/message.ts';
import {
  ACT_GROUPS,
  type ActGroup,
  DIGESTS,
  EVERY_ALERT,
  LEAST_CHOICES,
  RUN_ENDS,
  type Subscription,
} from '../../../core/alerts/subscription.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Visit } from '../../http/route.ts';
import type { Field, FieldSection } from '../../ui/form.ts';
import { type ChoiceSearch, isSearched, searchedField } from '../forms/choice-search.view.ts';
import { readList, readText, splitTags } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerPlans } from '../plans/offered-plans.ts';

/** The name of the boxes for plans. */
export const SUBSCRIBED = 'sub-plans';
const LEAST_LABELS: readonly (readonly [Subscription['least'], string])[] = [
  ['notice', 'every alert'],
  ['warning', 'warnings and critical alerts'],
  ['critical', 'critical alerts only'],
  ['none', 'no alerts'],
];
const ACT_LABELS: Readonly<Record<ActGroup, string>> = {
  restores: 'restores',
  failed_sign_ins: 'failed attempts to sign in',
  sign_ins: 'people signing in',
  people: 'changes of people, passwords and API keys',
  hosts: 'hosts that are approved, changed or revoked',
  setup: 'changes of sources, plans, repositories, retention and channels',
};
const planId = idSchema('plan');

type Hears = readonly MessageType[];
const hearsAlerts = (hears: Hears) => hears.includes('alert.raised');
/** Whose whole work is backups hears of each of them. */
const isMonitor = (hears: Hears) => hears.includes('run.started');
const choosesRuns = (hears: Hears) => hears.includes('run.failed') && !isMonitor(hears);
const hearsDigests = (hears: Hears) => hears.includes('digest.daily');
const hearsActs = (hears: Hears) => hears.includes('act.done');
const isNarrowed = (hears: Hears) => hearsAlerts(hears) || hears.includes('run.failed');

/** Of what was posted, what may be chosen at all. */
function pick<T extends string>(choices: readonly T[], posted: readonly string[]): T[] {
  return choices.filter((choice) => posted.includes(choice));
}

/**
 * The posted section; tags are as they were typed. A plan that is gone was not on the form and stays: without any the channel would be told of
 * everything.
 */
export async function readSubscriptionForm(
  { store }: CoreContext,
  hears: Hears,
  { caller, form }: Visit,
  before: Subscription = EVERY_ALERT,
): Promise<Subscription> {
  const there = new Set((await store.plans.findPlans(caller.tenant, before.plans)).map(({ id }) => id));
  const chosen = readList(form, SUBSCRIBED).flatMap((id) => planId.safeParse(id).data ?? []);
  const least = pick(LEAST_CHOICES, [readText(form, 'sub-least')])[0];
  return {
    least: (hearsAlerts(hears) ? least : undefined) ?? before.least,
    conditions: pick(ALERT_CONDITIONS, readList(form, 'sub-conditions')),
    plans: [...new Set([...before.plans.filter((id) => !there.has(id)), ...chosen])],
    tags: [...splitTags(readText(form, 'sub-tags'))],
    runs: pick(RUN_ENDS, readList(form, 'sub-runs')),
    digests: pick(DIGESTS, readList(form, 'sub-digests')),
    acts: pick(ACT_GROUPS, readList(form, 'sub-acts')),
  };
}

/** What it may be told of. */
function listTold(hears: Hears, { least, runs, digests, acts }: Subscription): readonly Field[] {
  const fields: (Field | false)[] = [
    hearsAlerts(hears) && {
      name: 'sub-least',
      label: 'Alerts',
      kind: 'select',
      required: true,
      value: least,
      options: LEAST_LABELS.map(([value, label]) => ({ value, label })),
    },
    choosesRuns(hears) && {
      name: 'sub-runs',
      label: 'Backups of plans that',
      kind: 'multiselect',
      value: runs,
      help: 'One message for each backup, whether or not it is an alert.',
      options: [
        { value: 'succeeded', label: 'succeeded' },
        { value: 'partial', label: 'are only partial' },
        { value: 'failed', label: 'failed' },
      ],
    },
    hearsDigests(hears) && {
      name: 'sub-digests',
      label: 'Digests',
      kind: 'multiselect',
      value: digests,
      help: 'What is protected and what is not, growth and anomalies. When it does not come, this server does not work.',
      options: [
        { value: 'daily', label: 'every day' },
        { value: 'weekly', label: 'every week' },
      ],
    },
    hearsActs(hears) && {
      name: 'sub-acts',
      label: 'What people and programs do',
      kind: 'multiselect',
      value: acts,
      help: 'As the audit has it, whatever plans and tags are chosen.',
      options: ACT_GROUPS.map((value) => ({ value, label: ACT_LABELS[value] })),
    },
  ];
  return fields.filter((field) => field !== false);
}

/** The boxes for plans: what is ticked comes first, whatever is searched for. */
export interface PlanBoxes {
  field: Field;
  search: ChoiceSearch | undefined;
}

interface Narrowing {
  subscription: Subscription;
  /** By the name of an input. */
  errors: Readonly<Record<string, string>>;
}

/** What the news must be about. */
function listNarrowed(hears: Hears, { subscription, errors }: Narrowing, boxes: PlanBoxes): readonly Field[] {
  const fields: (Field | false)[] = [
    searchedField(boxes.field, boxes.search),
    {
      name: 'sub-tags',
      label: 'Tags of hosts',
      kind: 'text',
      value: subscription.tags.join(', '),
      help: 'With commas between them.',
      error: errors['sub-tags'],
    },
    hearsAlerts(hears) && {
      name: 'sub-conditions',
      label: 'Conditions',
      kind: 'multiselect',
      value: subscription.conditions,
      options: ALERT_CONDITIONS.map((value) => ({ value, label: getConditionRule(value).label })),
    },
  ];
  return fields.filter((field) => field !== false);
}

/** `action`: where the form is sent. */
export async function readPlanBoxes(
  context: CoreContext,
  visit: Visit,
  { subscription, errors }: Narrowing,
  action: string,
): Promise<PlanBoxes> {
  const sought = readSought(visit, SUBSCRIBED);
  const offer = await offerPlans(context, visit.caller, { find: sought.find, keep: subscription.plans });
  // Ticked ones stand together, also those that the search found.
  const isTicked = ({ id }: { id: PlanId }) => subscription.plans.includes(id);
  const plans =
    sought.find === '' ? offer.rows : [...offer.rows.filter(isTicked), ...offer.rows.filter((plan) => !isTicked(plan))];
  return {
    field: {
      name: SUBSCRIBED,
      label: 'Plans',
      kind: 'multiselect',
      value: subscription.plans,
      help: plans.length === 0 && sought.find === '' ? 'There is no plan yet.' : undefined,
      error: errors[SUBSCRIBED],
      options: plans.map(({ id, name }) => ({ value: id, label: name })),
    },
    search: describeSearch('Find a plan', sought, offer, { field: SUBSCRIBED, action }),
  };
}

/** Sections for the end of the form; none for a kind that is told of nothing but life. */
export async function buildSubscriptionSections(
  context: CoreContext,
  visit: Visit,
  hears: Hears,
  filling: Narrowing,
  action: string,
): Promise<readonly FieldSection[]> {
  if (!isNarrowed(hears)) return [];
  const boxes = await readPlanBoxes(context, visit, filling, action);
  const fields = listNarrowed(hears, filling, boxes);
  if (isMonitor(hears))
    return [
      {
        title: 'Backups of',
        help: 'Choose the plan this check is for. Nothing chosen means every backup of every plan, which one check cannot tell apart.',
        fields,
      },
    ];
  const { plans: some, tags, conditions } = filling.subscription;
  return [
    { title: 'It is told of', fields: listTold(hears, filling.subscription) },
    {
      title: 'Only of some plans, hosts or conditions',
      help: 'Nothing chosen means all. What concerns this server itself, its channels or the whole fleet is told whatever plans and tags are chosen.',
      folded: true,
      open: some.length + tags.length + conditions.length > 0 || isSearched(boxes.search),
      fields,
    },
  ];
}

/** In a few words, for the page of a channel. A plan that is gone is said to be: nothing is told of it any more. */
export async function describeSubscription(
  { store }: CoreContext,
  { caller }: Pick<Visit, 'caller'>,
  hears: Hears,
  { least, runs, digests, acts, plans, tags, conditions }: Subscription,
): Promise<readonly { label: string; value: string }[]> {
  if (!isNarrowed(hears)) return [];
  const found = await store.plans.findPlans(caller.tenant, plans);
  const names = [...found.map(({ name }) => name), ...plans.slice(found.length).map(() => 'a deleted plan')];
  const some = [
    names.length > 0 && `${names.length === 1 ? 'the plan' : 'the plans'} ${names.join(', ')}`,
    tags.length > 0 && `tags ${tags.join(', ')}`,
    conditions.length > 0 && conditions.map((condition) => getConditionRule(condition).label).join(', '),
  ].filter((part) => part !== false);
  return [
    ...(hearsAlerts(hears) ? [{ label: 'Alerts', value: LEAST_LABELS.find(([value]) => value === least)?.[1] ?? least }] : []),
    ...(choosesRuns(hears) ? [{ label: 'Backups', value: runs.length === 0 ? 'none' : runs.join(', ') }] : []),
    ...(hearsDigests(hears) ? [{ label: 'Digests', value: digests.length === 0 ? 'none' : digests.join(', ') }] : []),
    ...(acts.length === 0 ? [] : [{ label: 'Acts', value: acts.map((group) => ACT_LABELS[group]).join(', ') }]),
    ...(some.length === 0 ? [] : [{ label: 'Only of', value: some.join('; ') }]),
  ];
}
