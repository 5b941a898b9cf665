/** `/sources`: all sources with their protection. */
import { SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_ORDERS, type SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import { countWithoutPlan, isWithoutPlan } from '../../../core/fleet/look.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../../core/protection/protected-sources.ts';
import { PROTECTION_STATUSES, type ProtectionCounts } from '../../../core/protection/protection.ts';
import { countFindings } from '../../../core/sources/findings.ts';
import { listSourceHealth, type SourceHealthView } from '../../../core/sources/source-health.ts';
import { listSources } from '../../../core/sources/sources.ts';
import { findStoredPage, listJudgedSources } from '../../../core/sources/sources-by-status.ts';
import type { Page, PageRequest } from '../../../store/page.ts';
import type { SourceFilter } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { type CursorTrail, linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { keepSort, type ListSort, readSort } from '../list-sort.ts';
import { findId, wantsPart } from '../params.ts';
import { SOURCES_PREFILLED } from '../plans/plan-source-groups.ts';
import { buildShell } from '../shell.ts';
import { describeSource, labelSourceKind } from './source-words.ts';
import { SOURCE_TABLE_ID, type SourceRow, type SourcesView, sourcesPage, sourceTable } from './sources.view.ts';

type Filter = Omit<SourcesView['filter'], 'host'> & { host?: HostId | undefined };

export function readSourceFilter(visit: Pick<Visit, 'query'>): Filter {
  const { query } = visit;
  const status = findText(query, 'status');
  const kind = findText(query, 'kind');
  const enabled = findText(query, 'enabled');
  return {
    q: findText(query, 'q'),
    host: findId(findText(query, 'host'), idSchema('host')),
    kind: SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind)?.kind,
    status: PROTECTION_STATUSES.find((known) => known === status),
    plan: findText(query, 'plan') === 'none' ? 'none' : undefined,
    enabled: enabled === 'true' || enabled === 'false' ? enabled : undefined,
  };
}

function toStoreFilter(filter: Filter): SourceFilter {
  const { q: search, host, kind, plan, enabled } = filter;
  return {
    ...{ search, host, kind },
    ...(plan === 'none' ? { withoutPlan: true } : {}),
    ...(enabled === undefined ? {} : { enabled: enabled === 'true' }),
  };
}

function toSourceRow(
  { source, host, plans, standing, protection }: ProtectedSource,
  health: SourceHealthView | undefined,
): SourceRow {
  return {
    id: source.id,
    name: source.name,
    host: { id: host.id, name: host.name },
    kind: labelSourceKind(source.kind),
    what: describeSource(source),
    protection: protection.status,
    reason: protection.reason,
    plans: plans.map(({ id, name }) => ({ id, name })),
    lastGoodAt: standing?.lastGoodAt,
    lastGoodBytes: standing?.lastGoodBytes,
    health: health?.state,
  };
}

/** Sources that fit the filter, unjudged where it does not ask for a judgement. */
export async function listFittingSources(
  context: CoreContext,
  caller: Caller,
  filter: Filter,
  page: PageRequest,
): Promise<Page<{ id: string }>> {
  if (filter.status === undefined) return listSources(context, caller, toStoreFilter(filter), page);
  const found = await listJudgedSources(context, caller, { ...toStoreFilter(filter), status: filter.status }, page);
  return { ...found, rows: found.rows.map(({ source }) => source) };
}

async function readList(
  context: CoreContext,
  { caller }: Visit,
  filter: Filter,
  { request }: CursorTrail,
  { wish }: ListSort<SourceOrder>,
): Promise<Page<ProtectedSource>> {
  const wanted = { ...request, sort: wish };
  const stored = filter.status === undefined ? findStoredPage(wanted) : undefined;
  if (stored === undefined)
    return listJudgedSources(context, caller, { ...toStoreFilter(filter), status: filter.status }, wanted);
  const page = await listSources(context, caller, toStoreFilter(filter), stored);
  return { rows: await judgeSources(context, caller, page.rows), next: page.next };
}

/** What the title says of all sources. A source somebody switched off is no gap. */
async function judgeAll(
  context: CoreContext,
  { caller }: Visit,
): Promise<{ counts: ProtectionCounts; total: number; withoutPlan: number; planless: readonly string[] }> {
  const look = await context.fleet.look(caller.tenant);
  const planless = look.sources.filter((one) => one.source.enabled && isWithoutPlan(one)).map(({ source }) => source.id);
  return {
    counts: look.counts,
    total: look.sources.length,
    withoutPlan: countWithoutPlan(look),
    planless: planless.slice(0, SOURCES_PREFILLED),
  };
}

async function readSources(context: CoreContext, visit: Visit): Promise<SourcesView> {
  const { store } = context;
  const { caller, urls } = visit;
  const filter = readSourceFilter(visit);
  const sort = readSort(visit, SOURCE_ORDERS);
  const trail = readTrail(visit);
  const [list, whole, found, host] = await Promise.all([
    readList(context, visit, filter, trail, sort),
    judgeAll(context, visit),
    countFindings(context, caller),
    filter.host === undefined ? undefined : store.hosts.findHost(caller.tenant, filter.host),
  ]);
  const health = await listSourceHealth(
    context,
    caller,
    list.rows.map(({ source }) => source.id),
  );
  return {
    urls,
    face: readClockface(context, visit),
    here: visit.here,
    ...whole,
    found: found.open,
    rows: list.rows.map((row) => toSourceRow(row, health.get(row.source.id))),
    filter,
    hostName: host?.name,
    kinds: SOURCE_ADAPTERS.map((adapter) => ({ value: adapter.kind, label: adapter.label })),
    ...linkPages(trail, list.next, (after) => urls.sources({ ...filter, ...sort.query, after })),
    sort: sort.toTable((order) => urls.sources({ ...filter, ...order })),
    kept: keepSort(sort.query),
    bulk: readBulkBar(visit, 'sources', urls.sources({ ...filter, ...sort.query })),
    may: { manage: isAllowed(caller, 'source.manage'), plan: isAllowed(caller, 'plan.manage') },
  };
}

async function showSources(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readSources(context, visit);
  if (wantsPart(visit, SOURCE_TABLE_ID)) return { kind: 'page', html: sourceTable(view) };
  return { kind: 'page', html: sourcesPage(await buildShell(context, visit, 'sources'), view) };
}

export const SOURCE_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.sources, handle: showSources }];
