/** `/`: is everything protected, and what needs a person? */
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import { HTTP, WIRE } from '@holdfast/shared/limits.ts';
import { TOPICS } from '../../core/bus.ts';
import { isAllowed } from '../../core/caller.ts';
import { listPendingHosts } from '../../core/enrolment.ts';
import { type Installation, readInstallation } from '../../core/installation-settings.ts';
import { listPlans } from '../../core/plans.ts';
import type { CoreContext } from '../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../core/protected-sources.ts';
import { countProtections, type ProtectionCounts, type ProtectionStatus } from '../../core/protection.ts';
import { listRuns } from '../../core/runs.ts';
import { listSources } from '../../core/sources.ts';
import type { Plan, Source } from '../../store/catalog.ts';
import type { Run } from '../../store/runs.ts';
import type { FireCalendar } from '../api/fire-calendar.ts';
import type { Html } from '../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { formatCount, formatNoun } from '../ui/quantity.ts';
import { viewOfProtection } from '../ui/status.ts';
import { type Clockface, formatRelative } from '../ui/time.ts';
import { PAGES } from '../urls.ts';
import { readClockface } from './clockface.ts';
import {
  type FirstStep,
  type GoingRun,
  OVERVIEW,
  type OverviewView,
  overviewBody,
  overviewHeading,
  overviewLede,
  overviewPage,
} from './overview.view.ts';
import { readNeeds } from './overview-needs.ts';
import { readNight } from './overview-night.ts';
import { readTrust } from './overview-trust.ts';
import { findNextFire } from './plans.ts';
import { isBetweenAttempts } from './run-detail.ts';
import { findFigures, nameOf } from './run-names.ts';
import { describeTrigger } from './run-words.ts';
import { readListedRuns, titleOfRun } from './runs.ts';
import { buildShell } from './shell.ts';

/** Sources judged for the sentence; a bigger fleet is told so. */
const SOURCES_JUDGED = 2000;
const GOING_SHOWN = 8;
const NEXT_SHOWN = 6;
const ORDER: readonly ProtectionStatus[] = ['protected', 'at_risk', 'unprotected', 'unknown', 'paused'];

interface Fleet {
  judged: readonly ProtectedSource[];
  counts: ProtectionCounts;
  /** Sources there are; above `judged.length` in a fleet too big to judge at once. */
  total: number;
  plans: readonly Plan[];
  hosts: { total: number; active: number };
  repositories: number;
  snapshots: number;
}

async function readSources(context: CoreContext, visit: Visit): Promise<Source[]> {
  const rows: Source[] = [];
  let after: string | undefined;
  while (rows.length < SOURCES_JUDGED) {
    const page = await listSources(context, visit.caller, {}, { limit: HTTP.pageSizeMax, after });
    rows.push(...page.rows);
    after = page.next;
    if (after === undefined) break;
  }
  return rows;
}

