/** What the form and the page of a plan have to do with shared schedules: choosing one, making one, naming the one in use. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { createSharedSchedule, listSharedSchedules } from '../../../core/plans/shared-schedules.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { readWholeList } from '../../../core/whole-list.ts';
import type { Plan } from '../../../store/plans.ts';
import type { SharedSchedule } from '../../../store/shared-schedules.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import { type FormProblem, isShown, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import type { PlanView } from './plan.view.ts';
import type { SharingView } from './plan-form.view.ts';
import { findSchedule, type ScheduleText, SHARED } from './plan-schedule.ts';

async function findShared({ store }: CoreContext, { caller }: Visit, text: string): Promise<SharedSchedule | undefined> {
  const id = findId(text, idSchema('schedule'));
  return id === undefined ? undefined : store.sharedSchedules.findSharedSchedule(caller.tenant, id);
}

/** The schedule of a form as it was sent, with what the chosen shared one says. */
export async function readScheduleText(
  context: CoreContext,
  visit: Visit,
  values: Visit['form'],
): Promise<ScheduleText & { shared: NonNullable<ScheduleText['shared']> }> {
  const preset = readText(values, 'preset');
  const id = readText(values, 'sharedSchedule').slice(0, 100);
  const found = id === '' ? undefined : await findShared(context, visit, id);
  return {
    preset: preset === '' ? 'daily' : preset.slice(0, 20),
    cron: readText(values, 'cron').slice(0, 300),
    zone: (readText(values, 'zone').trim() || (visit.frame.zone ?? 'UTC')).slice(0, 100),
    shared: { id, schedule: found?.schedule },
  };
}

/** What a plan may share: all there are, as `COUNTS.sharedSchedules` keeps them few. */
export async function readSharing(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  { schedule, shareAs }: { schedule: ScheduleText; shareAs: string },
): Promise<SharingView> {
  const all = await readWholeList((page) => listSharedSchedules(context, visit.caller, {}, page));
  return {
    value: schedule.shared?.id ?? '',
    choices: all.map((shared) => ({
      value: shared.id,
      label: `${shared.name}: ${calendar.describeCron(shared.schedule)}`,
    })),
    shareAs,
    schedulesHref: visit.urls.sharedSchedules(),
  };
}

/** Makes the shared schedule that the form names, and returns the form's schedule as it is with it; the field `shareAs` says why not. */
export async function shareTimes(
  context: CoreContext,
  visit: Visit,
  text: ScheduleText,
  name: string,
): Promise<{ schedule: ScheduleText } | { problem: FormProblem }> {
  const refuse = (message: string) => ({ problem: { fields: { shareAs: message } } });
  if (text.preset === SHARED) return refuse('The plan uses a shared schedule already; leave this empty, or choose other times.');
  const schedule = findSchedule(text);
  if (schedule === undefined) return refuse('A plan that runs only by hand has no times to share.');
  try {
    const { id } = await createSharedSchedule(context, visit.caller, { name, schedule });
    return { schedule: { preset: SHARED, cron: '', zone: schedule.zone, shared: { id, schedule } } };
  } catch (thrown) {
    const { text: sentence, fields } = toFormProblem(thrown);
    return refuse(fields['name'] ?? sentence ?? (isShown(thrown) ? thrown.message : ''));
  }
}

/** The line of a plan's page that names the shared schedule; none where its times are its own. */
export async function findSharedFact(
  { store }: CoreContext,
  { caller, urls }: Visit,
  { sharedSchedule }: Plan,
): Promise<PlanView['facts']> {
  if (sharedSchedule === undefined) return [];
  const shared = await store.sharedSchedules.findSharedSchedule(caller.tenant, sharedSchedule);
  if (shared === undefined) return [];
  return [{ label: 'shared schedule', value: shared.name, href: urls.sharedSchedule({ schedule: shared.id }) }];
}
