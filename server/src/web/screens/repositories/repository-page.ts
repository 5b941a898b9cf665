/** `/repositories/:repository`: one repository, its test from a host, its creation on request, its end. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { isAllowed } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import {
  deleteRepository,
  getRepository,
  initRepository,
  listRepositories,
  testRepository,
} from '../../../core/repositories/repositories.ts';
import { readRepositoryHealth } from '../../../core/repositories/repository-standing.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { describeConfig } from '../forms/adapter-form.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { toHostChoice } from '../sources/source-form.ts';
import { findAdvice, toUnasked } from '../sources/source-test.ts';
import { type TestResultView, testResult } from '../sources/source-test.view.ts';
import { describeRepository, labelRepositoryKind } from '../sources/source-words.ts';
import {
  createOffer,
  REPOSITORY_ANSWER_ID,
  REPOSITORY_PART_ID,
  type RepositoryPageView,
  repositoryAnswer,
  repositoryPage,
  repositoryPart,
} from './repository-page.view.ts';
import { readPasswordPanel } from './repository-password.ts';
import { readUsersView, toStandingView } from './repository-standing.ts';
import { chooseHost, describeGone } from './repository-test.ts';
import { readUpkeepView } from './repository-upkeep.ts';
import { readRoutineView } from './routine.ts';

const PLANS_SHOWN = 50;

function getRepositoryId(visit: Visit) {
  return getParam(visit, 'repository', idSchema('repository'));
}

async function readRepositoryPage(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  test?: TestResultView,
): Promise<RepositoryPageView> {
  const { store } = context;
  const { caller, urls } = visit;
  const { id, testedFrom } = repository;
  const face = readClockface(context, visit);
  const asked = readText(visit.form, 'host') || (findText(visit.query, 'missing') ?? '');
  const [hosts, plans, snapshots, health, users, tested] = await Promise.all([
    offerHosts(context, caller, { keep: [findId(asked, idSchema('host')), testedFrom] }),
    listPlans(context, caller, { repository: id }, { limit: PLANS_SHOWN }),
    store.snapshots.countSnapshots(caller.tenant, id),
    readRepositoryHealth(context, caller, [id]),
    readUsersView(context, visit, id),
    testedFrom === undefined ? undefined : store.hosts.findHost(caller.tenant, testedFrom),
  ]);
  const adapter = getRepositoryAdapter(repository.kind);
  const choices = hosts.rows.map(toHostChoice);
  const chosenHost = chooseHost(hosts.rows, testedFrom, asked)?.id;
  const isOpened = repository.engineId !== undefined;
  return {
    urls,
    face,
    id,
    name: repository.name,
    kindLabel: labelRepositoryKind(repository.kind),
    where: describeRepository(repository),
    isLocal: adapter.localPath !== undefined,
    config: describeConfig(adapter.fields, repository.config, Object.keys(repository.secrets)),
    engineId: repository.engineId,
    runsAtOnce: repository.runsAtOnce,
    testedFrom: tested && { id: tested.id, name: tested.name },
    updatedAt: repository.updatedAt,
    standing: toStandingView(health.get(id), visit, face),
    users,
    password: await readPasswordPanel(context, visit, repository),
    snapshots,
    plans: plans.rows.map(({ id: plan, name, enabled, schedule }) => ({
      id: plan,
      name,
      enabled,
      schedule: schedule && context.describeSchedule(schedule),
    })),
    hosts: choices,
    chosenHost,
    test,
    upkeep: isOpened ? await readUpkeepView(context, visit, repository, { choices, chosen: chosenHost }) : undefined,
    routine: isOpened ? await readRoutineView(context, visit, repository) : undefined,
    may: {
      manage: isAllowed(caller, 'repository.manage'),
      plan: isAllowed(caller, 'plan.manage'),
      look: isAllowed(caller, 'restore.start'),
    },
  };
}

async function replyPage(context: CoreContext, visit: Visit, repository: Repository, test?: TestResultView): Promise<PageReply> {
  const view = await readRepositoryPage(context, visit, repository, test);
  return { kind: 'page', html: repositoryPage(await buildShell(context, visit, 'repositories'), view) };
}

async function showRepository(context: CoreContext, visit: Visit): Promise<PageReply> {
  const repository = await getRepository(context, visit.caller, getRepositoryId(visit));
  const view = await readRepositoryPage(context, visit, repository, await recallMissing(context, visit, repository));
  const parts = await findParts(visit, {
    [REPOSITORY_PART_ID]: () => repositoryPart(view),
    [REPOSITORY_ANSWER_ID]: () => repositoryAnswer(view),
  });
  return parts ?? { kind: 'page', html: repositoryPage(await buildShell(context, visit, 'repositories'), view) };
}

function getPostedHost(visit: Visit) {
  const host = findId(readText(visit.form, 'host'), idSchema('host'));
  if (host === undefined) throw new AppError('invalid', 'choose the host that is to open the repository');
  return host;
}

/** Repositories that a new one may be made after. */
async function listModels(context: CoreContext, visit: Visit) {
  const { rows } = await listRepositories(context, visit.caller, {}, { limit: HTTP.pageSizeMax });
  return rows.filter(({ engineId }) => engineId !== undefined).map(({ id, name }) => ({ value: id, label: name }));
}

async function describeMissing(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  host: HostId,
  words?: string,
): Promise<TestResultView> {
  return {
    state: 'missing',
    sentence: 'There is no repository at this address yet.',
    words,
    advice: 'If the address is right, create it. Nothing is ever created without being asked for.',
    action: createOffer({ urls: visit.urls, repository: repository.id, host, models: await listModels(context, visit) }),
  };
}

/** Saving it ends here when its test found none: the address names the host that looked. */
async function recallMissing(context: CoreContext, visit: Visit, repository: Repository): Promise<TestResultView | undefined> {
  const host = findId(findText(visit.query, 'missing'), idSchema('host'));
  if (host === undefined || repository.engineId !== undefined || !isAllowed(visit.caller, 'repository.manage')) return undefined;
  return describeMissing(context, visit, repository, host);
}

async function askRepository(context: CoreContext, visit: Visit, repository: Repository): Promise<TestResultView> {
  try {
    const host = getPostedHost(visit);
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
  const { caller } = visit;
  const before = await getRepository(context, caller, getRepositoryId(visit));
  const test = await askRepository(context, visit, before);
  if (visit.isFragment) return { kind: 'page', html: testResult(test) };
  // The first test that succeeds pins the engine's id: the page shows what is stored now.
  return replyPage(context, visit, await getRepository(context, caller, before.id), test);
}

async function postInit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const repository = await getRepository(context, caller, getRepositoryId(visit));
  try {
    const like = findId(readText(visit.form, 'like'), idSchema('repository'));
    await initRepository(context, caller, { repository: repository.id, host: getPostedHost(visit), like });
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

async function postDelete(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const repository = await getRepository(context, caller, getRepositoryId(visit));
  const back = urls.repository({ repository: repository.id });
  if (readText(visit.form, 'confirm') !== repository.name)
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: 'Nothing was forgotten: the typed name is another one.' } };
  try {
    await deleteRepository(context, caller, repository.id);
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: thrown.message } };
  }
  const text = `${repository.name} is removed from Holdfast. What lies in it stays.`;
  return { kind: 'redirect', to: urls.repositories(), flash: { tone: 'good', text } };
}

export const REPOSITORY_PAGE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.repository, handle: showRepository },
  { method: 'post', path: PAGES.testRepository, handle: postTest },
  { method: 'post', path: PAGES.initRepository, handle: postInit },
  { method: 'post', path: PAGES.deleteRepository, handle: postDelete },
];
