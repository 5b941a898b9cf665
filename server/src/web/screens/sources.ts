/** `/sources`: all sources with their protection. */
import { SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { isAllowed } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../core/protected-sources.ts';
import { countProtections, PROTECTION_STATUSES, type ProtectionCounts } from '../../core/protection.ts';
import { listSources } from '../../core/sources.ts';
import type { Source, SourceFilter } from '../../store/catalog.ts';
import { SOURCE_ORDERS, type SourceOrder } from '../../store/list-orders.ts';
import type { Sort } from '../../store/page.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { PAGES } from '../urls.ts';
import { readClockface } from './clockface.ts';
import { type CursorTrail, linkPages, readTrail } from './cursor-trail.ts';
import { findText } from './form-values.ts';
import { keepSort, type ListSort, readSort } from './list-sort.ts';
import { findId, wantsPart } from './params.ts';
import { buildShell } from './shell.ts';
import { describeSource, labelSourceKind } from './source-words.ts';
import { SOURCE_TABLE_ID, type SourceRow, type SourcesView, sourcesPage, sourceTable } from './sources.view.ts';

/** Sources judged for a title or for a filter by protection; more would make the page slow. */
const MOST_JUDGED = 600;
const JUDGED_AT_ONCE = 200;
const WITHOUT_PLAN_COUNTED = 100;

type Filter = Omit<SourcesView['filter'], 'host'> & { host?: HostId | undefined };

function readFilter(visit: Visit): Filter {
  const { query } = visit;
  const status = findText(query, 'status');
  const kind = findText(query, 'kind');
  return {
    q: findText(query, 'q'),
    host: findId(findText(query, 'host'), idSchema('host')),
    kind: SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind)?.kind,
    status: PROTECTION_STATUSES.find((known) => known === status),
    plan: findText(query, 'plan') === 'none' ? 'none' : undefined,
  };
}

function toStoreFilter(filter: Filter): SourceFilter {
  return { search: filter.q, host: filter.host, kind: filter.kind, ...(filter.plan === 'none' ? { withoutPlan: true } : {}) };
}

/** Reads up to `MOST_JUDGED` sources; `more` when there are further ones. */
async function readMany(
  context: CoreContext,
  visit: Visit,
  filter: SourceFilter,
  sort?: Sort<SourceOrder>,
): Promise<{ sources: readonly Source[]; more: boolean }> {
  const sources: Source[] = [];
  let after: string | undefined;
  do {
    const page = await listSources(context, visit.caller, filter, { limit: JUDGED_AT_ONCE, after, sort });
    sources.push(...page.rows);
    after = page.next;
  } while (after !== undefined && sources.length < MOST_JUDGED);
  return { sources, more: after !== undefined };
}

export function toSourceRow({ source, host, plans, standing, protection }: ProtectedSource): SourceRow {
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
  };
}

interface Listed {
  rows: readonly ProtectedSource[];
  next: string | undefined;
  cut: boolean;
}

/** One page by cursor; a filter by protection looks through what it may judge instead, because the store knows no judgement. */
async function readList(
  context: CoreContext,
  visit: Visit,
  filter: Filter,
  trail: CursorTrail,
  sort: ListSort<SourceOrder>,
): Promise<Listed> {
  const { caller } = visit;
  const { status } = filter;
  if (status === undefined) {
    const page = await listSources(context, caller, toStoreFilter(filter), { ...trail.request, sort: sort.wish });
    return { rows: await judgeSources(context, caller, page.rows), next: page.next, cut: false };
  }
  const { sources, more } = await readMany(context, visit, toStoreFilter(filter), sort.wish);
  const judged = await judgeSources(context, caller, sources);
  const matches = judged.filter((one) => one.protection.status === status);
  return { rows: matches.slice(0, JUDGED_AT_ONCE), next: undefined, cut: more || matches.length > JUDGED_AT_ONCE };
}

interface Whole {
  counts: ProtectionCounts | undefined;
  withoutPlan: SourcesView['withoutPlan'];
}

/** What the title says of all sources. A source somebody switched off is no gap. */
async function judgeAll(context: CoreContext, visit: Visit, total: number): Promise<Whole> {
  if (total > MOST_JUDGED) {
    const page = await listSources(context, visit.caller, { withoutPlan: true }, { limit: WITHOUT_PLAN_COUNTED });
    return { counts: undefined, withoutPlan: { count: page.rows.length, more: page.next !== undefined } };
  }
  const { sources } = await readMany(context, visit, {});
  const judged = await judgeSources(context, visit.caller, sources);
  const gaps = judged.filter(({ source, plans }) => source.enabled && !plans.some((plan) => plan.enabled));
  return {
    counts: countProtections(judged.map((one) => one.protection)),
    withoutPlan: { count: gaps.length, more: false },
  };
}

async function readSources(context: CoreContext, visit: Visit): Promise<SourcesView> {
  const { store } = context;
  const { caller, urls } = visit;
  const filter = readFilter(visit);
  const sort = readSort(visit, SOURCE_ORDERS);
  const trail = readTrail(visit);
  const total = await store.catalog.countSources(caller.tenant);
  const [list, whole, host] = await Promise.all([
    readList(context, visit, filter, trail, sort),
    judgeAll(context, visit, total),
    filter.host === undefined ? undefined : store.hosts.findHost(caller.tenant, filter.host),
  ]);
  return {
    urls,
    face: readClockface(context, visit),
    here: visit.here,
    total,
    ...whole,
    rows: list.rows.map(toSourceRow),
    filter,
    hostName: host?.name,
    kinds: SOURCE_ADAPTERS.map((adapter) => ({ value: adapter.kind, label: adapter.label })),
    ...linkPages(trail, list.next, (after) => urls.sources({ ...filter, ...sort.query, after })),
    sort: sort.toTable((order) => urls.sources({ ...filter, ...order })),
    kept: keepSort(sort.query),
    cut: list.cut,
    may: { manage: isAllowed(caller, 'source.manage'), plan: isAllowed(caller, 'plan.manage') },
  };
}

async function showSources(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readSources(context, visit);
  if (wantsPart(visit, SOURCE_TABLE_ID)) return { kind: 'page', html: sourceTable(view) };
  return { kind: 'page', html: sourcesPage(await buildShell(context, visit, 'sources'), view) };
}

export const SOURCE_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.sources, handle: showSources }];
