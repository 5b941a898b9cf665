/** The page of `/settings/alert-rules`: what differs for tags, plans and repositories, maintenance windows, and who is told when nobody takes an alert. */
import { DAY_NAMES } from '@holdfast/shared/domain/calendar.ts';
import { listChannels } from '../../../core/alerts/channels.ts';
import { getRules } from '../../../core/alerts/rule-settings.ts';
import type { AlertRules, MaintenanceWindow } from '../../../core/alerts/rules.ts';
import { findWindowEnd } from '../../../core/alerts/windows.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatStamp } from '../../ui/time.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem } from '../forms/form-problem.ts';
import { readList, readText } from '../forms/form-values.ts';
import { findParts } from '../params.ts';
import { describeWindow } from '../periods/window-words.ts';
import { buildShell } from '../shell.ts';
import { readRuleChoices } from './alert-rule-choices.ts';
import {
  type AlertRulesView,
  alertRulesPage,
  type FormName,
  foundRuleParts,
  type RuleForm,
  type RuleLine,
} from './alert-rules.view.ts';

const LEAST_WORDS = { critical: 'critical alerts', warning: 'warnings and critical alerts', notice: 'all alerts' } as const;
/** Names of the fields of all its forms. */
export const RULE_FIELDS: readonly string[] = [
  'of',
  'failuresInARow',
  'silentMinutes',
  'hostDiskGib',
  'storedGib',
  'name',
  'from',
  'to',
  'zone',
  'begins',
  'hours',
  'afterMinutes',
  'least',
  'channel',
];

interface Names {
  plans: ReadonlyMap<string, string>;
  repositories: ReadonlyMap<string, string>;
  channels: ReadonlyMap<string, string>;
}

function describeTarget({ plan, tag }: { plan?: string | undefined; tag?: string | undefined }, names: Names): string {
  if (plan !== undefined) return `the plan ${names.plans.get(plan) ?? 'that is gone'}`;
  return tag === undefined ? 'everything' : `hosts with the tag ${tag}`;
}

function listThresholds(rules: AlertRules, names: Names): readonly RuleLine[] {
  const times = (count: number | undefined) => (count === undefined ? [] : [`${count} unclean in a row`]);
  return [
    ...rules.tags.map((rule): RuleLine => {
      const words = [
        ...times(rule.failuresInARow),
        ...(rule.silentMinutes === undefined ? [] : [`silent for ${rule.silentMinutes} min`]),
        ...(rule.hostDiskGib === undefined ? [] : [`less than ${rule.hostDiskGib} GiB left`]),
      ];
      return { key: `tag:${rule.tag}`, title: describeTarget(rule, names), detail: words.join(' · ') };
    }),
    ...rules.plans.map(
      (rule): RuleLine => ({
        key: `plan:${rule.plan}`,
        title: describeTarget(rule, names),
        detail: times(rule.failuresInARow).join(),
      }),
    ),
    ...rules.repositories.map(
      ({ repository, storedGib }): RuleLine => ({
        key: `repository:${repository}`,
        title: `the repository ${names.repositories.get(repository) ?? 'that is gone'}`,
        detail: `more than ${storedGib} GiB stored`,
      }),
    ),
  ];
}

function describeTimes(window: MaintenanceWindow, face: Clockface): string {
  if (window.kind === 'once') return `${formatStamp(window.fromAt, face.zone)} to ${formatStamp(window.toAt, face.zone)}`;
  return `${describeWindow(window)} (${window.zone})`;
}

/** What names a line to the form that removes it. */
export const keyOfWindow = (window: MaintenanceWindow, index: number): string => `window:${index}:${window.name}`;
export const keyOfStep = (step: AlertRules['escalation'][number], index: number): string => `step:${index}:${step.channel}`;

