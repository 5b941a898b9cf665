/** What is done on `/settings/alert-rules`: each form becomes the whole of the rules with its change in them, and that is saved. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { isKnownZone } from '@holdfast/shared/domain/schedule.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { getRules, saveRules } from '../../../core/alerts/rule-settings.ts';
import { alertRulesSchema } from '../../../core/alerts/rules.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { dropPrefix, readList, readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { findSearchedForm } from './alert-rule-choices.ts';
import { FORM_NAMES, type FormName } from './alert-rules.view.ts';
import { keyOfStep, keyOfWindow, RULE_FIELDS, replyWithRules } from './alert-rules-page.ts';

/** A plan or a tag as a form's choice has it; `all` is neither. */
function readTarget(text: string): { plan?: string; tag?: string } | undefined {
  if (text === 'all') return {};
  if (text.startsWith('tag:')) return { tag: text.slice('tag:'.length) };
  const plan = text.startsWith('plan:') ? findId(text.slice('plan:'.length), idSchema('plan')) : undefined;
  return plan && { plan };
}

/** Undefined for an empty field, NaN for what is no number. */
function readNumber({ form }: Visit, name: string): number | undefined {
  const text = readText(form, name).trim().replace(',', '.');
  return text === '' ? undefined : Number(text);
}

/** The field that a word about a rule as a whole stands at. */
const WHOLE_RULE: Readonly<Record<FormName, string>> = { rule: 'of', limit: 'of', weekly: 'to', once: 'hours', step: 'channel' };

/** The last part of the path names the field; a rule as a whole has none. */
function toFieldNames({ text, fields }: FormProblem, form: FormName): FormProblem {
  const named = Object.entries(fields).map(([path, word]) => {
    const last = path.split('.').at(-1) ?? path;
    return [RULE_FIELDS.includes(last) ? last : WHOLE_RULE[form], word];
  });
  return { text, fields: Object.fromEntries(named) };
}

async function save(context: CoreContext, visit: Visit, form: FormName, next: unknown, text: string): Promise<PageReply> {
  try {
    await saveRules(context, visit.caller, next);
  } catch (thrown) {
    return replyWithRules(context, visit, { form, problem: toFieldNames(toFormProblem(thrown), form) });
  }
  return { kind: 'redirect', to: visit.urls.alertRules(), flash: { tone: 'good', text } };
}

const refuse = (context: CoreContext, visit: Visit, form: FormName, fields: Record<string, string>) =>
  replyWithRules(context, visit, { form, problem: { fields } });

async function postRule(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const target = readTarget(readText(visit.form, 'of'));
  if (target?.plan === undefined && target?.tag === undefined)
    return refuse(context, visit, 'rule', { of: 'choose a tag or a plan' });
  const failuresInARow = readNumber(visit, 'failuresInARow');
  const silentMinutes = readNumber(visit, 'silentMinutes');
  const hostDiskGib = readNumber(visit, 'hostDiskGib');
  const rules = await getRules(context, visit.caller);
  if (target.plan !== undefined) {
    if (silentMinutes !== undefined || hostDiskGib !== undefined)
      return refuse(context, visit, 'rule', { of: 'a plan has only a number of unclean backups; choose a tag for the rest' });
    if (failuresInARow === undefined) return refuse(context, visit, 'rule', { failuresInARow: 'is needed' });
    const others = rules.plans.filter(({ plan }) => plan !== target.plan);
    return save(context, visit, 'rule', { ...rules, plans: [...others, { plan: target.plan, failuresInARow }] }, 'Saved.');
  }
  const given = Object.entries({ failuresInARow, silentMinutes, hostDiskGib }).filter(([, value]) => value !== undefined);
  if (given.length === 0) return refuse(context, visit, 'rule', { failuresInARow: 'one of the three is needed' });
  const others = rules.tags.filter(({ tag }) => tag !== target.tag);
  const rule = { tag: target.tag, ...Object.fromEntries(given) };
  return save(
    context,
    visit,
    'rule',
    { ...rules, tags: [...others, rule] },
    'Saved. It holds from the next look on, within a minute.',
  );
}

