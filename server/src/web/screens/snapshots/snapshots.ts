/** `/snapshots`: what can be got back, by plan, source, host and run. */
import { type HostId, idSchema, type PlanId, type RepositoryId, type RunId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { SNAPSHOT_LIST_ORDERS, type SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import { SNAPSHOT_STATES, type SnapshotState } from '@holdfast/shared/domain/snapshot.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import { listHosts } from '../../../core/hosts/hosts.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import { listSnapshots } from '../../../core/snapshots/snapshots.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { FoundPage, SortedPage } from '../../../store/page.ts';
import type { Snapshot, SnapshotFilter } from '../../../store/snapshots.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type CursorTrail, linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { keepSort, type ListSort, readSort } from '../list-sort.ts';
import { findId, findParts } from '../params.ts';
import { findRange, readTypedDays, type TypedDays } from '../periods/day-range.ts';
import { isRestorable } from '../runs/run-acts.ts';
import { choicesOf } from '../runs/run-filters.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { describeSearch, sayPassedOver } from '../runs/search-words.ts';
import { buildShell } from '../shell.ts';
import { judgeMoment, MOMENTS_SHOWN } from './moments.ts';
import { readActs } from './snapshot-acts.ts';
import {
  SNAPSHOTS_ANSWER,
  SNAPSHOTS_TABLE,
  type SnapshotLine,
  type SnapshotsView,
  snapshotsAnswer,
  snapshotsPage,
  snapshotsTable,
} from './snapshots.view.ts';

const STATE_LABELS: Readonly<Record<SnapshotState, string>> = {
  good: 'good',
  partial: 'partial',
  quarantined: 'not vouched for',
  missing: 'gone',
  removed: 'removed',
};

const PERIODS = { day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const;
const PERIOD_NAMES = Object.keys(PERIODS) as readonly (keyof typeof PERIODS)[];

/** What was searched for stands in the order of time. */
const FOUND_ORDERS = ['created'] as const satisfies readonly SnapshotListOrder[];

/** With the days it is narrowed to, as they were typed. */
interface SnapshotQuery extends TypedDays {
  /** What is searched for. */
  q?: string | undefined;
  plan?: PlanId | undefined;
  source?: SourceId | undefined;
  host?: HostId | undefined;
  repository?: RepositoryId | undefined;
  run?: RunId | undefined;
  state?: SnapshotState | undefined;
  pinned?: true | undefined;
  period?: keyof typeof PERIODS | undefined;
}

function readQuery(visit: Pick<Visit, 'query'>): SnapshotQuery {
  const { query } = visit;
  const state = findText(query, 'state');
  const period = findText(query, 'period');
  return {
    q: findText(query, 'q', TEXT.searchChars),
    plan: findId(findText(query, 'plan'), idSchema('plan')),
    source: findId(findText(query, 'source'), idSchema('source')),
    host: findId(findText(query, 'host'), idSchema('host')),
    repository: findId(findText(query, 'repository'), idSchema('repository')),
    run: findId(findText(query, 'run'), idSchema('run')),
    state: SNAPSHOT_STATES.find((known) => known === state),
    pinned: findText(query, 'pinned') === 'true' ? true : undefined,
    period: PERIOD_NAMES.find((known) => known === period),
    ...readTypedDays(visit),
  };
}

/** One line of a list of snapshots; also on the pages of plans. */
export function toSnapshotLine(
  snapshot: Snapshot,
  names: Pick<Names, 'hosts' | 'sources' | 'repositories'>,
  caller: Caller,
  urls: Urls,
): SnapshotLine {
  const canRestore = isRestorable(snapshot) && isAllowed(caller, 'restore.start');
  return {
    id: snapshot.id,
    href: urls.snapshot({ snapshot: snapshot.id }),
    state: snapshot.state,
    isSuspicious: snapshot.suspicion !== undefined,
    isPinned: snapshot.pinnedAt !== undefined,
    isLeaving: snapshot.deletingRun !== undefined,
    isCopy: snapshot.copyOf !== undefined,
    isReadable: snapshot.verification?.ok,
    source: nameOf(names.sources, snapshot.source, 'source'),
    host: {
      name: nameOf(names.hosts, snapshot.host, 'host'),
      ...(names.hosts.has(snapshot.host) ? { href: urls.host({ host: snapshot.host }) } : {}),
    },
    repository: {
      name: nameOf(names.repositories, snapshot.repository, 'repository'),
      ...(names.repositories.has(snapshot.repository) ? { href: urls.repository({ repository: snapshot.repository }) } : {}),
    },
    at: snapshot.createdAt,
    sizeBytes: snapshot.sizeBytes,
    addedBytes: snapshot.addedBytes,
    runHref: snapshot.adoptedAt === undefined ? urls.run({ run: snapshot.run }) : undefined,
    ...(canRestore ? { restoreHref: urls.restoreSnapshot({ snapshot: snapshot.id }) } : {}),
  };
}

/** The names that lines of snapshots speak of. */
export async function loadSnapshotNames(
  context: CoreContext,
  caller: Caller,
  rows: readonly Snapshot[],
  more: SnapshotQuery = {},
): Promise<Names> {
  return loadNames(context, caller, {
    hosts: [more.host, ...rows.map((row) => row.host)],
    sources: [more.source, ...rows.map((row) => row.source)],
    repositories: [more.repository, ...rows.map((row) => row.repository)],
    plans: [more.plan],
  });
}

/** Sizes of one source's snapshots over time; undefined while the list is about several. */
function findSizes(rows: readonly Snapshot[]): SnapshotsView['sizes'] {
  const sources = new Set(rows.map((row) => row.source));
  if (sources.size !== 1 || rows.length < 3) return undefined;
  const values = rows.map((row) => row.sizeBytes).reverse();
  return { values, label: `${formatBytes(values[0])} to ${formatBytes(values.at(-1))} over ${values.length} snapshots` };
}

/** The newest of the page, where the list is narrowed to one source, or to a plan that has one; a place on the line for each. */
function findMoments(
  rows: readonly Snapshot[],
  { plan, source }: SnapshotQuery,
  face: Clockface,
  urls: Urls,
): SnapshotsView['moments'] {
  const there = rows.filter(({ state }) => state !== 'removed' && state !== 'missing');
  const sources = new Set(there.map((row) => row.source));
  if ((plan === undefined && source === undefined) || sources.size !== 1 || there.length < 2) return undefined;
  return there
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .slice(0, MOMENTS_SHOWN)
    .toReversed()
    .map((row) => ({ ...judgeMoment(row, face), href: urls.snapshot({ snapshot: row.id }) }));
}

async function readFilters(
  context: CoreContext,
  visit: Visit,
  query: SnapshotQuery,
  names: Names,
): Promise<SnapshotsView['filters']> {
  const page = { limit: HTTP.pageSizeMax };
  const [plans, sources, hosts, repositories] = await Promise.all([
    listPlans(context, visit.caller, {}, page),
    listSources(context, visit.caller, {}, page),
    listHosts(context, visit.caller, {}, page),
    listRepositories(context, visit.caller, {}, page),
  ]);
  const host = query.host === undefined ? undefined : names.hosts.get(query.host);
  const repository = query.repository === undefined ? undefined : names.repositories.get(query.repository);
  const plan = query.plan === undefined ? undefined : names.plans.get(query.plan);
  const source = query.source === undefined ? undefined : names.sources.get(query.source);
  return [
    { name: 'plan', label: 'Plan', value: query.plan ?? '', options: choicesOf('All plans', plans, plan) },
    { name: 'source', label: 'Source', value: query.source ?? '', options: choicesOf('All sources', sources, source) },
    { name: 'host', label: 'Host', value: query.host ?? '', options: choicesOf('All hosts', hosts, host) },
    {
      name: 'repository',
      label: 'Repository',
      value: query.repository ?? '',
      options: choicesOf('All repositories', repositories, repository),
    },
    {
      name: 'state',
      label: 'State',
      value: query.state ?? '',
      options: [
        { value: '', label: 'Any state' },
        ...SNAPSHOT_STATES.map((state) => ({ value: state, label: STATE_LABELS[state] })),
      ],
    },
    {
      name: 'period',
      label: 'Period',
      value: query.period ?? '',
      options: [
        { value: '', label: 'Any time' },
        { value: 'day', label: 'last 24 hours' },
        { value: 'week', label: 'last 7 days' },
        { value: 'month', label: 'last 30 days' },
      ],
    },
    {
      name: 'pinned',
      label: 'Pinned',
      value: query.pinned === true ? 'true' : '',
      options: [
        { value: '', label: 'Pinned or not' },
        { value: 'true', label: 'Pinned' },
      ],
    },
  ];
}

/** Days are those of the reader's zone; what is wrong with them is said instead. */
function toFilter(
  { q, period, from, to, ...others }: SnapshotQuery,
  { now, zone }: Clockface,
): SnapshotFilter | { problem: string } {
  const days = findRange({ from, to }, zone, now, period && PERIODS[period]);
  return 'problem' in days ? days : { ...others, ...days, search: q };
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  shown: { query: SnapshotQuery; sort: ListSort<SnapshotListOrder>; trail: CursorTrail },
): Promise<{ view: Omit<SnapshotsView, 'filters'>; names: Names }> {
  const { query, sort, trail } = shown;
  const address = { ...query, ...sort.query };
  const { caller, urls } = visit;
  const face = readClockface(context, visit);
  const filter = toFilter(query, face);
  const problem = 'problem' in filter ? filter.problem : undefined;
  const list = async (page: SortedPage<SnapshotListOrder>): Promise<FoundPage<Snapshot>> =>
    'problem' in filter ? { rows: [], next: undefined } : listSnapshots(context, caller, filter, page);
  const page = await list({ ...trail.request, sort: sort.wish });
  const names = await loadSnapshotNames(context, caller, page.rows, query);
  const { q, ...others } = query;
  const hasMore = Object.values(others).some((value) => value !== undefined);
  const filtered = q !== undefined || hasMore;
  const total = filtered ? undefined : await context.store.snapshots.countSnapshots(caller.tenant);
  const isNewestFirst = sort.wish === undefined && trail.cursors.length === 0;
  const [newest] = isNewestFirst ? page.rows : (await list({ limit: 1 })).rows;
  const seen = trail.cursors.length * trail.request.limit + page.rows.length;
  const age = newest === undefined ? undefined : formatRelative(newest.createdAt, face);
  const view: Omit<SnapshotsView, 'filters'> = {
    face,
    heading: describeSnapshots(total ?? seen, page.next !== undefined && filtered, age, filtered),
    rows: page.rows.map((row) => toSnapshotLine(row, names, caller, urls)),
    action: urls.snapshots(),
    days: { from: query.from, to: query.to },
    problem,
    filtered,
    search: q,
    searched: q === undefined ? undefined : describeSearch('snapshot', q, hasMore),
    pager: {
      summary: `${formatNoun(page.rows.length, 'snapshot')} shown${sayPassedOver(q ?? '', page.passedOver)}`,
      ...linkPages(trail, page.next, (cursors) => urls.snapshots({ ...address, after: cursors })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.snapshots(address) : undefined,
    sort: sort.toTable((order) => urls.snapshots({ ...query, ...order })),
    kept: keepSort(sort.query),
    sizes: sort.wish === undefined ? findSizes(page.rows) : undefined,
    moments: findMoments(page.rows, query, face, urls),
    plansHref: urls.plans(),
    restoresHref: urls.runs({ kind: 'restore' }),
    acts: readActs(visit),
  };
  return { view, names };
}

function describeSnapshots(count: number, more: boolean, age: string | undefined, filtered: boolean): string {
  if (age === undefined) return filtered ? 'No snapshot fits.' : 'There is no snapshot yet.';
  const what = count === 1 ? '1 snapshot' : `${formatCount(count)} snapshots`;
  const when = age === 'now' ? 'is just made' : `was made ${age}`;
  return `${more ? 'More than ' : ''}${what}; the newest ${when}.`;
}

async function showSnapshots(context: CoreContext, visit: Visit): Promise<PageReply> {
  const query = readQuery(visit);
  const { view, names } = await buildView(context, visit, {
    query,
    sort: readSort(visit, query.q === undefined ? SNAPSHOT_LIST_ORDERS : FOUND_ORDERS),
    trail: readTrail(visit),
  });
  const bare = { ...view, filters: [] };
  const parts = await findParts(visit, {
    [SNAPSHOTS_TABLE]: () => snapshotsTable(bare),
    [SNAPSHOTS_ANSWER]: () => snapshotsAnswer(bare),
  });
  if (parts !== undefined) return parts;
  const filters = await readFilters(context, visit, query, names);
  return { kind: 'page', html: snapshotsPage(await buildShell(context, visit, 'snapshots'), { ...view, filters }) };
}

export const SNAPSHOTS_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.snapshots, handle: showSnapshots }];