async function readNames(context: CoreContext, { caller }: Visit, rules: AlertRules): Promise<Names> {
  const [channels, ruled, limited] = await Promise.all([
    listChannels(context, caller),
    context.store.plans.findPlans(caller.tenant, [
      ...rules.plans.map(({ plan }) => plan),
      ...rules.windows.flatMap(({ plan }) => plan ?? []),
    ]),
    context.store.repositories.findRepositories(
      caller.tenant,
      rules.repositories.map(({ repository }) => repository),
    ),
  ]);
  return {
    plans: new Map(ruled.map(({ id, name }) => [id, name])),
    repositories: new Map(limited.map(({ id, name }) => [id, name])),
    channels: new Map(channels.map(({ id, name }) => [id, name])),
  };
}

/** A form that comes back as it was typed: refused, or for a search alone. */
export interface TypedRule {
  form: FormName;
  problem: FormProblem;
}

function buildForms(visit: Visit, typed: TypedRule | undefined) {
  const zone = visit.frame.zone ?? 'UTC';
  const empty: RuleForm = { values: { zone, least: 'critical' }, errors: {} };
  const filled: RuleForm = {
    values: Object.fromEntries(RULE_FIELDS.map((name) => [name, readText(visit.form, name)])),
    errors: typed?.problem.fields ?? {},
    problem: typed?.problem.text,
  };
  const of = (name: FormName) => (typed?.form === name ? filled : empty);
  return { rule: of('rule'), limit: of('limit'), weekly: of('weekly'), once: of('once'), step: of('step') };
}

async function readManage(
  context: CoreContext,
  visit: Visit,
  rules: AlertRules,
  channels: Names['channels'],
  typed: TypedRule | undefined,
): Promise<NonNullable<AlertRulesView['manage']>> {
  const { urls } = visit;
  const forms = buildForms(visit, typed);
  return {
    addRule: urls.addAlertRule(),
    addWindow: urls.addAlertWindow(),
    addStep: urls.addEscalation(),
    remove: urls.removeAlertRule(),
    addLimit: urls.addRepositoryLimit(),
    choices: await readRuleChoices(context, visit, rules, forms),
    channels: [{ value: '', label: 'Choose…' }, ...[...channels].map(([value, label]) => ({ value, label }))],
    forms,
    days: typed?.form === 'weekly' ? readList(visit.form, 'days') : ['6', '0'],
    dayNames: DAY_NAMES,
  };
}

export async function replyWithRules(context: CoreContext, visit: Visit, typed?: TypedRule): Promise<PageReply> {
  const { caller, urls } = visit;
  const rules = await getRules(context, caller);
  const names = await readNames(context, visit, rules);
  const mayManage = isAllowed(caller, 'channel.manage');
  const manage = mayManage ? await readManage(context, visit, rules, names.channels, typed) : undefined;
  const part = manage && (await findParts(visit, foundRuleParts(manage)));
  if (part) return part;
  const face = readClockface(context, visit);
  const windows = rules.windows.map((window, index): RuleLine => {
    const isOn = findWindowEnd(window, face.now) !== undefined;
    const detail = `${describeTarget(window, names)} · ${describeTimes(window, face)}`;
    return { key: keyOfWindow(window, index), title: window.name, detail, isOn };
  });
  const on = windows.filter(({ isOn }) => isOn).length;
  const view: AlertRulesView = {
    heading: on === 0 ? 'No maintenance window is on.' : `${formatNoun(on, 'maintenance window')} ${on === 1 ? 'is' : 'are'} on.`,
    alertsHref: urls.alerts(),
    thresholds: listThresholds(rules, names),
    windows,
    escalation: rules.escalation.map((step, index) => ({
      key: keyOfStep(step, index),
      title: `After ${step.afterMinutes} min: ${names.channels.get(step.channel) ?? 'a channel that is gone'}`,
      detail: LEAST_WORDS[step.least],
    })),
    manage,
  };
  const html = alertRulesPage(await buildShell(context, visit, 'alerts'), view);
  return { kind: 'page', status: typed !== undefined && hasProblem(typed.problem) ? 422 : 200, html };
}