async function readFleet(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<Fleet> {
  const { store } = context;
  const { tenant } = visit.caller;
  const sources = await readSources(context, visit);
  const judged = await judgeSources({ ...context, listFires: calendar.listNextFires }, visit.caller, sources);
  const [total, plans, hosts, repositories, snapshots] = await Promise.all([
    store.catalog.countSources(tenant),
    listPlans(context, visit.caller, {}, { limit: HTTP.pageSizeMax }),
    store.hosts.countHosts(tenant),
    store.catalog.countRepositories(tenant),
    store.runs.countSnapshots(tenant),
  ]);
  const counts = countProtections(judged.map((one) => one.protection));
  return { judged, counts, total, plans: plans.rows, hosts, repositories, snapshots };
}

/** The page's answer. */
export function describeFleet(counts: ProtectionCounts, total: number): string {
  if (total === 0) return 'Nothing is protected yet.';
  if (counts.protected === total)
    return total === 1 ? 'The one source is protected.' : `All ${formatCount(total)} sources are protected.`;
  return `${formatCount(counts.protected)} of ${formatNoun(total, 'source')} ${counts.protected === 1 ? 'is' : 'are'} protected.`;
}

/** Of how many sources the recovery was proven, and how long ago at most. */
function describeProofs(judged: readonly ProtectedSource[], face: Clockface): string[] {
  const proven = judged.flatMap(({ proof }) => (proof?.proven && proof.newest?.isProven ? [proof.proven.endedAt] : []));
  if (proven.length === 0) return [];
  const of = proven.length === judged.length ? 'all' : formatCount(proven.length);
  return [`recovery proven of ${of}, the oldest proof ${formatRelative(Math.min(...proven), face)}`];
}

function describeRest(fleet: Fleet, face: Clockface): string {
  const { counts, judged, total } = fleet;
  if (total === 0) return 'From here it takes about five minutes to the first proven backup.';
  const parts = ORDER.slice(1)
    .filter((status) => counts[status] > 0)
    .map((status) => `${formatCount(counts[status])} ${viewOfProtection(status).word}`);
  const goods = judged.filter((one) => one.protection.status === 'protected').map((one) => one.standing?.lastGoodAt ?? face.now);
  const oldest = goods.length === 0 ? undefined : Math.min(...goods);
  return [
    ...parts,
    ...(oldest === undefined ? [] : [`oldest good backup of a protected source ${formatRelative(oldest, face)}`]),
    ...describeProofs(judged, face),
    ...(judged.length < total ? [`judged by the first ${formatCount(judged.length)}`] : []),
  ].join(' · ');
}

/** The run's id when it holds no slot, because its next attempt is not due yet. */
async function findAwaiting({ store, clock }: CoreContext, run: Run): Promise<RunId | undefined> {
  if (run.state !== 'running') return undefined;
  const attempts = await store.runs.listAttempts(run.tenant, run.id);
  if (attempts.length === 0) return undefined;
  const stages = await store.runs.listStages(run.tenant, run.id);
  return isBetweenAttempts({ run, attempts, stages }, clock.now()) ? run.id : undefined;
}

async function readGoing(context: CoreContext, visit: Visit): Promise<readonly GoingRun[]> {
  const { caller, urls } = visit;
  const page = await listRuns(context, caller, { active: true }, { limit: GOING_SHOWN });
  const listed = await readListedRuns(context, caller, page.rows);
  const awaiting = new Set(
    (await Promise.all(page.rows.map((run) => findAwaiting(context, run)))).filter((id) => id !== undefined),
  );
  return page.rows.map((run) => ({
    id: run.id,
    title: `${nameOf(listed.names.hosts, run.host, 'host')} / ${titleOfRun(run, listed.sources.get(run.id) ?? [], listed.names)}`,
    href: urls.run({ run: run.id }),
    detail: [
      run.plan === undefined ? run.kind : nameOf(listed.names.plans, run.plan, 'plan'),
      awaiting.has(run.id) ? 'waits for its next attempt' : describeTrigger(run),
    ].join(' · '),
    state: awaiting.has(run.id) ? 'queued' : run.state === 'queued' || run.state === 'finalizing' ? run.state : 'running',
    topic: TOPICS.run(run.id),
    figures: findFigures(context, run),
  }));
}

/** What is left until the first clean backup; nothing once there is one. */
function listSteps(fleet: Fleet, visit: Visit, hasRun: boolean, { firstSteps }: Installation): readonly FirstStep[] {
  const { urls } = visit;
  if (!firstSteps || (fleet.snapshots > 0 && fleet.plans.length > 0)) return [];
  const [plan] = fleet.plans;
  const may = (permission: Parameters<typeof isAllowed>[1]) => isAllowed(visit.caller, permission);
  const steps: readonly (FirstStep & { allowed: boolean })[] = [
    {
      title: 'Add a host',
      text: 'Start the agent on a machine; it announces itself here and you compare six words.',
      done: fleet.hosts.active > 0,
      href: urls.addHost(),
      label: 'Add host',
      allowed: may('host.approve'),
    },
    {
      title: 'Add a source',
      text: 'What is protected: a database or a folder of a host.',
      done: fleet.total > 0,
      href: urls.addSource(),
      label: 'Add source',
      allowed: may('source.manage'),
    },
    {
      title: 'Add a repository',
      text: 'Where the backups live: a disk, an SFTP or REST server, or S3.',
      done: fleet.repositories > 0,
      href: urls.addRepository(),
      label: 'Add repository',
      allowed: may('repository.manage'),
    },
    {
      title: 'Make a plan',
      text: 'Which sources go to which repository, and when.',
      done: plan !== undefined,
      href: urls.addPlan(),
      label: 'Make plan',
      allowed: may('plan.manage'),
    },
    {
      title: 'Run it now',
      text: 'See the first backup happen, with its log and the evidence for it.',
      done: hasRun && fleet.snapshots > 0,
      href: plan === undefined ? urls.plans() : urls.runPlan({ plan: plan.id }),
      label: 'Run now',
      posts: plan !== undefined,
      allowed: may('run.start'),
    },
  ];
  return steps.filter((step) => step.allowed || step.done);
}

function listNext(calendar: FireCalendar, fleet: Fleet, visit: Visit, now: number): OverviewView['next'] {
  return fleet.plans
    .flatMap((plan) => {
      const at = findNextFire(calendar, plan, now);
      return at === undefined ? [] : [{ name: plan.name, href: visit.urls.plan({ plan: plan.id }), at }];
    })
    .sort((a, b) => a.at - b.at)
    .slice(0, NEXT_SHOWN);
}

function listTotals(fleet: Fleet, visit: Visit, online: number): OverviewView['totals'] {
  const { urls } = visit;
  return [
    { label: 'hosts online', value: `${formatCount(online)} of ${formatCount(fleet.hosts.active)}`, href: urls.hosts() },
    { label: 'sources', value: formatCount(fleet.total), href: urls.sources() },
    { label: 'plans', value: formatCount(fleet.plans.length), href: urls.plans() },
    { label: 'repositories', value: formatCount(fleet.repositories), href: urls.repositories() },
    { label: 'snapshots', value: formatCount(fleet.snapshots), href: urls.snapshots() },
  ];
}

async function buildView(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<OverviewView> {
  const { urls, caller } = visit;
  const face = readClockface(context, visit);
  const installation = await readInstallation(context);
  const fleet = await readFleet(context, visit, calendar);
  const pending = await listPendingHosts(context, caller);
  const { needs, more } = await readNeeds(context, visit, face, { pending, sources: fleet.judged });
  const hostNames = new Map<HostId, string>(fleet.judged.map((one) => [one.host.id, one.host.name]));
  const sources = fleet.judged.map((one) => one.source);
  const night = await readNight(context, visit, calendar, {
    ...face,
    plans: fleet.plans,
    sources,
    hostNames,
    hostsShown: installation.nightHosts,
  });
  const online = await context.store.hosts.countHostsSeenSince(caller.tenant, face.now - WIRE.offlineAfterMs);
  return {
    face,
    url: urls.overview(),
    heading: describeFleet(fleet.counts, fleet.total),
    lede: describeRest(fleet, face),
    shares: ORDER.map((status) => {
      const { word, tone } = viewOfProtection(status);
      return { count: fleet.counts[status], word, tone };
    }).filter((share) => share.count > 0),
    ...(isAllowed(caller, 'host.approve') ? { addHostHref: urls.addHost() } : {}),
    needs,
    moreNeeds: more,
    sourcesHref: urls.sources(),
    boardHref: fleet.total > 0 ? urls.board() : undefined,
    going: await readGoing(context, visit),
    goingHref: urls.runs({ state: 'active' }),
    night,
    runsHref: urls.runs({ period: 'day' }),
    next: listNext(calendar, fleet, visit, face.now),
    totals: listTotals(fleet, visit, online),
    trust: await readTrust(context, visit, face, fleet.judged),
    ...(isAllowed(caller, 'plan.manage') ? { welcomeHref: urls.welcome() } : {}),
    steps: listSteps(
      fleet,
      visit,
      night.rows.some((row) => row.bars.length > 0),
      installation,
    ),
  };
}

/** The live parts of the page, each by its id. */
const LIVE_PARTS: Readonly<Record<string, (view: OverviewView) => Html>> = {
  [OVERVIEW.heading]: overviewHeading,
  [OVERVIEW.lede]: overviewLede,
  [OVERVIEW.body]: overviewBody,
};

/** The overview, given the room that knows when schedules are due. */
export function createOverviewScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    {
      method: 'get',
      path: PAGES.overview,
      async handle(context, visit): Promise<PageReply> {
        const view = await buildView(context, visit, calendar);
        const part = visit.isFragment ? LIVE_PARTS[visit.fragmentTarget ?? ''] : undefined;
        if (part !== undefined) return { kind: 'page', html: part(view) };
        return { kind: 'page', html: overviewPage(await buildShell(context, visit, 'overview'), view) };
      },
    },
  ];
}