async function postLimit(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const repository = findId(readText(visit.form, 'of'), idSchema('repository'));
  if (repository === undefined) return refuse(context, visit, 'limit', { of: 'choose a repository' });
  const storedGib = readNumber(visit, 'storedGib');
  if (storedGib === undefined) return refuse(context, visit, 'limit', { storedGib: 'is needed' });
  const rules = await getRules(context, visit.caller);
  const others = rules.repositories.filter((rule) => rule.repository !== repository);
  const next = { ...rules, repositories: [...others, { repository, storedGib }] };
  return save(context, visit, 'limit', next, 'Saved. It holds from the next look on, within a minute.');
}

/** An instant typed as a wall time of a zone, `2026-11-21 22:00`; the first of two, and undefined for none. */
function findInstant(text: string, zone: string): number | undefined {
  const wall = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}$/u.test(text) ? Date.parse(`${text.replace(' ', 'T')}:00Z`) : Number.NaN;
  if (Number.isNaN(wall)) return undefined;
  const reading = openZone(zone).readWall(wall);
  if (reading.kind === 'never') return reading.resumesAt;
  return reading.kind === 'once' ? reading.at : reading.first;
}

async function postWindow(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const { form } = visit;
  const kind = readText(form, 'kind') === 'once' ? 'once' : 'weekly';
  const target = readTarget(readText(form, 'of'));
  if (target === undefined) return refuse(context, visit, kind, { of: 'choose what the window is for' });
  const zone = readText(form, 'zone');
  if (!isKnownZone(zone)) return refuse(context, visit, kind, { zone: 'is not a time zone this system knows' });
  const common = { name: readText(form, 'name'), ...target };
  let window: unknown;
  if (kind === 'weekly') {
    const days = readList(form, 'days').map(Number);
    window = { kind, ...common, zone, from: readText(form, 'from').trim(), to: readText(form, 'to').trim(), days };
  } else {
    const begins = readText(form, 'begins').trim();
    const fromAt = begins === '' ? context.clock.now() : findInstant(begins, zone);
    if (fromAt === undefined) return refuse(context, visit, kind, { begins: 'must be a time such as 2026-11-21 22:00' });
    const hours = readNumber(visit, 'hours');
    if (hours === undefined || !(hours > 0)) return refuse(context, visit, kind, { hours: 'must be a number of hours' });
    window = { kind, ...common, fromAt, toAt: Math.round(fromAt + hours * HOUR_MS) };
  }
  const rules = await getRules(context, visit.caller);
  return save(context, visit, kind, { ...rules, windows: [...rules.windows, window] }, 'The window is added.');
}

async function postStep(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const channel = findId(readText(visit.form, 'channel'), idSchema('channel'));
  if (channel === undefined) return refuse(context, visit, 'step', { channel: 'choose a channel' });
  const step = { afterMinutes: readNumber(visit, 'afterMinutes'), least: readText(visit.form, 'least'), channel };
  const rules = await getRules(context, visit.caller);
  return save(context, visit, 'step', { ...rules, escalation: [...rules.escalation, step] }, 'The step is added.');
}

async function postRemoval(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const key = readText(visit.form, 'key');
  const rules = await getRules(context, visit.caller);
  const next = alertRulesSchema.parse({
    plans: rules.plans.filter(({ plan }) => key !== `plan:${plan}`),
    tags: rules.tags.filter(({ tag }) => key !== `tag:${tag}`),
    repositories: rules.repositories.filter(({ repository }) => key !== `repository:${repository}`),
    windows: rules.windows.filter((window, index) => key !== keyOfWindow(window, index)),
    escalation: rules.escalation.filter((step, index) => key !== keyOfStep(step, index)),
  });
  return save(context, visit, 'rule', next, 'Removed.');
}

/** The fields of a posted form without the name of the form before them. A search among them saves nothing. */
const post = (path: string, handle: ScreenRoute['handle']): ScreenRoute => ({
  method: 'post',
  path,
  async handle(context, posted) {
    const visit = { ...posted, form: dropPrefix(posted.form, FORM_NAMES) };
    const form = findSearchedForm(visit);
    if (form === undefined) return handle(context, visit);
    demand(visit.caller, 'channel.manage');
    return replyWithRules(context, visit, { form, problem: NO_PROBLEM });
  },
});

export const ALERT_RULE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.alertRules, handle: (context, visit) => replyWithRules(context, visit) },
  post(PAGES.addAlertRule, postRule),
  post(PAGES.addRepositoryLimit, postLimit),
  post(PAGES.addAlertWindow, postWindow),
  post(PAGES.addEscalation, postStep),
  post(PAGES.removeAlertRule, postRemoval),
];
