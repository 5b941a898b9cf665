/** `/repositories/:repository`: one repository, and its end. What hosts are asked for there is in `repository-acts.ts`. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { isAllowed } from '../../../core/caller.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { deleteRepository, getRepository } from '../../../core/repositories/repositories.ts';
import { readRepositoryHealth } from '../../../core/repositories/repository-standing.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { describeConfig } from '../forms/adapter-form.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import type { TestResultView } from '../sources/source-test.view.ts';
import { describeRepository, labelRepositoryKind } from '../sources/source-words.ts';
import { readHostPicks } from './repository-hosts.ts';
import { recallMissing } from './repository-missing.ts';
import {
  REPOSITORY_ANSWER_ID,
  REPOSITORY_PART_ID,
  type RepositoryPageView,
  repositoryAnswer,
  repositoryPage,
  repositoryPart,
} from './repository-page.view.ts';
import { readPasswordPanel } from './repository-password.ts';
import { readUsersView, toStandingView } from './repository-standing.ts';
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
  const [hosts, plans, snapshots, health, users, tested] = await Promise.all([
    readHostPicks(context, visit, repository),
    listPlans(context, caller, { repository: id }, { limit: PLANS_SHOWN }),
    store.snapshots.countSnapshots(caller.tenant, id),
    readRepositoryHealth(context, caller, [id]),
    readUsersView(context, visit, id),
    testedFrom === undefined ? undefined : store.hosts.findHost(caller.tenant, testedFrom),
  ]);
  const adapter = getRepositoryAdapter(repository.kind);
  const isOpened = repository.engineId !== undefined;
  return {
    urls,
    face,
    id,
    name: repository.name,
    kindLabel: labelRepositoryKind(repository.kind),
    where: describeRepository(repository),
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
    testHost: hosts.test,
    test,
    upkeep: isOpened ? await readUpkeepView(context, visit, repository, hosts) : undefined,
    routine: isOpened ? await readRoutineView(context, visit, repository) : undefined,
    may: {
      manage: isAllowed(caller, 'repository.manage'),
      plan: isAllowed(caller, 'plan.manage'),
      look: isAllowed(caller, 'restore.start'),
    },
  };
}

/** The page as it stands, with what a test said. */
export async function replyPage(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  test?: TestResultView,
): Promise<PageReply> {
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
  { method: 'post', path: PAGES.deleteRepository, handle: postDelete },
];
