/** `/repositories`: all places where backups live. */
import { REPOSITORY_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
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
import { buildShell } from './shell.ts';
import { describeRepository, labelRepositoryKind } from './source-words.ts';

const PLANS_COUNTED = 50;

/** Names of hosts, each read once. */
async function readHostNames(context: CoreContext, visit: Visit, ids: readonly HostId[]): Promise<ReadonlyMap<HostId, string>> {
  const hosts = await Promise.all([...new Set(ids)].map((id) => context.store.hosts.findHost(visit.caller.tenant, id)));
  return new Map(hosts.flatMap((host) => (host === undefined ? [] : [[host.id, host.name] as const])));
}

async function readRows(
  context: CoreContext,
  visit: Visit,
  repositories: readonly Repository[],
): Promise<readonly RepositoryRow[]> {
  const { store } = context;
  const { tenant } = visit.caller;
  const [names, counts] = await Promise.all([
    readHostNames(
      context,
      visit,
      repositories.flatMap((one) => (one.testedFrom === undefined ? [] : [one.testedFrom])),
    ),
    Promise.all(
      repositories.map(async (one) => ({
        snapshots: await store.runs.countSnapshots(tenant, one.id),
        plans: await store.catalog.listPlans(tenant, { repository: one.id }, { limit: PLANS_COUNTED }),
      })),
    ),
  ]);
  return repositories.map((one, index) => {
    const name = one.testedFrom === undefined ? undefined : names.get(one.testedFrom);
    return {
      id: one.id,
      name: one.name,
      kind: labelRepositoryKind(one.kind),
      where: describeRepository(one),
      engineId: one.engineId,
      testedFrom: one.testedFrom === undefined || name === undefined ? undefined : { id: one.testedFrom, name },
      snapshots: counts[index]?.snapshots ?? 0,
      plans: counts[index]?.plans.rows.length ?? 0,
      morePlans: counts[index]?.plans.next !== undefined,
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
