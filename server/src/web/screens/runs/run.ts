/** `/runs/:run`: one run, live to its end; its log, cancelling it. */
import { idSchema, type RunId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { TOPICS } from '../../../core/bus.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { cancelRun, getRun, getRunDetail, type RunDetail } from '../../../core/runs/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import type { Crumb } from '../../ui/layout.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { findParts, getParam, readOnce } from '../params.ts';
import { findRestoredFile, nameFile } from '../restores/dump-words.ts';
import { buildShell } from '../shell.ts';
import { describeSuspicion } from '../snapshots/suspicion-words.ts';
import { RUN_PARTS, type RunView, runActions, runHeading, runLede, runNow, runPage, runSide } from './run.view.ts';
import { findRunActs } from './run-acts.ts';
import {
  findAwaited,
  listAttemptLines,
  listEvidence,
  listFigures,
  listPartLines,
  listPlaces,
  listTroubles,
} from './run-detail.ts';
import { downloadLog, readRunLogView } from './run-log.ts';
import { RUN_LOG, RUN_LOG_HEAD, type RunLogView, runLog, runLogHead, runLogPage } from './run-log.view.ts';
import { findFigures, loadNames, type Names, nameOf } from './run-names.ts';
import { listStoredLines } from './run-snapshots.ts';
import { hideProgress, toStageViews } from './run-stages.ts';
import { describeCause, describeLateBegin, describeLateReport, describeRun, describeSkipped, showState } from './run-words.ts';

const WARNINGS_SHOWN = 20;

interface RunScene {
  detail: RunDetail;
  names: Names;
  sources: readonly SourceId[];
}

async function readScene(context: CoreContext, visit: Visit, id: RunId): Promise<RunScene> {
  const detail = await getRunDetail(context, visit.caller, id);
  const { run, parts, named } = detail;
  const sources = parts.map((part) => part.source);
  const connection = run.target?.kind === 'database' ? run.target.source : undefined;
  const names = await loadNames(context, visit.caller, {
    hosts: [run.host, ...named.map(({ host }) => host)],
    plans: [run.plan],
    repositories: [run.repository],
    sources: [...sources, connection],
  });
  return { detail, names, sources };
}

/** What the crumbs call this run: the file that comes back, the source where there is one, otherwise the plan. */
function nameRun({ detail, names, sources }: RunScene): string {
  const file = findRestoredFile(detail.run);
  if (file !== undefined) return nameFile(file);
  const [only] = sources;
  if (sources.length === 1 && only !== undefined) return nameOf(names.sources, only, 'source');
  return detail.run.plan === undefined ? detail.run.kind : nameOf(names.plans, detail.run.plan, 'plan');
}

function buildCrumbs(visit: Visit, scene: RunScene): Crumb[] {
  const { run } = scene.detail;
  const known = scene.names.hosts.has(run.host);
  return [
    { label: 'Runs', href: visit.urls.runs() },
    { label: nameOf(scene.names.hosts, run.host, 'host'), ...(known ? { href: visit.urls.runs({ host: run.host }) } : {}) },
    { label: nameRun(scene) },
  ];
}

function buildView(context: CoreContext, visit: Visit, scene: RunScene): Omit<RunView, 'log'> {
  const { urls, caller } = visit;
  const { detail, names } = scene;
  const { run, parts, stages } = detail;
  const face = readClockface(context, visit);
  const host = names.hosts.get(run.host);
  const hostName = nameOf(names.hosts, run.host, 'host');
  const active = !isTerminal(run.state);
  const hostOnline = host?.standing === 'online';
  const awaits = active ? findAwaited(detail, face.now) : undefined;
  const heading = describeRun({
    awaits,
    run,
    parts,
    evidence: run.evidence,
    now: face.now,
    hostName,
    hostOnline,
  });
  const steps = toStageViews(run, stages, face.now);
  return {
    face,
    id: run.id,
    url: urls.run({ run: run.id }),
    topic: TOPICS.run(run.id),
    crumbs: buildCrumbs(visit, scene),
    title: `${nameRun(scene)}: ${showState(run, hostOnline)}`,
    heading,
    state: showState(run, hostOnline),
    active,
    at: run.startedAt ?? run.createdAt,
    remarks: [
      describeCause(run, run.plan === undefined ? undefined : names.plans.get(run.plan)?.name, face),
      ...[describeLateBegin(run, face), describeSkipped(run), describeLateReport(run)].filter((remark) => remark !== undefined),
      ...describeCancellation(detail, hostOnline),
    ],
    ...findRunActs(caller, detail, names, urls),
    stages: awaits ? [] : hostOnline ? steps : hideProgress(steps),
    progress:
      active && hostOnline && run.state !== 'queued' && awaits === undefined
        ? { label: `Progress of ${nameRun(scene)} on ${hostName}`, figures: findFigures(context, run) }
        : undefined,
    attempts: listAttemptLines(detail, names),
    awaits,
    troubles: listTroubles(detail, names, urls),
    warnings: [
      ...detail.snapshots.flatMap((snapshot) => describeSuspicion(snapshot) ?? []),
      ...parts.flatMap((part) => part.warnings),
    ].slice(0, WARNINGS_SHOWN),
    parts: parts.length > 1 ? listPartLines(detail, names, urls) : [],
    stored: listStoredLines(detail, names, urls),
    evidence: listEvidence(detail),
    figures: listFigures(detail),
    places: listPlaces(detail, names, urls),
  };
}

/** Who asked for the end, also while the host has not obeyed yet. */
function describeCancellation({ run, cancelledBy }: RunDetail, isHeard: boolean): string[] {
  if (cancelledBy === undefined) return [];
  if (run.state === 'cancelled') return [`cancelled by ${cancelledBy}`];
  const isAwaited = !isTerminal(run.state) && !isHeard;
  return [`${cancelledBy} asked for its end${isAwaited ? ', which its host hears when it is back' : ''}`];
}

const NO_LOG = {} as RunLogView;

async function showRun(context: CoreContext, visit: Visit): Promise<PageReply> {
  const scene = await readScene(context, visit, getParam(visit, 'run', idSchema('run')));
  const view = { ...buildView(context, visit, scene), log: NO_LOG };
  const readLog = readOnce(() => readRunLogView(context, visit, { run: scene.detail.run, face: view.face, alone: false }));
  const parts = await findParts(visit, {
    [RUN_PARTS.heading]: () => runHeading(view),
    [RUN_PARTS.lede]: () => runLede(view),
    [RUN_PARTS.actions]: () => runActions(view),
    [RUN_PARTS.now]: () => runNow(view),
    [RUN_PARTS.side]: () => runSide(view),
    [RUN_LOG]: async () => runLog(await readLog()),
    [RUN_LOG_HEAD]: async () => runLogHead(await readLog()),
  });
  if (parts !== undefined) return parts;
  return { kind: 'page', html: runPage(await buildShell(context, visit, 'runs'), { ...view, log: await readLog() }) };
}

async function showLog(context: CoreContext, visit: Visit): Promise<PageReply> {
  const scene = await readScene(context, visit, getParam(visit, 'run', idSchema('run')));
  const { run } = scene.detail;
  const log = await readRunLogView(context, visit, { run, face: readClockface(context, visit), alone: true });
  const parts = await findParts(visit, { [RUN_LOG]: () => runLog(log), [RUN_LOG_HEAD]: () => runLogHead(log) });
  if (parts !== undefined) return parts;
  const crumbs = [
    ...buildCrumbs(visit, scene).slice(0, -1),
    { label: nameRun(scene), href: visit.urls.run({ run: run.id }) },
    { label: 'Log' },
  ];
  const heading = `What ${nameRun(scene)} on ${nameOf(scene.names.hosts, run.host, 'host')} wrote.`;
  return { kind: 'page', html: runLogPage(await buildShell(context, visit, 'runs'), log, { crumbs, heading }) };
}

async function download(context: CoreContext, visit: Visit): Promise<PageReply> {
  return downloadLog(context, visit, await getRun(context, visit.caller, getParam(visit, 'run', idSchema('run'))));
}

async function cancel(context: CoreContext, visit: Visit): Promise<PageReply> {
  const run = await cancelRun(context, visit.caller, getParam(visit, 'run', idSchema('run')));
  const text = isTerminal(run.state)
    ? 'The run was taken back before its host heard of it.'
    : context.directory.isOnline(run.host)
      ? 'The host was asked to stop this run; it does so within a few seconds.'
      : 'The host is offline. It stops this run as soon as it is back, unless the run has ended by then.';
  return { kind: 'redirect', to: visit.urls.run({ run: run.id }), flash: { tone: 'good', text } };
}

export const RUN_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.run, handle: showRun },
  { method: 'get', path: PAGES.runLog, handle: showLog },
  { method: 'get', path: PAGES.downloadRunLog, handle: download },
  { method: 'post', path: PAGES.cancelRun, handle: cancel },
];
