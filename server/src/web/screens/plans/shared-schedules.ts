/** `/plans/schedules`: all shared schedules; `/plans/schedules/:schedule`: one, with its next fires and the plans that go by it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { isAllowed } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import { deleteSharedSchedule, getSharedSchedule, listSharedSchedules } from '../../../core/plans/shared-schedules.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { createNextFire } from '../../next-fire.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { listStoredFires } from './plan-schedule.ts';
import { createSharedScheduleFormScreens } from './shared-schedule-form.ts';
import {
  SHARED_SCHEDULES_PART,
  type SharedSchedulesView,
  type SharedScheduleView,
  sharedSchedulePage,
  sharedSchedulesPage,
  sharedSchedulesPart,
} from './shared-schedules.view.ts';

const PLANS_SHOWN = 50;
const FIRES_SHOWN = 10;

async function readSchedules(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<SharedSchedulesView> {
  const { caller, urls } = visit;
  const { sharedSchedules } = context.store;
  const trail = readTrail(visit);
  const face = readClockface(context, visit);
  const page = await listSharedSchedules(context, caller, {}, trail.request);
  const findNext = createNextFire(calendar, face.now);
  const plans = await sharedSchedules.countPlansOfSharedSchedules(
    caller.tenant,
    page.rows.map(({ id }) => id),
  );
  return {
    face,
    here: visit.here,
    crumbs: [{ label: 'Plans', href: urls.plans() }, { label: 'Shared schedules' }],
    total: await sharedSchedules.countSharedSchedules(caller.tenant),
    rows: page.rows.map(({ id, name, description, schedule }) => ({
      id,
      name,
      href: urls.sharedSchedule({ schedule: id }),
      description,
      words: calendar.describeCron(schedule),
      nextAt: findNext(schedule),
      plans: plans.get(id) ?? 0,
    })),
    ...linkPages(trail, page.next, (after) => urls.sharedSchedules({ after })),
    ...(isAllowed(caller, 'plan.manage') ? { addHref: urls.addSharedSchedule() } : {}),
  };
}

async function showSchedules(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<PageReply> {
  const view = await readSchedules(context, visit, calendar);
  if (wantsPart(visit, SHARED_SCHEDULES_PART)) return { kind: 'page', html: sharedSchedulesPart(view) };
  return { kind: 'page', html: sharedSchedulesPage(await buildShell(context, visit, 'plans'), view) };
}

async function showSchedule(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<PageReply> {
  const { caller, urls } = visit;
  const shared = await getSharedSchedule(context, caller, getParam(visit, 'schedule', idSchema('schedule')));
  const { id, name, description, schedule } = shared;
  const face = readClockface(context, visit);
  const plans = await listPlans(context, caller, { sharedSchedule: id }, { limit: PLANS_SHOWN });
  const counts = await context.store.sharedSchedules.countPlansOfSharedSchedules(caller.tenant, [id]);
  const view: SharedScheduleView = {
    face,
    crumbs: [
      { label: 'Plans', href: urls.plans() },
      { label: 'Shared schedules', href: urls.sharedSchedules() },
      { label: name },
    ],
    name,
    description,
    ...schedule,
    fires: listStoredFires(calendar, schedule, face.now, FIRES_SHOWN),
    plans: plans.rows.map((plan) => ({ name: plan.name, href: urls.plan({ plan: plan.id }), enabled: plan.enabled })),
    planCount: counts.get(id) ?? 0,
    ...(isAllowed(caller, 'plan.manage')
      ? {
          manage: {
            editHref: urls.editSharedSchedule({ schedule: id }),
            deleteAction: urls.deleteSharedSchedule({ schedule: id }),
            addPlanHref: urls.addPlan({ sharedSchedule: id }),
          },
        }
      : {}),
  };
  return { kind: 'page', html: sharedSchedulePage(await buildShell(context, visit, 'plans'), view) };
}

async function remove(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const { id, name } = await getSharedSchedule(context, caller, getParam(visit, 'schedule', idSchema('schedule')));
  try {
    await deleteSharedSchedule(context, caller, id);
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.sharedSchedule({ schedule: id }), flash: { tone: 'bad', text: thrown.message } };
  }
  const text = `The shared schedule “${name}” is deleted.`;
  return { kind: 'redirect', to: urls.sharedSchedules(), flash: { tone: 'good', text } };
}

/** They stand before the pages of a plan, whose parameter would take the path. */
export function createSharedScheduleScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.sharedSchedules, handle: (context, visit) => showSchedules(context, visit, calendar) },
    ...createSharedScheduleFormScreens(calendar),
    { method: 'get', path: PAGES.sharedSchedule, handle: (context, visit) => showSchedule(context, visit, calendar) },
    { method: 'post', path: PAGES.deleteSharedSchedule, handle: remove },
  ];
}
