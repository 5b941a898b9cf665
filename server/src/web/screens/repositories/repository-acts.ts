/** What a host is asked for from the page of a repository: its test, its creation, a check, a prune. A search among hosts asks for nothing. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { type CheckScope, checkScopeSchema } from '@holdfast/shared/domain/maintenance.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { startCheck, startPrune } from '../../../core/repositories/maintenance.ts';
import { getRepository, initRepository, testRepository } from '../../../core/repositories/repositories.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { isShown } from '../forms/form-problem.ts';
import { dropPrefix, readText } from '../forms/form-values.ts';
import { readSought } from '../forms/offer.ts';
import { questionPage } from '../forms/question.view.ts';
import { findId, findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { findAdvice, toUnasked } from '../sources/source-test.ts';
import { type TestResultView, testResult } from '../sources/source-test.view.ts';
import { findPickPart, readHostPicks } from './repository-hosts.ts';
import { HOST_ACTS, type HostAct, hostFieldName } from './repository-hosts.view.ts';
import { describeMissing, readModels } from './repository-missing.ts';
import { MODEL, modelField } from './repository-missing.view.ts';
import { replyPage } from './repository-page.ts';
import { describeGone } from './repository-test.ts';
import { readUpkeepView } from './repository-upkeep.ts';
import { askPrune } from './repository-upkeep.view.ts';

const getVisited = (context: CoreContext, visit: Visit): Promise<Repository> =>
  getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));

function getPostedHost(visit: Visit, deed: string): HostId {
  const host = findId(readText(visit.form, 'host'), idSchema('host'));
  if (host === undefined) throw new AppError('invalid', `choose the host that is to ${deed}`);
  return host;
}

const UNASKED: TestResultView = {
  state: 'unasked',
  sentence: 'Nothing was asked: a search was typed.',
  advice: 'Choose one of the hosts that fit, then test again.',
};

/** The prune's question as a page of its own: what stands in a popover on the page of the repository is closed when that comes anew. */
async function replyPruneQuestion(context: CoreContext, visit: Visit, repository: Repository): Promise<PageReply> {
  const { urls } = visit;
  const cancelHref = urls.repository({ repository: repository.id });
  const view = await readUpkeepView(context, visit, repository, await readHostPicks(context, visit, repository));
  const confirm = askPrune(view, readText(visit.form, 'understood') === 'true');
  const crumbs = [
    { label: 'Repositories', href: urls.repositories() },
    { label: repository.name, href: cancelHref },
    { label: 'Prune' },
  ];
  const page = { title: `Prune ${repository.name}`, crumbs, confirm, cancelHref };
  return { kind: 'page', html: questionPage(await buildShell(context, visit, 'repositories'), page) };
}

/** What a search for the host comes back with; undefined where nobody searched. */
async function findSearched(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  act: HostAct,
): Promise<PageReply | undefined> {
  if (!readSought(visit, hostFieldName(act)).isAsked) return undefined;
  demand(visit.caller, act === 'check' ? 'run.start' : 'repository.manage');
  const part = visit.isFragment && (await findPickPart(visit, (await readHostPicks(context, visit, repository))[act]));
  if (part) return part;
  if (visit.isFragment) return { kind: 'page', html: testResult(UNASKED) };
  return act === 'prune' ? replyPruneQuestion(context, visit, repository) : replyPage(context, visit, repository);
}

async function askRepository(context: CoreContext, visit: Visit, repository: Repository): Promise<TestResultView> {
  try {
    const host = getPostedHost(visit, 'open the repository');
    const result = await testRepository(context, visit.caller, { repository: repository.id, host });
    const { message, latencyMs, snapshots } = result;
    const advice = findAdvice(result.reason);
    if (result.state === 'ready') {
      const holds =
        snapshots === undefined ? '' : snapshots === 1 ? ' It holds 1 snapshot.' : ` It holds ${snapshots} snapshots.`;
      return { state: 'ready', sentence: `Ready: this host can open it.${holds}`, words: message, latencyMs };
    }
    if (result.state === 'failed')
      return { state: 'refused', sentence: 'This host cannot open it.', words: message, advice, latencyMs };
    if (repository.engineId !== undefined) return describeGone(result);
    return { ...(await describeMissing(context, visit, repository, host, message)), latencyMs };
  } catch (thrown) {
    return toUnasked(thrown, getRepositoryAdapter(repository.kind).fields).view;
  }
}

