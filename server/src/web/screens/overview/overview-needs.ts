/** What needs a person, gravest first, each with one act. */
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import type { FleetLook, LookedSource } from '../../../core/fleet/look.ts';
import type { PendingHost } from '../../../core/hosts/pending-hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { countFindings } from '../../../core/sources/findings.ts';
import type { Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { SOURCES_PREFILLED } from '../plans/plan-source-groups.ts';
import { shortenSentence, splitFailure } from '../runs/run-words.ts';
import { joinNames, NAMES_SHOWN } from '../runs/runs.ts';
import type { Need } from './overview.view.ts';
import { listAlertNeeds } from './overview-alerts.ts';
import { gatherSources, type SilentHosts, sayNames } from './overview-sources.ts';

const NEEDS_SHOWN = 12;
/** Lines that stay with sources in trouble, however much else there is. */
const TROUBLED_LEAST = 4;
/** Of one kind with a line each: more of it is one line. A power cut is one thing to see to, not a hundred. */
const EACH_SHOWN = 3;
/** Plans on hosts that owe a fire, the newest first. */
const MISSES_READ = 200;

function toPendingNeed(host: PendingHost, visit: Visit): Need {
  return {
    id: host.id,
    status: { host: 'pending' },
    title: `${host.hostname} wants to join`,
    mono: host.fingerprint,
    detail: `${host.facts.os} · ${host.address}${host.nameTakenBy === undefined ? '' : ' · another has this name'}`,
    act: { label: 'Compare and approve', href: visit.urls.hosts() },
  };
}

/** Each that wants to join, or all of them in one line. */
function listPendingNeeds(pending: readonly PendingHost[], visit: Visit): Need[] {
  if (pending.length <= EACH_SHOWN) return pending.map((host) => toPendingNeed(host, visit));
  return [
    {
      id: 'pending',
      status: { host: 'pending' },
      title: `${formatNoun(pending.length, 'host')} want to join`,
      detail: sayNames(pending.map(({ hostname }) => hostname)),
      act: { label: 'Compare and approve', href: visit.urls.hosts() },
    },
  ];
}

/** One line for all sources of a silent host, since the host is what needs looking at; one for all of many silent hosts. */
function listSilentNeeds(silent: SilentHosts, visit: Visit, face: Clockface): readonly Need[] {
  if (silent.hosts.size > EACH_SHOWN) return [groupSilent(silent, visit, face)];
  return [...silent.hosts].map(([{ id, name, lastSeenAt }, count]): Need => {
    const seen = lastSeenAt === undefined ? 'never connected' : `last seen ${formatRelative(lastSeenAt, face)}`;
    return {
      id,
      status: { host: 'offline' },
      title: name,
      href: visit.urls.host({ host: id }),
      detail: `${seen} · ${formatNoun(count, 'source')} unknown until it reports`,
      act: { label: 'Open host', href: visit.urls.host({ host: id }) },
    };
  });
}

/** When the last of them was heard of tells whether it was one event. */
function groupSilent({ hosts, sources, newestAt, names }: SilentHosts, { urls }: Visit, face: Clockface): Need {
  const seen = newestAt === 0 ? 'none ever connected' : `the last of them was seen ${formatRelative(newestAt, face)}`;
  const href = urls.hosts({ state: 'offline' });
  return {
    id: 'silent',
    status: { host: 'offline' },
    title: `${formatNoun(hosts.size, 'host')} are silent`,
    href,
    detail: `${names} · ${seen} · ${formatNoun(sources, 'source')} unknown until they report`,
    act: { label: 'See hosts', href },
  };
}

function findPlanless(sources: readonly LookedSource[], caller: Caller, visit: Visit): Need[] {
  const [first] = sources;
  if (first === undefined) return [];
  const ids = sources.slice(0, SOURCES_PREFILLED).map((one) => one.source.id);
  const shown = sources.slice(0, NAMES_SHOWN).map((one) => `${one.host.name} / ${one.source.name}`);
  const names = joinNames(shown, sources.length);
  const href = isAllowed(caller, 'plan.manage') ? visit.urls.addPlan({ sources: ids }) : visit.urls.sources();
  return [
    {
      id: 'planless',
      status: { protection: 'unprotected' },
      title: sources.length === 1 ? `${names} is in no plan` : `${formatNoun(sources.length, 'source')} are in no plan`,
      detail: sources.length === 1 ? 'nothing backs it up' : names,
      act: { label: isAllowed(caller, 'plan.manage') ? 'Make a plan' : 'See sources', href },
    },
  ];
}

/** What hosts found that no source covers: one line, however much it is. */
async function listCoverageNeeds(context: CoreContext, visit: Visit): Promise<Need[]> {
  const { open, fresh } = await countFindings(context, visit.caller);
  if (open === 0) return [];
  const detail =
    fresh === 0 ? 'databases and big directories that nothing backs up' : `${fresh} of them appeared since the first look`;
  return [
    {
      id: 'coverage',
      status: { protection: 'unprotected' },
      title: `${formatNoun(open, 'thing')} on your hosts ${open === 1 ? 'is' : 'are'} covered by no source`,
      href: visit.urls.coverage(),
      detail,
      act: { label: 'See coverage', href: visit.urls.coverage() },
    },
  ];
}

/** The tool's own words of the last run, where it ended badly. */
async function readWords(context: CoreContext, visit: Visit, one: LookedSource): Promise<string | undefined> {
  const { standing } = one.source;
  if (standing?.lastRun === undefined || (standing.lastState !== 'failed' && standing.lastState !== 'partial')) return undefined;
  const [run, parts] = await Promise.all([
    context.store.runs.findRun(visit.caller.tenant, standing.lastRun),
    context.store.runs.listParts(visit.caller.tenant, standing.lastRun),
  ]);
  const part = parts.find((candidate) => candidate.source === one.source.id);
  const failure = part?.failure ?? run?.failure;
  return failure === undefined ? part?.warnings[0] : shortenSentence(splitFailure(failure).what, 160);
}

async function toSourceNeed(context: CoreContext, visit: Visit, look: FleetLook, one: LookedSource): Promise<Need> {
  const { source, host, protection } = one;
  const { standing } = source;
  const words = await readWords(context, visit, one);
  const open = (run: RunId): Need['act'] => ({ label: 'Open run', href: visit.urls.run({ run }) });
  const openSource = (id: SourceId): Need['act'] => ({ label: 'Open source', href: visit.urls.source({ source: id }) });
  return {
    id: source.id,
    status: { protection: protection.status },
    title: `${host.name} / ${source.name}`,
    href: visit.urls.source({ source: source.id }),
    detail: [words, look.explain(one)].filter((part) => part !== undefined).join(' · '),
    act: standing?.lastRun === undefined ? openSource(source.id) : open(standing.lastRun),
  };
}

/** Plans that owe fires as one line, where they are many. */
function groupMissed(missed: readonly MissedNeed[], { urls }: Visit): readonly Need[] {
  if (missed.length <= EACH_SHOWN) return missed;
  return [
    {
      id: 'missed',
      status: { protection: 'at_risk' },
      title: `${formatNoun(missed.length, 'plan')} missed fires`,
      href: urls.plans(),
      detail: `${sayNames(missed.map(({ plan }) => plan))} · nothing ran within the grace`,
      act: { label: 'See plans', href: urls.plans() },
    },
  ];
}

type MissedNeed = Need & { readonly plan: string };

/** One line for each plan that owes fires: the plan is what needs looking at, not each of its sources. */
async function listMissedNeeds(context: CoreContext, visit: Visit, face: Clockface): Promise<readonly MissedNeed[]> {
  const { store } = context;
  const { tenant } = visit.caller;
  const misses = await store.fires.listOpenMisses(tenant, {}, MISSES_READ);
  const plans = await store.plans.findPlans(
    tenant,
    misses.map((miss) => miss.plan),
  );
  const hosts = await store.hosts.findHosts(
    tenant,
    misses.map((miss) => miss.host),
  );
  const hostNames = new Map(hosts.filter((host) => host.state === 'active').map((host) => [host.id, host.name]));
  return plans.flatMap((plan) => {
    const own = misses.filter((miss) => miss.plan === plan.id && hostNames.has(miss.host));
    const newestAt = Math.max(...own.map((miss) => miss.newestAt));
    if (!plan.enabled || own.length === 0) return [];
    const count = own.reduce((sum, miss) => sum + miss.count, 0);
    const when = count === 1 ? 'it was due' : 'the last was due';
    const href = visit.urls.plan({ plan: plan.id });
    return [
      {
        id: plan.id,
        plan: plan.name,
        status: { protection: 'at_risk' as const },
        title: `${plan.name} missed ${formatNoun(count, 'fire')}`,
        href,
        detail: `${joinNames(own.map((miss) => hostNames.get(miss.host) ?? ''))} · ${when} ${formatRelative(newestAt, face)}, and nothing ran within the grace`,
        act: { label: 'Open plan', href },
      },
    ];
  });
}

export interface Needs {
  needs: readonly Need[];
  /** Sources and others beyond those listed, and alerts beyond them. */
  more: number;
  moreAlerts: number;
  /** All that are open, whether or not they have a line. */
  openAlerts: number;
}

export async function readNeeds(
  context: CoreContext,
  visit: Visit,
  face: Clockface,
  { pending: announced, look }: { pending: readonly PendingHost[]; look: FleetLook },
): Promise<Needs> {
  const { caller } = visit;
  const { planless, silent, troubled: bad } = gatherSources(look.sources);
  const pending = isAllowed(caller, 'host.approve') ? listPendingNeeds(announced, visit) : [];
  const missed = await listMissedNeeds(context, visit, face);
  const alerts = await listAlertNeeds(context, visit, {
    sources: new Set([...planless, ...bad].map(({ source }) => source.id)),
    plans: new Set(missed.map(({ id }) => id)),
    hosts: silent.ids,
    isSilenceTold: silent.hosts.size > EACH_SHOWN,
  });
  const others = [
    ...alerts.needs,
    ...groupMissed(missed, visit),
    ...listSilentNeeds(silent, visit, face),
    ...findPlanless(planless, caller, visit),
    ...(await listCoverageNeeds(context, visit)),
  ];
  const room = Math.max(TROUBLED_LEAST, NEEDS_SHOWN - others.length - pending.length);
  const troubled = await Promise.all(bad.slice(0, room).map((one) => toSourceNeed(context, visit, look, one)));
  const all = [...troubled, ...pending, ...others];
  const more = Math.max(0, all.length - NEEDS_SHOWN) + Math.max(0, bad.length - room);
  return { needs: all.slice(0, NEEDS_SHOWN), more, moreAlerts: alerts.more, openAlerts: alerts.open };
}
