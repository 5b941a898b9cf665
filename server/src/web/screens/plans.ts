/** `/plans`: all plans with their next fire and their last run. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { type Caller, isAllowed } from '../../core/caller.ts';
import { listPlans } from '../../core/plans.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Plan, PlanFilter } from '../../store/catalog.ts';
import type { Run } from '../../store/runs.ts';
import type { FireCalendar } from '../api/fire-calendar.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { formatNoun } from '../ui/quantity.ts';
import { formatRelative } from '../ui/time.ts';
import { PAGES, type Urls } from '../urls.ts';
import { readClockface } from './clockface.ts';
import { linkPages, readTrail } from './cursor-trail.ts';
import { findText } from './form-values.ts';
import { wantsPart } from './params.ts';
import { createPlanPageScreens } from './plan.ts';
import { createPlanFormScreens } from './plan-form.ts';
import { PLANS_TABLE, type PlanLine, type PlansView, plansPage, plansTable } from './plans.view.ts';
import { loadNames, type Names, nameOf } from './run-names.ts';
import { joinNames } from './runs.ts';
import { buildShell } from './shell.ts';

/** The newest backup run of each plan. */
export async function readLastRuns(
  context: CoreContext,
  caller: Caller,
  plans: readonly Plan[],
): Promise<ReadonlyMap<PlanId, Run>> {
  const runs = await context.store.runs.lastRunOfPlans(
    caller.tenant,
    plans.map((plan) => plan.id),
  );
  return new Map(runs.flatMap((run) => (run.plan === undefined ? [] : [[run.plan, run] as const])));
}

/** The next fire of a plan that is switched on; undefined for one that has none, or whose schedule cannot be read here. */
export function findNextFire(calendar: FireCalendar, plan: Pick<Plan, 'schedule' | 'enabled'>, now: number): number | undefined {
  if (!plan.enabled || plan.schedule === undefined) return undefined;
  if (!calendar.checkCron(plan.schedule.cron, plan.schedule.zone, now).ok) return undefined;
  return calendar.listNextFires(plan.schedule, now, 1)[0];
}

export function describeSchedule(calendar: FireCalendar, plan: Pick<Plan, 'schedule'>): string {
  return plan.schedule === undefined ? 'by hand' : calendar.describeCron(plan.schedule);
}

function toLine(
  plan: Plan,
  known: { calendar: FireCalendar; names: Names; last: Run | undefined; urls: Urls; now: number; mayManage: boolean },
): PlanLine {
  const { calendar, names, last, urls, now } = known;
  return {
    id: plan.id,
    name: plan.name,
    href: urls.plan({ plan: plan.id }),
    enabled: plan.enabled,
    sources: joinNames(plan.sources.map((id) => nameOf(names.sources, id, 'source'))),
    repository: {
      name: nameOf(names.repositories, plan.repository, 'repository'),
      ...(names.repositories.has(plan.repository) ? { href: urls.repository({ repository: plan.repository }) } : {}),
    },
    schedule: describeSchedule(calendar, plan),
    nextAt: findNextFire(calendar, plan, now),
    ...(last === undefined
      ? {}
      : { last: { state: last.state, at: last.startedAt ?? last.createdAt, href: urls.run({ run: last.id }) } }),
    ...(known.mayManage ? { toggleAction: urls.plan({ plan: plan.id }) } : {}),
  };
}

/** The page's answer: when something happens next. */
function describePlans(lines: readonly PlanLine[], total: number, now: { now: number; zone: string }): string {
  if (total === 0) return 'No plan yet, so nothing is backed up.';
  const upcoming = lines.filter((line) => line.nextAt !== undefined).sort((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0));
  const [next] = upcoming;
  if (next === undefined) return `${formatNoun(total, 'plan')}, and none of them fires by itself.`;
  return `“${next.name}” fires next, ${formatRelative(next.nextAt, now)}.`;
}

function readFilter(visit: Pick<Visit, 'query'>): { filter: PlanFilter; q: string | undefined; enabled: string | undefined } {
  const q = findText(visit.query, 'q');
  const enabled = findText(visit.query, 'enabled');
  const flag = enabled === 'true' ? true : enabled === 'false' ? false : undefined;
  return { filter: { search: q, enabled: flag }, q, enabled: flag === undefined ? undefined : enabled };
}

async function showPlans(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<PageReply> {
  const { caller, urls } = visit;
  const { filter, q, enabled } = readFilter(visit);
  const trail = readTrail(visit);
  const face = readClockface(context, visit);
  const page = await listPlans(context, caller, filter, trail.request);
  const names = await loadNames(context, caller, {
    sources: page.rows.flatMap((plan) => plan.sources),
    repositories: page.rows.map((plan) => plan.repository),
  });
  const lastRuns = await readLastRuns(context, caller, page.rows);
  const mayManage = isAllowed(caller, 'plan.manage');
  const rows = page.rows.map((plan) =>
    toLine(plan, { calendar, names, last: lastRuns.get(plan.id), urls, now: face.now, mayManage }),
  );
  const total = await context.store.catalog.countPlans(caller.tenant);
  const off = rows.filter((row) => !row.enabled).length;
  const view: PlansView = {
    face,
    heading: describePlans(rows, total, face),
    lede: total === 0 ? undefined : [formatNoun(total, 'plan'), ...(off > 0 ? [`${off} paused`] : [])].join(' · '),
    rows,
    action: urls.plans(),
    search: q ?? '',
    enabled: enabled ?? '',
    filtered: q !== undefined || enabled !== undefined,
    pager: {
      summary: `${formatNoun(rows.length, 'plan')} shown`,
      ...linkPages(trail, page.next, (cursors) => urls.plans({ q, enabled, after: cursors })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.plans({ q, enabled }) : undefined,
    addHref: mayManage ? urls.addPlan() : undefined,
  };
  if (wantsPart(visit, PLANS_TABLE)) return { kind: 'page', html: plansTable(view) };
  return { kind: 'page', html: plansPage(await buildShell(context, visit, 'plans'), view) };
}

/** All pages of plans, given the room that knows when schedules are due. */
export function createPlanScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.plans, handle: (context, visit) => showPlans(context, visit, calendar) },
    ...createPlanFormScreens(calendar),
    ...createPlanPageScreens(calendar),
  ];
}
