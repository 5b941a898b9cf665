/** `/repositories`: all places where backups live. */
import { REPOSITORY_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { isAllowed } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { listRepositories } from '../../core/repositories.ts';
import type { Repository } from '../../store/catalog.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { PAGES } from '../urls.ts';
import { linkPages, readTrail } from './cursor-trail.ts';
import { findText } from './form-values.ts';
import { wantsPart } from './params.ts';
import {
  REPOSITORY_TABLE_ID,
  type RepositoriesView,
  type RepositoryRow,
  repositoriesPage,
  repositoryTable,
} from './repositories.view.ts';
import { loadNames } from './run-names.ts';
import { buildShell } from './shell.ts';
import { describeRepository, labelRepositoryKind } from './source-words.ts';

async function readRows(
  context: CoreContext,
  visit: Visit,
  repositories: readonly Repository[],
): Promise<readonly RepositoryRow[]> {
  const { store } = context;
  const { tenant } = visit.caller;
  const ids = repositories.map((one) => one.id);
  const [names, snapshots, plans] = await Promise.all([
    loadNames(context, visit.caller, { hosts: repositories.map((one) => one.testedFrom) }),
    store.runs.countSnapshotsOf(tenant, ids),
    store.catalog.countPlansOf(tenant, ids),
  ]);
  return repositories.map((one) => {
    const name = one.testedFrom === undefined ? undefined : names.hosts.get(one.testedFrom)?.name;
    return {
      id: one.id,
      name: one.name,
      kind: labelRepositoryKind(one.kind),
      where: describeRepository(one),
      engineId: one.engineId,
      testedFrom: one.testedFrom === undefined || name === undefined ? undefined : { id: one.testedFrom, name },
      snapshots: snapshots.get(one.id) ?? 0,
      plans: plans.get(one.id) ?? 0,
    };
  });
}

async function readRepositories(context: CoreContext, visit: Visit): Promise<RepositoriesView> {
  const { caller, urls } = visit;
  const wanted = findText(visit.query, 'kind');
  const filter = {
    q: findText(visit.query, 'q'),
    kind: REPOSITORY_ADAPTERS.find((adapter) => adapter.kind === wanted)?.kind,
  };
  const trail = readTrail(visit);
  const [page, total] = await Promise.all([
    listRepositories(context, caller, { search: filter.q, kind: filter.kind }, trail.request),
    context.store.catalog.countRepositories(caller.tenant),
  ]);
  return {
    urls,
    here: visit.here,
    total,
    rows: await readRows(context, visit, page.rows),
    filter,
    kinds: REPOSITORY_ADAPTERS.map((adapter) => ({ value: adapter.kind, label: adapter.label })),
    ...linkPages(trail, page.next, (after) => urls.repositories({ ...filter, after })),
    mayManage: isAllowed(caller, 'repository.manage'),
  };
}

async function showRepositories(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readRepositories(context, visit);
  if (wantsPart(visit, REPOSITORY_TABLE_ID)) return { kind: 'page', html: repositoryTable(view) };
  return { kind: 'page', html: repositoriesPage(await buildShell(context, visit, 'repositories'), view) };
}

export const REPOSITORY_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.repositories, handle: showRepositories }];
