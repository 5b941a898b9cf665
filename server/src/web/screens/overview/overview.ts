/** `/`: is everything protected, and what needs a person? */
import { takeFront } from '@holdfast/shared/front.ts';
import { TOPICS } from '../../../core/bus.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { FleetLook, LookedSource } from '../../../core/fleet/look.ts';
import { countOnlineHosts } from '../../../core/hosts/hosts.ts';
import { listPendingHosts } from '../../../core/hosts/pending-hosts.ts';
import { type Installation, readInstallation } from '../../../core/installation-settings.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ProtectionCounts, ProtectionStatus } from '../../../core/protection/protection.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import type { Run } from '../../../store/runs.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { viewOfProtection } from '../../ui/status.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { describeOpen } from '../alerts/alert-words.ts';
import { readClockface } from '../clockface.ts';
import { RUNNING_SHOWN, sayRunning } from '../navigation.ts';
import { findParts } from '../params.ts';
import { type AwaitedThing, findAwaited } from '../runs/run-detail.ts';
import { findFigures, nameOf } from '../runs/run-names.ts';
import { describeTrigger, showState } from '../runs/run-words.ts';
import { readListedRuns, titleOfRun } from '../runs/runs.ts';
import { buildShell } from '../shell.ts';
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
import { type DuePlan, listDue, readNight } from './overview-night.ts';
import { gatherSources } from './overview-sources.ts';
import { readTrust } from './overview-trust.ts';

const GOING_SHOWN = 8;
const NEXT_SHOWN = 6;
const ORDER: readonly ProtectionStatus[] = ['protected', 'at_risk', 'unprotected', 'unknown', 'paused'];

interface Fleet {
  look: FleetLook;
  hosts: { total: number; active: number };
  repositories: number;
  snapshots: number;
}

async function readFleet({ store, fleet }: CoreContext, { caller: { tenant } }: Visit): Promise<Fleet> {
  const [look, hosts, repositories, snapshots] = await Promise.all([
    fleet.look(tenant),
    store.hosts.countHosts(tenant),
    store.repositories.countRepositories(tenant),
    store.snapshots.countSnapshots(tenant),
  ]);
  return { look, hosts, repositories, snapshots };
}

/** The page's answer. */
export function describeFleet(counts: ProtectionCounts, total: number): string {
  if (total === 0) return 'Nothing is protected yet.';
  if (counts.protected === total)
    return total === 1 ? 'The one source is protected.' : `All ${formatCount(total)} sources are protected.`;
  return `${formatCount(counts.protected)} of ${formatNoun(total, 'source')} ${counts.protected === 1 || total === 1 ? 'is' : 'are'} protected.`;
}

/** Of how many sources the recovery was proven, and how long ago at most. */
function describeProofs(sources: readonly LookedSource[], face: Clockface): string[] {
  const { count, oldestAt } = gatherSources(sources).proofs;
  if (count === 0) return [];
  const of = count === sources.length ? 'all' : formatCount(count);
  return [`recovery proven of ${of}, the oldest proof ${formatRelative(oldestAt, face)}`];
}

function describeRest({ look: { counts, sources } }: Fleet, face: Clockface): string {
  if (sources.length === 0) return 'From here it takes about five minutes to the first proven backup.';
  const parts = ORDER.slice(1)
    .filter((status) => counts[status] > 0)
    .map((status) => `${formatCount(counts[status])} ${viewOfProtection(status).word}`);
  const oldest = gatherSources(sources).oldestGoodAt;
  return [
    ...parts,
    ...(counts.protected === 0 ? [] : [`oldest good backup of a protected source ${formatRelative(oldest, face)}`]),
    ...describeProofs(sources, face),
  ].join(' · ');
}

/** What a run that holds no slot waits for; see `findAwaited`. */
async function readAwaited({ store, clock }: CoreContext, run: Run): Promise<AwaitedThing | undefined> {
  if (run.state !== 'running') return undefined;
  const attempts = await store.runs.listAttempts(run.tenant, run.id);
  if (attempts.length === 0) return undefined;
  const stages = await store.runs.listStages(run.tenant, run.id);
  return findAwaited({ run, attempts, stages }, clock.now());
}

function showGoing(run: Run, isAwaiting: boolean, hostOnline: boolean): GoingRun['state'] {
  const state = showState(run, hostOnline);
  if (state === 'unknown') return state;
  if (isAwaiting) return 'queued';
  return state === 'queued' || state === 'finalizing' ? state : 'running';
}

const AWAITED_WORDS: Readonly<Record<AwaitedThing, string>> = {
  attempt: 'waits for its next attempt',
  repository: 'waits until others let go of its repository',
};

