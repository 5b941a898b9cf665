/** `/plans/schedules/new` and `/plans/schedules/:schedule/edit`. What is typed is previewed by `/plans/fires`, like that of a plan. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import { demand } from '../../../core/caller.ts';
import { createSharedSchedule, getSharedSchedule, updateSharedSchedule } from '../../../core/plans/shared-schedules.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { SharedSchedule } from '../../../store/shared-schedules.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import {
  findSchedule,
  findScheduleProblem,
  listZones,
  OWN,
  previewSchedule,
  type ScheduleText,
  toScheduleText,
} from './plan-schedule.ts';
import { readScheduleText } from './plan-sharing.ts';
import { type SharedScheduleFormView, sharedScheduleFormPage } from './shared-schedule-form.view.ts';

interface Draft {
  name: string;
  description: string;
  schedule: ScheduleText;
}

interface Scene {
  shared?: SharedSchedule | undefined;
  draft: Draft;
  problem: FormProblem;
}

async function describeEffect({ store }: CoreContext, { tenant, id }: SharedSchedule): Promise<string | undefined> {
  const plans = (await store.sharedSchedules.countPlansOfSharedSchedules(tenant, [id])).get(id) ?? 0;
  if (plans === 0) return undefined;
  return `${formatNoun(plans, 'plan')} ${plans === 1 ? 'moves' : 'move'} with it at once; ${plans === 1 ? 'its hosts have' : 'their hosts have'} the new times within a minute.`;
}

async function replyForm(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  { shared, draft, problem }: Scene,
): Promise<PageReply> {
  const { urls } = visit;
  const face = readClockface(context, visit);
  const href = shared === undefined ? urls.sharedSchedules() : urls.sharedSchedule({ schedule: shared.id });
  const list = [
    { label: 'Plans', href: urls.plans() },
    { label: 'Shared schedules', href: urls.sharedSchedules() },
  ];
  const { preset, cron, zone } = draft.schedule;
  const view: SharedScheduleFormView = {
    face,
    title: shared === undefined ? 'New shared schedule' : `Edit ${shared.name}`,
    heading: shared === undefined ? 'When should plans be due that share it?' : `Change the shared schedule “${shared.name}”.`,
    crumbs: shared === undefined ? [...list, { label: 'New' }] : [...list, { label: shared.name, href }, { label: 'Edit' }],
    action: shared === undefined ? urls.addSharedSchedule() : urls.editSharedSchedule({ schedule: shared.id }),
    cancelHref: href,
    submit: shared === undefined ? 'Make the shared schedule' : 'Save the shared schedule',
    version: shared && (Number(findText(visit.form, 'version', 12) ?? shared.version) || shared.version),
    values: { name: draft.name, description: draft.description, preset, cron, zone },
    presets: [
      ...SCHEDULE_PRESETS.map(({ name, label }) => ({ value: name, label })),
      { value: OWN, label: 'An expression of my own' },
    ],
    zones: listZones(),
    fires: previewSchedule(calendar, draft.schedule, face.now),
    firesUrl: urls.previewFires(),
    effect: shared && (await describeEffect(context, shared)),
    problem: problem.text,
    errors: problem.fields,
  };
  const status = hasProblem(problem) ? 422 : 200;
  return { kind: 'page', status, html: sharedScheduleFormPage(await buildShell(context, visit, 'plans'), view) };
}

async function getEdited(context: CoreContext, visit: Visit): Promise<SharedSchedule> {
  demand(visit.caller, 'plan.manage');
  return getSharedSchedule(context, visit.caller, getParam(visit, 'schedule', idSchema('schedule')));
}

async function save(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  shared: SharedSchedule | undefined,
): Promise<PageReply> {
  const { form, caller, urls } = visit;
  const draft: Draft = {
    name: readText(form, 'name').slice(0, 500),
    description: readText(form, 'description').slice(0, 500),
    schedule: await readScheduleText(context, visit, form),
  };
  const refuse = (problem: FormProblem) => replyForm(context, visit, calendar, { shared, draft, problem });
  const wrong = findScheduleProblem(calendar, draft.schedule, context.clock.now());
  if (wrong !== undefined) return refuse({ fields: { [wrong.field]: wrong.message } });
  const schedule = findSchedule(draft.schedule);
  if (schedule === undefined) return refuse({ text: 'Choose when plans that use it are due.', fields: {} });
  const input = { name: draft.name, description: draft.description, schedule };
  const version = Number(findText(form, 'version', 12) ?? Number.NaN);
  try {
    const saved =
      shared === undefined
        ? await createSharedSchedule(context, caller, input)
        : await updateSharedSchedule(context, caller, shared.id, input, Number.isInteger(version) ? version : undefined);
    const text = `The shared schedule “${saved.name}” is saved.`;
    return { kind: 'redirect', to: urls.sharedSchedule({ schedule: saved.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    return refuse(toFormProblem(thrown));
  }
}

export function createSharedScheduleFormScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    {
      method: 'get',
      path: PAGES.addSharedSchedule,
      async handle(context, visit) {
        demand(visit.caller, 'plan.manage');
        const schedule = { preset: 'daily', cron: '', zone: visit.frame.zone ?? 'UTC' };
        return replyForm(context, visit, calendar, { draft: { name: '', description: '', schedule }, problem: NO_PROBLEM });
      },
    },
    {
      method: 'post',
      path: PAGES.addSharedSchedule,
      async handle(context, visit) {
        demand(visit.caller, 'plan.manage');
        return save(context, visit, calendar, undefined);
      },
    },
    {
      method: 'get',
      path: PAGES.editSharedSchedule,
      async handle(context, visit) {
        const shared = await getEdited(context, visit);
        const { name, description } = shared;
        const draft = { name, description, schedule: toScheduleText(shared.schedule, 'UTC') };
        return replyForm(context, visit, calendar, { shared, draft, problem: NO_PROBLEM });
      },
    },
    {
      method: 'post',
      path: PAGES.editSharedSchedule,
      handle: async (context, visit) => save(context, visit, calendar, await getEdited(context, visit)),
    },
  ];
}