async function postTest(context: CoreContext, visit: Visit): Promise<PageReply> {
  const before = await getVisited(context, visit);
  const searched = await findSearched(context, visit, before, 'test');
  if (searched) return searched;
  const test = await askRepository(context, visit, before);
  if (visit.isFragment) return { kind: 'page', html: testResult(test) };
  // The first test that succeeds pins the engine's id: the page shows what is stored now.
  return replyPage(context, visit, await getRepository(context, visit.caller, before.id), test);
}

/** What a search for the repository that a new one is made after comes back with; it creates none. */
async function replyModels(context: CoreContext, visit: Visit, repository: Repository): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const host = getPostedHost(visit, 'open the repository');
  const models = await readModels(context, visit, repository);
  const part = { [fieldPartId(MODEL)]: () => foundChoices(modelField(models), models.search) };
  return (
    (await findParts(visit, part)) ??
    replyPage(context, visit, repository, await describeMissing(context, visit, repository, host))
  );
}

async function postInit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const repository = await getVisited(context, visit);
  try {
    if (readSought(visit, MODEL).isAsked) return await replyModels(context, visit, repository);
    const like = findId(readText(visit.form, MODEL), idSchema('repository'));
    const host = getPostedHost(visit, 'open the repository');
    await initRepository(context, caller, { repository: repository.id, host, like });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyPage(context, visit, repository, {
      state: 'refused',
      sentence: 'The repository was not created.',
      words: thrown.message,
    });
  }
  const text = `${repository.name} was created and is ready. Next: make a plan that backs up into it.`;
  return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
}

function readScope(visit: Visit): CheckScope {
  const kind = readText(visit.form, 'scope');
  if (kind === 'everything' || kind === 'structure') return { kind };
  const [part, of] = [Number(readText(visit.form, 'part')), Number(readText(visit.form, 'of'))];
  const parsed = checkScopeSchema.safeParse({ kind, part, of });
  if (parsed.success) return parsed.data;
  throw new AppError('invalid', 'choose what is to be read');
}

/** Goes to the page of the run that was started; what stands in its way is told on the repository's page. */
async function start(visit: Visit, repository: Repository, act: () => Promise<Run>): Promise<PageReply> {
  const { urls } = visit;
  try {
    const run = await act();
    return { kind: 'redirect', to: urls.run({ run: run.id }) };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    const to = urls.repository({ repository: repository.id });
    return { kind: 'redirect', to, flash: { tone: 'bad', text: `Nothing was started: ${thrown.message}.` } };
  }
}

async function postCheck(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller } = visit;
  const repository = await getVisited(context, visit);
  const searched = await findSearched(context, visit, repository, 'check');
  if (searched) return searched;
  return start(visit, repository, () =>
    startCheck(context, caller, repository.id, { host: getPostedHost(visit, 'do it'), scope: readScope(visit) }),
  );
}

async function postPrune(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller } = visit;
  const repository = await getVisited(context, visit);
  const searched = await findSearched(context, visit, repository, 'prune');
  if (searched) return searched;
  const understood = readText(visit.form, 'understood') === 'true';
  return start(visit, repository, () =>
    startPrune(context, caller, repository.id, { host: getPostedHost(visit, 'do it'), understood }),
  );
}

/** The fields of a posted form without the name of its act before them. */
const post = (path: string, handle: ScreenRoute['handle']): ScreenRoute => ({
  method: 'post',
  path,
  handle: (context, visit) => handle(context, { ...visit, form: dropPrefix(visit.form, HOST_ACTS) }),
});

export const REPOSITORY_ACT_SCREENS: readonly ScreenRoute[] = [
  post(PAGES.testRepository, postTest),
  post(PAGES.initRepository, postInit),
  post(PAGES.checkRepository, postCheck),
  post(PAGES.pruneRepository, postPrune),
];
