/** `/welcome`: from an empty server to a first backup that is proven, step by step. It may be left at any time and goes on where it was. */
import { TOPICS } from '../../../core/bus.ts';
import { demand } from '../../../core/caller.ts';
import { findDrillFault } from '../../../core/drills/drill-fault.ts';
import { startDrill } from '../../../core/drills/drills.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { startPlan } from '../../../core/runs/runs.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatSpan } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { readPending } from '../hosts/host-pending.ts';
import { PENDING_ID, pendingHosts, waitingForHost } from '../hosts/host-pending.view.ts';
import { findParts, readOnce } from '../params.ts';
import { findFigures } from '../runs/run-names.ts';
import { shortenSentence, splitFailure } from '../runs/run-words.ts';
import { buildShell } from '../shell.ts';
import {
  type OpenStep,
  WELCOME,
  WELCOME_STEPS,
  type WelcomeRun,
  type WelcomeStep,
  type WelcomeView,
  welcomeBody,
  welcomeHeading,
  welcomePage,
} from './welcome.view.ts';
import {
  buildPlanForm,
  buildRepositoryForm,
  buildSourceForm,
  type Outcome,
  openRepository,
  type Refused,
  savePlan,
  saveRepository,
  saveSource,
} from './welcome-forms.ts';
import { findMissing, isDone, readProgress, type WelcomeProgress } from './welcome-progress.ts';
import { listLines, listNext, STEP_NEEDS, STEP_TITLES } from './welcome-words.ts';

function findStep(text: string | undefined): WelcomeStep | undefined {
  return WELCOME_STEPS.find((step) => step === text);
}

async function readPendingHere(context: CoreContext, visit: Visit) {
  const { urls } = visit;
  const pending = await readPending(context, visit);
  return { ...pending, here: urls.welcomeStep({ step: 'host' }), approvedTo: urls.welcome(), waiting: waitingForHost() };
}

function toRun(context: CoreContext, visit: Visit, run: Run): WelcomeRun {
  return {
    id: run.id,
    state: run.state,
    href: visit.urls.run({ run: run.id }),
    topic: TOPICS.run(run.id),
    figures: findFigures(context, run),
    failure: run.failure === undefined ? undefined : shortenSentence(splitFailure(run.failure).what, 200),
  };
}

/** Whether the host still works by older settings than it should: an order would be refused. */
function isTelling({ host }: WelcomeProgress): boolean {
  return host?.drift === true;
}

/** What was made, where a step is looked at again after it was done. */
function findMade(visit: Visit, step: WelcomeStep, progress: WelcomeProgress): OpenStep | undefined {
  const { urls } = visit;
  const { host, source, repository, plan } = progress;
  const made = (text: string, href: string, label: string): OpenStep => ({ kind: 'made', text, href, label });
  if (step === 'host' && host !== undefined)
    return made(`${host.name} has joined.`, urls.host({ host: host.id }), 'Open the host');
  if (step === 'source' && source !== undefined)
    return made(`${source.name} is a source.`, urls.source({ source: source.id }), 'Open the source');
  if (step === 'repository' && repository?.engineId !== undefined)
    return made(`${repository.name} is there and opens.`, urls.repository({ repository: repository.id }), 'Open the repository');
  if (step === 'plan' && plan !== undefined)
    return made(`The plan “${plan.name}” is made.`, urls.plan({ plan: plan.id }), 'Open the plan');
  return undefined;
}

function openProof(context: CoreContext, visit: Visit, progress: WelcomeProgress): OpenStep {
  const { urls } = visit;
  const { source, drill } = progress;
  const fault = source === undefined ? undefined : findDrillFault(source.kind);
  if (source !== undefined && fault !== undefined)
    return { kind: 'impossible', why: `${fault}.`, href: urls.restores(), label: 'Restore by hand' };
  return {
    kind: 'run',
    intro:
      'A backup is worth what can be restored of it. A drill restores the newest one to a place of its own, compares what came back, and clears it away; nothing of yours is touched.',
    action: urls.welcomeStep({ step: 'proof' }),
    submit: 'Try out the restore',
    run: drill && toRun(context, visit, drill),
    isTelling: false,
  };
}

async function openStep(
  context: CoreContext,
  visit: Visit,
  step: WelcomeStep,
  progress: WelcomeProgress,
  refused: Refused | undefined,
): Promise<OpenStep> {
  const { urls } = visit;
  const missing = findMissing(step, progress);
  if (missing !== undefined) return { kind: 'missing', need: STEP_NEEDS[missing], href: urls.welcomeStep({ step: missing }) };
  const made = findMade(visit, step, progress);
  if (made !== undefined && refused === undefined) return made;
  const { host, repository, backup } = progress;
  switch (step) {
    case 'source':
      if (host !== undefined) return buildSourceForm(visit, host, refused);
      break;
    case 'repository':
      if (host === undefined) break;
      if (repository === undefined) return buildRepositoryForm(visit, host, refused);
      return {
        kind: 'opening',
        name: repository.name,
        href: urls.repository({ repository: repository.id }),
        action: urls.welcomeStep({ step }),
        test: refused?.test,
      };
    case 'plan':
      return buildPlanForm(visit, progress, refused);
    case 'run':
      return {
        kind: 'run',
        intro:
          'The host reads the source and writes to the repository; this page follows it. Green means that the backup was read back and is what it should be.',
        action: urls.welcomeStep({ step }),
        submit: 'Run now',
        run: backup && toRun(context, visit, backup),
        isTelling: isTelling(progress),
      };
    case 'proof':
      return openProof(context, visit, progress);
    case 'host':
      break;
  }
  return { kind: 'host', serverUrl: context.baseUrl, pending: await readPendingHere(context, visit) };
}

