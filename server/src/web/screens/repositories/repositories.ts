/** `/repositories`: all places where backups live. */
import { REPOSITORY_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { REPOSITORY_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { REPOSITORY_STANDINGS } from '@holdfast/shared/domain/repository-standing.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import { countRepositoryStandings, readRepositoryHealth } from '../../../core/repositories/repository-standing.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import type { Clockface } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { findParts } from '../params.ts';
import { buildShell } from '../shell.ts';
import { describeRepository, labelRepositoryKind } from '../sources/source-words.ts';
import {
  REPOSITORIES_ANSWER,
  REPOSITORIES_LEDE,
  REPOSITORY_TABLE_ID,
  type RepositoriesView,
  type RepositoryRow,
  repositoriesAnswer,
  repositoriesLede,
  repositoriesPage,
  repositoryTable,
  type StandingCounts,
} from './repositories.view.ts';
import { toStandingView } from './repository-standing.ts';

async function readRows(
  context: CoreContext,
  visit: Visit,
  repositories: readonly Repository[],
  face: Clockface,
): Promise<readonly RepositoryRow[]> {
  const { store } = context;
  const { caller, urls } = visit;
  const ids = repositories.map((one) => one.id);
  const [health, snapshots, plans] = await Promise.all([
    readRepositoryHealth(context, caller, ids),
    store.snapshots.countSnapshotsOf(caller.tenant, ids),
    store.plans.countPlansOf(caller.tenant, ids),
  ]);
  return repositories.map((one) => {
    const known = health.get(one.id);
    const check = known?.check;
    return {
      id: one.id,
      name: one.name,
      kind: labelRepositoryKind(one.kind),
      where: describeRepository(one),
      standing: toStandingView(known, visit, face),
      check: check && { href: urls.run({ run: check.run }), state: check.state, at: check.at },
      sizeBytes: known?.sizeBytes,
      snapshots: snapshots.get(one.id) ?? 0,
      plans: plans.get(one.id) ?? 0,
    };
  });
}

const NONE: StandingCounts = { critical: 0, warning: 0, unopened: 0, quiet: 0, good: 0 };

async function readRepositories(context: CoreContext, visit: Visit): Promise<RepositoriesView> {
  const { caller, urls } = visit;
  const wanted = findText(visit.query, 'kind');
  const filter = {
    q: findText(visit.query, 'q'),
    kind: REPOSITORY_ADAPTERS.find((adapter) => adapter.kind === wanted)?.kind,
    standing: REPOSITORY_STANDINGS.find((known) => known === findText(visit.query, 'standing')),
  };
  const sort = readSort(visit, REPOSITORY_ORDERS);
  const trail = readTrail(visit);
  const face = readClockface(context, visit);
  const [page, total, counts] = await Promise.all([
    listRepositories(
      context,
      caller,
      { search: filter.q, kind: filter.kind, standing: filter.standing },
      { ...trail.request, sort: sort.wish },
    ),
    context.store.repositories.countRepositories(caller.tenant),
    countRepositoryStandings(context, caller),
  ]);
  return {
    urls,
    face,
    here: visit.here,
    total,
    counts: { ...NONE, ...Object.fromEntries(counts) },
    rows: await readRows(context, visit, page.rows, face),
    sort: sort.toTable((order) => urls.repositories({ ...filter, ...order })),
    kept: keepSort(sort.query),
    filter,
    kinds: REPOSITORY_ADAPTERS.map((adapter) => ({ value: adapter.kind, label: adapter.label })),
    ...linkPages(trail, page.next, (after) => urls.repositories({ ...filter, ...sort.query, after })),
    mayManage: isAllowed(caller, 'repository.manage'),
  };
}

async function showRepositories(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readRepositories(context, visit);
  const parts = await findParts(visit, {
    [REPOSITORY_TABLE_ID]: () => repositoryTable(view),
    [REPOSITORIES_ANSWER]: () => repositoriesAnswer(view),
    [REPOSITORIES_LEDE]: () => repositoriesLede(view),
  });
  if (parts !== undefined) return parts;
  return { kind: 'page', html: repositoriesPage(await buildShell(context, visit, 'repositories'), view) };
}

export const REPOSITORY_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.repositories, handle: showRepositories }];
