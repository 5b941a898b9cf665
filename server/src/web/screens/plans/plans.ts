/** `/plans`: all plans with their next fire and their last run. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { PLAN_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Run } from '../../../store/runs.ts';
import type { SharedSchedule } from '../../../store/shared-schedules.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { createNextFire } from '../../next-fire.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { formatRelative } from '../../ui/time.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { wantsPart } from '../params.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { joinNames } from '../runs/runs.ts';
import { buildShell } from '../shell.ts';
import { createPlanPageScreens } from './plan.ts';
import { isNarrowed, listPlanChips, readPlanChoices, readPlanQuery, toPlanFilter } from './plan-filters.ts';
import { createPlanFormScreens } from './plan-form.ts';
import type { HearingKind } from './plan-listeners.ts';
import { PLAN_RETENTION_SCREENS } from './plan-retention.ts';
import { PLANS_PART, type PlanLine, type PlansView, plansPage, plansPart } from './plans.view.ts';
import { createSharedScheduleScreens } from './shared-schedules.ts';

/** The newest backup run of each plan. */
async function readLastRuns(context: CoreContext, caller: Caller, plans: readonly Plan[]): Promise<ReadonlyMap<PlanId, Run>> {
  const runs = await context.store.runs.lastRunOfPlans(
    caller.tenant,
    plans.map((plan) => plan.id),
  );
  return new Map(runs.flatMap((run) => (run.plan === undefined ? [] : [[run.plan, run] as const])));
}

/** The next fire of a plan that is switched on; undefined for one that has none, or whose schedule cannot be read here. */
function findNextFire(calendar: FireCalendar, plan: Pick<Plan, 'schedule' | 'enabled'>, now: number): number | undefined {
  if (!plan.enabled || plan.schedule === undefined) return undefined;
  return createNextFire(calendar, now)(plan.schedule);
}

function describeSchedule(calendar: FireCalendar, plan: Pick<Plan, 'schedule'>): string {
  return plan.schedule === undefined ? 'by hand' : calendar.describeCron(plan.schedule);
}

function toLine(
  plan: Plan,
  known: {
    calendar: FireCalendar;
    names: Names;
    last: Run | undefined;
    urls: Urls;
    now: number;
    mayManage: boolean;
    shared: readonly SharedSchedule[];
  },
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
    shared: known.shared.find(({ id }) => id === plan.sharedSchedule)?.name,
    nextAt: findNextFire(calendar, plan, now),
    ...(last === undefined
      ? {}
      : { last: { state: last.state, at: last.startedAt ?? last.createdAt, href: urls.run({ run: last.id }) } }),
    ...(known.mayManage ? { toggleAction: urls.plan({ plan: plan.id }) } : {}),
  };
}

/** The page's answer, of all plans whatever the list is narrowed to: when something happens next. */
async function readAnswer(context: CoreContext, visit: Visit): Promise<Pick<PlansView, 'heading' | 'lede'>> {
  const look = await context.fleet.look(visit.caller.tenant);
  if (look.plans.length === 0) return { heading: 'No plan yet, so nothing is backed up.', lede: undefined };
  const plans = formatNoun(look.plans.length, 'plan');
  let next: { name: string; at: number } | undefined;
  for (const plan of look.plans) {
    const at = look.findNextFire(plan);
    if (at !== undefined && (next === undefined || at < next.at)) next = { name: plan.name, at };
  }
  const off = look.plans.filter((plan) => !plan.enabled).length;
  return {
    heading:
      next === undefined
        ? `${plans}, and none of them fires by itself.`
        : `“${next.name}” fires next, ${formatRelative(next.at, readClockface(context, visit))}.`,
    lede: [plans, ...(off > 0 ? [`${off} paused`] : [])].join(' · '),
  };
}

async function showPlans(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<PageReply> {
  const { caller, urls } = visit;
  const query = readPlanQuery(visit);
  const sort = readSort(visit, PLAN_ORDERS);
  const address = { ...query, ...sort.query };
  const trail = readTrail(visit);
  const face = readClockface(context, visit);
  const page = await listPlans(context, caller, toPlanFilter(query), {
    ...trail.request,
    sort: sort.wish,
    nextFire: createNextFire(calendar, face.now),
  });
  const names = await loadNames(context, caller, {
    hosts: [query.host],
    sources: [query.source, ...page.rows.flatMap((plan) => plan.sources)],
    repositories: [query.repository, ...page.rows.map((plan) => plan.repository)],
  });
  const lastRuns = await readLastRuns(context, caller, page.rows);
  const mayManage = isAllowed(caller, 'plan.manage');
  const shared = await context.store.sharedSchedules.findSharedSchedules(
    caller.tenant,
    page.rows.flatMap(({ sharedSchedule }) => sharedSchedule ?? []),
  );
  const rows = page.rows.map((plan) =>
    toLine(plan, { calendar, names, last: lastRuns.get(plan.id), urls, now: face.now, mayManage, shared }),
  );
  const view: Omit<PlansView, 'heading' | 'lede' | 'filters'> = {
    face,
    rows,
    action: urls.plans(),
    search: query.q ?? '',
    chips: listPlanChips(query, names, urls),
    pager: {
      summary: `${formatNoun(rows.length, 'plan')} ${isNarrowed(query) ? (rows.length === 1 ? 'matches' : 'match') : 'shown'}`,
      ...linkPages(trail, page.next, (cursors) => urls.plans({ ...address, after: cursors })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.plans(address) : undefined,
    back: urls.plans(address),
    sort: sort.toTable((order) => urls.plans({ ...query, ...order })),
    kept: keepSort(sort.query),
    bulk: readBulkBar(visit, 'plans', urls.plans(address)),
    addHref: mayManage ? urls.addPlan() : undefined,
    schedulesHref: urls.sharedSchedules(),
  };
  if (wantsPart(visit, PLANS_PART)) return { kind: 'page', html: plansPart({ ...view, heading: '', filters: [] }) };
  const filters = await readPlanChoices(context, caller, query, names);
  const answer = await readAnswer(context, visit);
  return { kind: 'page', html: plansPage(await buildShell(context, visit, 'plans'), { ...view, ...answer, filters }) };
}

/** All pages of plans, given the room that knows when schedules are due, and what channels have a form for. */
export function createPlanScreens(calendar: FireCalendar, kinds: readonly HearingKind[]): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.plans, handle: (context, visit) => showPlans(context, visit, calendar) },
    ...createSharedScheduleScreens(calendar),
    ...createPlanFormScreens(calendar),
    ...createPlanPageScreens(calendar, kinds),
    ...PLAN_RETENTION_SCREENS,
  ];
}