function findTopics(step: WelcomeStep | undefined, progress: WelcomeProgress): readonly string[] {
  const run = step === 'run' ? progress.backup : step === 'proof' ? progress.drill : undefined;
  if (step !== 'run' && step !== 'proof') return [];
  return [TOPICS.overview, TOPICS.hosts, ...(run === undefined ? [] : [TOPICS.run(run.id)])];
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  wanted: WelcomeStep | undefined,
  refused?: Refused,
): Promise<WelcomeView> {
  const { urls } = visit;
  const progress = await readProgress(context, visit);
  const current = wanted ?? WELCOME_STEPS.find((step) => !isDone(step, progress));
  const at = current === undefined ? WELCOME_STEPS.length : WELCOME_STEPS.indexOf(current);
  const after = WELCOME_STEPS.slice(at + 1).find((step) => !isDone(step, progress));
  const isOver = current === undefined || (current === 'proof' && isDone('proof', progress));
  const { proven } = progress;
  return {
    heading: isOver
      ? 'Your first backup is proven.'
      : `Step ${at + 1} of ${WELCOME_STEPS.length}: ${STEP_TITLES[current].toLowerCase()}.`,
    lede: isOver
      ? `It was restored and compared${proven === undefined ? '' : `, in ${formatSpan(proven.restoreMs)}`}. From now on the host backs up by itself.`
      : 'From an empty server to a first proven backup in about five minutes. What is done stays done: leave, and go on later.',
    title: current === undefined ? 'What comes next' : STEP_TITLES[current],
    steps: listLines(visit, progress),
    current: isOver ? undefined : current,
    open: isOver ? undefined : await openStep(context, visit, current, progress, refused),
    here: urls.welcomeStep({ step: current ?? 'proof' }),
    topics: isOver ? [] : findTopics(current, progress),
    onwardHref: isOver || after === undefined ? undefined : urls.welcomeStep({ step: after }),
    isDone: current === undefined || isDone(current, progress),
    overviewHref: urls.overview(),
    next: isOver ? listNext(visit) : [],
  };
}

async function show(context: CoreContext, visit: Visit, step: WelcomeStep | undefined, refused?: Refused): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  const readView = readOnce(() => buildView(context, visit, step, refused));
  const parts = await findParts(visit, {
    [PENDING_ID]: async () => pendingHosts(await readPendingHere(context, visit)),
    [WELCOME.body]: async () => welcomeBody(await readView()),
    [WELCOME.heading]: async () => welcomeHeading(await readView()),
  });
  if (parts !== undefined) return parts;
  const shell = await buildShell(context, visit, 'overview');
  return { kind: 'page', status: refused === undefined ? 200 : 422, html: welcomePage(shell, await readView()) };
}

/** Starts what a step of runs is about. The page follows it. */
async function start(context: CoreContext, visit: Visit, step: 'run' | 'proof', progress: WelcomeProgress): Promise<PageReply> {
  const to = visit.urls.welcomeStep({ step });
  try {
    if (step === 'run' && progress.plan !== undefined) await startPlan(context, visit.caller, progress.plan.id);
    if (step === 'proof' && progress.source !== undefined)
      await startDrill(context, visit.caller, { source: progress.source.id });
    return { kind: 'redirect', to };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

async function save(
  context: CoreContext,
  visit: Visit,
  step: WelcomeStep,
  progress: WelcomeProgress,
): Promise<Outcome | undefined> {
  const { host, repository } = progress;
  if (host === undefined) return undefined;
  if (step === 'source') return saveSource(context, visit, host);
  if (step === 'plan') return savePlan(context, visit, progress);
  if (step !== 'repository') return undefined;
  const isOpening = readText(visit.form, 'act') === 'open' && repository !== undefined;
  return isOpening ? openRepository(context, visit, repository, host) : saveRepository(context, visit, host);
}

async function post(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  const { urls } = visit;
  const step = findStep(visit.params['step']);
  const progress = await readProgress(context, visit);
  if (step === undefined || findMissing(step, progress) !== undefined) return { kind: 'redirect', to: urls.welcome() };
  if (step === 'run' || step === 'proof') return start(context, visit, step, progress);
  const outcome = await save(context, visit, step, progress);
  if (outcome === undefined) return { kind: 'redirect', to: urls.welcome() };
  if ('problem' in outcome) return show(context, visit, step, outcome);
  return { kind: 'redirect', to: urls.welcome(), flash: { tone: 'good', text: outcome.done } };
}

export const WELCOME_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.welcome, handle: (context, visit) => show(context, visit, undefined) },
  { method: 'get', path: PAGES.welcomeStep, handle: (context, visit) => show(context, visit, findStep(visit.params['step'])) },
  { method: 'post', path: PAGES.welcomeStep, handle: post },
];