async function readGoing(context: CoreContext, visit: Visit): Promise<Pick<OverviewView, 'going' | 'goingCount'>> {
  const { caller, urls } = visit;
  const page = await listRuns(context, caller, { active: true }, { limit: RUNNING_SHOWN + 1 });
  const shown = page.rows.slice(0, GOING_SHOWN);
  const listed = await readListedRuns(context, caller, shown);
  const awaited = await Promise.all(shown.map((run) => readAwaited(context, run)));
  const going = shown.map(
    (run, index): GoingRun => ({
      id: run.id,
      title: `${nameOf(listed.names.hosts, run.host, 'host')} / ${titleOfRun(run, listed.sources.get(run.id) ?? [], listed.names)}`,
      href: urls.run({ run: run.id }),
      detail: [
        run.plan === undefined ? run.kind : nameOf(listed.names.plans, run.plan, 'plan'),
        awaited[index] === undefined ? describeTrigger(run) : AWAITED_WORDS[awaited[index]],
      ].join(' · '),
      state: showGoing(run, awaited[index] !== undefined, listed.names.hosts.get(run.host)?.standing === 'online'),
      topic: TOPICS.run(run.id),
      figures: findFigures(context, run),
    }),
  );
  return { going, goingCount: sayRunning(page.rows.length) };
}

/** What is left until the first clean backup; nothing once there is one. */
function listSteps(fleet: Fleet, visit: Visit, hasRun: boolean, { firstSteps }: Installation): readonly FirstStep[] {
  const { urls } = visit;
  const { plans, sources } = fleet.look;
  if (!firstSteps || (fleet.snapshots > 0 && plans.length > 0)) return [];
  const [plan] = plans;
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
      done: sources.length > 0,
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

function listNext(due: readonly DuePlan[], visit: Visit): OverviewView['next'] {
  return takeFront(due, NEXT_SHOWN, (a, b) => a.at - b.at).map(({ plan, at }) => ({
    id: plan.id,
    name: plan.name,
    href: visit.urls.plan({ plan: plan.id }),
    at,
  }));
}

function listTotals(
  fleet: Fleet,
  visit: Visit,
  { online, degraded }: Awaited<ReturnType<typeof countOnlineHosts>>,
): OverviewView['totals'] {
  const { urls } = visit;
  return [
    { label: 'hosts online', value: `${formatCount(online)} of ${formatCount(fleet.hosts.active)}`, href: urls.hosts() },
    ...(degraded === 0
      ? []
      : [{ label: 'hosts degraded', value: formatCount(degraded), href: urls.hosts({ state: 'degraded' }) }]),
    { label: 'sources', value: formatCount(fleet.look.sources.length), href: urls.sources() },
    { label: 'plans', value: formatCount(fleet.look.plans.length), href: urls.plans() },
    { label: 'repositories', value: formatCount(fleet.repositories), href: urls.repositories() },
    { label: 'snapshots', value: formatCount(fleet.snapshots), href: urls.snapshots() },
  ];
}

async function buildView(context: CoreContext, visit: Visit, calendar: FireCalendar): Promise<OverviewView> {
  const { urls, caller } = visit;
  const face = readClockface(context, visit);
  const installation = await readInstallation(context);
  const fleet = await readFleet(context, visit);
  const { look } = fleet;
  const due = listDue(look);
  const pending = await listPendingHosts(context, caller);
  const { needs, more, moreAlerts, openAlerts } = await readNeeds(context, visit, face, { pending, look });
  const night = await readNight(context, visit, calendar, { ...face, look, due, hostsShown: installation.nightHosts });
  return {
    face,
    url: urls.overview(),
    heading: describeFleet(look.counts, look.sources.length),
    lede: describeRest(fleet, face),
    shares: ORDER.map((status) => {
      const { word, tone } = viewOfProtection(status);
      return { count: look.counts[status], word, tone };
    }).filter((share) => share.count > 0),
    ...(isAllowed(caller, 'host.approve') ? { addHostHref: urls.addHost() } : {}),
    needs,
    moreNeeds: more,
    moreAlerts,
    openAlerts: openAlerts === 0 ? undefined : describeOpen(openAlerts),
    alertsHref: urls.alerts(),
    sourcesHref: urls.sources(),
    boardHref: look.sources.length > 0 ? urls.board() : undefined,
    ...(await readGoing(context, visit)),
    goingHref: urls.runs({ state: 'active' }),
    night,
    runsHref: urls.runs({ period: 'day' }),
    next: listNext(due, visit),
    totals: listTotals(fleet, visit, await countOnlineHosts(context, caller.tenant)),
    trust: await readTrust(context, visit, face, look),
    ...(isAllowed(caller, 'plan.manage') ? { welcomeHref: urls.welcome() } : {}),
    steps: listSteps(
      fleet,
      visit,
      night.rows.some((row) => row.bars.length > 0),
      installation,
    ),
  };
}

/** The overview, given the room that knows when schedules are due. */
export function createOverviewScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    {
      method: 'get',
      path: PAGES.overview,
      async handle(context, visit): Promise<PageReply> {
        const view = await buildView(context, visit, calendar);
        const parts = await findParts(visit, {
          [OVERVIEW.heading]: () => overviewHeading(view),
          [OVERVIEW.lede]: () => overviewLede(view),
          [OVERVIEW.body]: () => overviewBody(view),
        });
        return parts ?? { kind: 'page', html: overviewPage(await buildShell(context, visit, 'overview'), view) };
      },
    },
  ];
}
