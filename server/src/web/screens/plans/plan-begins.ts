/** What a plan's spread and windows make of its fires, for the preview in its form: when each of its hosts really begins. */

import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import { formatSpan } from '../../ui/quantity.ts';
import type { Clockface } from '../../ui/time.ts';
import { findHostBegins } from '../hosts/host-begins.ts';
import type { FiresView } from './plan-fires.view.ts';
import { checkOptionsText, type OptionsText } from './plan-options.ts';
import { findSchedule, findScheduleProblem, type ScheduleText } from './plan-schedule.ts';

/** A plan as it is typed; `plan` is the saved one, undefined for a new one, whose moments nobody knows yet. */
export interface TypedPlan {
  plan: Plan | undefined;
  schedule: ScheduleText;
  options: OptionsText;
}

/** Nothing while what is typed cannot be used, and where every host begins at the fire. */
export async function previewBegins(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  { plan, schedule: text, options: typed }: TypedPlan,
  face: Clockface,
): Promise<Pick<FiresView, 'begins' | 'spread'>> {
  const schedule = findSchedule(text);
  const checked = checkOptionsText(typed);
  if (schedule === undefined || 'fields' in checked || findScheduleProblem(calendar, text, face.now) !== undefined) return {};
  const { options } = checked;
  const spread = options.spreadMinutes === 0 ? undefined : tellSpread(options.spreadMinutes, plan === undefined);
  if (plan === undefined) return { spread };
  const { caller, urls } = visit;
  const ids = await context.store.plans.listHostsOfPlan(caller.tenant, plan.id);
  const hosts = (await context.store.hosts.findHosts(caller.tenant, ids)).map(({ id, name }) => ({
    id,
    name,
    href: urls.host({ host: id }),
  }));
  // Another schedule counts from the moment it is saved.
  const isSame = plan.schedule?.cron === schedule.cron && plan.schedule.zone === schedule.zone;
  const effectiveFrom = isSame ? plan.effectiveFrom : face.now;
  return { spread, begins: findHostBegins(calendar, { id: plan.id, options, effectiveFrom }, schedule, hosts, face) };
}

function tellSpread(minutes: number, isNew: boolean): string {
  const when = `Each host begins at a moment of its own within ${formatSpan(minutes * 60_000)} after the fire, always the same one`;
  return isNew ? `${when}; the plan’s page names it once the plan is saved.` : `${when}.`;
}
