/** `/plans/:plan`: one plan; running it, pausing it, deleting it. */
import { type HostId, idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { isAllowed } from '../../../core/caller.ts';
import { listMissedFires } from '../../../core/plans/missed-fires.ts';
import { deletePlan, getPlan, updatePlan } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../../core/protection/protected-sources.ts';
import { listRuns, startPlan } from '../../../core/runs/runs.ts';
import { listSnapshots } from '../../../core/snapshots/snapshots.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { FlashMessage, PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatDuration, formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatDay, formatRelative } from '../../ui/time.ts';
import { findLocalPath, PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findHostBegins } from '../hosts/host-begins.ts';
import { findId, getParam, wantsPart } from '../params.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { joinNames, readListedRuns, toRunLine } from '../runs/runs.ts';
import { type BriefRunsView, RUNS_TABLE, runsBrief } from '../runs/runs.view.ts';
import { buildShell } from '../shell.ts';
import { loadSnapshotNames, toSnapshotLine } from '../snapshots/snapshots.ts';
import { type LineName, MISSED_SHOWN, toMissedFiresView } from './missed-fires.ts';
import { type PlanSourceLine, type PlanView, planPage } from './plan.view.ts';
import { readPlanCopies } from './plan-copies.ts';
import { readPlanDrills } from './plan-drills.ts';
import { type HearingKind, readListeners } from './plan-listeners.ts';
import { describeOptions, listOptionFacts } from './plan-option-words.ts';
import { readPlanRetention } from './plan-retention.ts';
import { PLAN_RETENTION, planRetentionPanel } from './plan-retention.view.ts';
import { readRhythmNotes } from './plan-rhythm.ts';
import { listStoredFires } from './plan-schedule.ts';
import { findSharedFact } from './plan-sharing.ts';

const RUNS_SHOWN = 10;
const SNAPSHOTS_SHOWN = 8;
const FIRES_SHOWN = 6;
/** Sources named in the list; the rest is counted. */
const SOURCES_SHOWN = 50;

function describePlan(calendar: FireCalendar, plan: Plan): string {
  const what = formatNoun(plan.sources.length, 'source');
  if (!plan.enabled)
    return `“${plan.name}” is paused: its ${what} are not backed up by it.`.replace('1\u00a0source are', 'source is');
  if (plan.schedule === undefined) return `“${plan.name}” backs up ${what} when somebody asks for it.`;
  return `“${plan.name}” backs up ${what} ${calendar.describeCron(plan.schedule)}.`;
}

async function readRuns(context: CoreContext, visit: Visit, plan: Plan): Promise<BriefRunsView> {
  const { caller, urls } = visit;
  const face = readClockface(context, visit);
  const page = await listRuns(context, caller, { plan: plan.id }, { limit: RUNS_SHOWN });
  const listed = await readListedRuns(context, caller, page.rows);
  return {
    face,
    rows: page.rows.map((run) => toRunLine(run, listed, urls, face.now)),
    liveUrl: urls.plan({ plan: plan.id }),
  };
}

/** `; recovery proven 3 d ago, in 41 s`; nothing where the newest drill says otherwise, which is the reason itself. */
function describeProof({ proof }: ProtectedSource, face: Clockface): string {
  if (!proof?.proven || proof.newest?.isProven !== true) return '';
  return `; recovery proven ${formatRelative(proof.proven.endedAt, face)}, in ${formatDuration(proof.proven.restoreMs)}`;
}

interface SourceLines {
  judged: ReadonlyMap<SourceId, ProtectedSource>;
  names: Names;
  visit: Visit;
  face: Clockface;
}

function toSourceLine(id: SourceId, { judged, names, visit, face }: SourceLines): PlanSourceLine {
  const found = judged.get(id);
  const source = names.sources.get(id);
  return {
    id: `source-${id}`,
    name: nameOf(names.sources, id, 'source'),
    ...(source === undefined ? {} : { href: visit.urls.source({ source: id }) }),
    host: found?.host.name ?? 'a deleted host',
    ...(found === undefined
      ? {}
      : { protection: { state: found.protection.status, reason: `${found.protection.reason}${describeProof(found, face)}` } }),
  };
}

/** What a person should know before relying on the plan. */
function listRemarks(plan: Plan, judged: readonly ProtectedSource[]): string[] {
  const offline = [...new Set(judged.filter((one) => one.host.standing !== 'online').map((one) => one.host.name))];
  const off = judged.filter((one) => !one.source.enabled).map((one) => one.source.name);
  return [
    ...(plan.enabled && offline.length > 0
      ? [
          `${joinNames(offline)} cannot be reached from here. Hosts keep their schedule by themselves and report when they are back.`,
        ]
      : []),
    ...(off.length > 0 ? [`${joinNames(off)}: switched off, so left out of every run.`] : []),
  ];
}

async function showPlan(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  kinds: readonly HearingKind[],
): Promise<PageReply> {
  const { caller, urls } = visit;
  const plan = await getPlan(context, caller, getParam(visit, 'plan', idSchema('plan')));
  const runs = await readRuns(context, visit, plan);
  if (wantsPart(visit, RUNS_TABLE)) return { kind: 'page', html: runsBrief(runs) };
  const retention = await readPlanRetention(context, visit, plan);
  if (wantsPart(visit, PLAN_RETENTION)) return { kind: 'page', html: planRetentionPanel(retention) };
  const face = readClockface(context, visit);
  const names = await loadNames(context, caller, { sources: plan.sources, repositories: [plan.repository] });
  const sources = [...names.sources.values()].slice(0, SOURCES_SHOWN);
  const judged = await judgeSources({ ...context, listFires: calendar.listNextFires }, caller, sources);
  const snapshots = await listSnapshots(context, caller, { plan: plan.id }, { limit: SNAPSHOTS_SHOWN });
  const snapshotNames = await loadSnapshotNames(context, caller, snapshots.rows);
  const upcoming = listStoredFires(calendar, plan.schedule, face.now, FIRES_SHOWN);
  const shared = await findSharedFact(context, visit, plan);
  const readable = upcoming.fires.length === 0 ? undefined : plan.schedule;
  const rhythm = await readRhythmNotes(context, visit, calendar, { schedule: readable, policy: plan.retentionPolicy });
  const hosts = new Map(judged.map((one) => [one.host.id, one.host]));
  const missed = await listMissedFires(context, caller, { plan: plan.id }, { limit: MISSED_SHOWN });
  const nameOfHost = (id: HostId): LineName => {
    const host = hosts.get(id);
    return host === undefined ? { name: 'another host' } : { name: host.name, href: urls.host({ host: id }) };
  };
  const judgedById = new Map(judged.map((one) => [one.source.id, one]));
  const view: PlanView = {
    face,
    crumbs: [{ label: 'Plans', href: urls.plans() }, { label: plan.name }],
    name: plan.name,
    heading: describePlan(calendar, plan),
    lede: `to ${nameOf(names.repositories, plan.repository, 'repository')}`,
    enabled: plan.enabled,
    ...(plan.enabled ? { nextAt: upcoming.fires[0] } : {}),
    sources: plan.sources.slice(0, SOURCES_SHOWN).map((id) => toSourceLine(id, { judged: judgedById, names, visit, face })),
    facts: [...shared, ...listFacts(plan, names, visit, formatDay(plan.updatedAt, face))],
    listeners: await readListeners(context, visit, plan, kinds),
    cron: plan.schedule?.cron,
    options: { facts: listOptionFacts(plan.options), words: describeOptions(plan.options) },
    missed: toMissedFiresView(context, face, urls, {
      page: missed,
      nameOf: (fire) => nameOfHost(fire.host),
      pairs: [...hosts.values()].slice(0, MISSED_SHOWN).map((host) => ({ plan, host, ...nameOfHost(host.id) })),
    }),
    fires: { ...upcoming, notes: [...rhythm, ...upcoming.notes] },
    begins:
      plan.schedule !== undefined && plan.enabled && upcoming.fires.length > 0
        ? findHostBegins(
            calendar,
            plan,
            plan.schedule,
            [...hosts.values()].map((host) => ({ id: host.id, ...nameOfHost(host.id) })),
            face,
          )
        : undefined,
    runs,
    allRunsHref: urls.runs({ plan: plan.id }),
    snapshots: snapshots.rows.map((row) => toSnapshotLine(row, snapshotNames, caller, urls)),
    allSnapshotsHref: urls.snapshots({ plan: plan.id }),
    retention,
    copies: await readPlanCopies(context, visit, plan),
    drills: await readPlanDrills(context, visit, calendar, plan),
    remarks: listRemarks(plan, judged),
    ...(isAllowed(caller, 'run.start') ? { runAction: urls.runPlan({ plan: plan.id }) } : {}),
    ...(isAllowed(caller, 'plan.manage')
      ? {
          manage: {
            editHref: urls.editPlan({ plan: plan.id }),
            action: urls.plan({ plan: plan.id }),
            deleteAction: urls.deletePlan({ plan: plan.id }),
          },
        }
      : {}),
  };
  return { kind: 'page', html: planPage(await buildShell(context, visit, 'plans'), view) };
}

function listFacts(plan: Plan, names: Names, visit: Visit, changed: string): PlanView['facts'] {
  const { urls } = visit;
  const known = names.repositories.has(plan.repository);
  return [
    {
      label: 'repository',
      value: nameOf(names.repositories, plan.repository, 'repository'),
      ...(known ? { href: urls.repository({ repository: plan.repository }) } : {}),
    },
    ...(plan.schedule === undefined ? [] : [{ label: 'time zone', value: plan.schedule.zone }]),
    { label: 'changed', value: changed },
  ];
}

function readOnly(visit: Visit): readonly SourceId[] | undefined {
  const text = readText(visit.form, 'sources');
  if (text === '') return undefined;
  const ids = text
    .split(',')
    .slice(0, RUNS.partsPerRun)
    .map((one) => findId(one, idSchema('source')));
  return ids.filter((id) => id !== undefined);
}

async function runNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls } = visit;
  const id = getParam(visit, 'plan', idSchema('plan'));
  try {
    const { runs } = await startPlan(context, visit.caller, id, readOnly(visit));
    const [first] = runs;
    if (runs.length === 1 && first !== undefined) return { kind: 'redirect', to: urls.run({ run: first.id }) };
    const text = `${formatNoun(runs.length, 'run')} started, one on each host of the plan.`;
    return { kind: 'redirect', to: urls.runs({ plan: id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.plan({ plan: id }), flash: { tone: 'bad', text: thrown.message } };
  }
}

/** The list of plans the act was asked for on, with its filters. */
function findListAddress({ form, urls }: Visit): string | undefined {
  const back = findLocalPath(readText(form, 'back'), urls.basePath);
  return back === urls.plans() || back?.startsWith(`${urls.plans()}?`) === true ? back : undefined;
}

async function switchPlan(context: CoreContext, visit: Visit): Promise<PageReply> {
  const enabled = readText(visit.form, 'enabled') === 'true';
  const { id, name, ...before } = await getPlan(context, visit.caller, getParam(visit, 'plan', idSchema('plan')));
  const list = findListAddress(visit);
  const action = visit.urls.plan({ plan: id });
  const to = list ?? action;
  const tell = (text: string): FlashMessage => ({ tone: 'good', text });
  if (before.enabled === enabled)
    return { kind: 'redirect', to, flash: tell(enabled ? `“${name}” is enabled already.` : `“${name}” is paused already.`) };
  await updatePlan(context, visit.caller, id, { enabled });
  const hidden = { enabled: String(!enabled), ...(list === undefined ? {} : { back: list }) };
  const text = enabled ? `“${name}” fires again by its schedule.` : `“${name}” is paused; its snapshots stay.`;
  return { kind: 'redirect', to, flash: { ...tell(text), undo: { action, hidden } } };
}

async function remove(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getParam(visit, 'plan', idSchema('plan'));
  const plan = await getPlan(context, visit.caller, id);
  await deletePlan(context, visit.caller, id);
  const text = `The plan “${plan.name}” is deleted; its snapshots stay.`;
  return { kind: 'redirect', to: visit.urls.plans(), flash: { tone: 'good', text } };
}

export function createPlanPageScreens(calendar: FireCalendar, kinds: readonly HearingKind[]): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.plan, handle: (context, visit) => showPlan(context, visit, calendar, kinds) },
    { method: 'post', path: PAGES.plan, handle: switchPlan },
    { method: 'post', path: PAGES.runPlan, handle: runNow },
    { method: 'post', path: PAGES.deletePlan, handle: remove },
  ];
}
