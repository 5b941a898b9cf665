/** The list of runs, filtered, newest first, live. */
import type { HostId, PlanId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { RUN_ORDERS, type RunOrder } from '@holdfast/shared/domain/list-orders.ts';
import { describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { isTerminal, type RunState } from '@holdfast/shared/domain/run.ts';
import { showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { TOPICS } from '../../../core/bus.ts';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import type { FoundPage } from '../../../store/page.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { type ProgressFigures, progressBrief } from '../../ui/progress.ts';
import { formatCount } from '../../ui/quantity.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { type CursorTrail, linkPages, readTrail } from '../cursor-trail.ts';
import { keepSort, type ListSort, readSort } from '../list-sort.ts';
import { wantsPart } from '../params.ts';
import { findRestoredFile } from '../restores/dump-words.ts';
import { buildShell } from '../shell.ts';
import { findFigures, loadNames, type Names, nameOf } from './run-names.ts';
import { buildRunFilters, type RunQuery, readRunQuery, toRunFilter } from './run-query.ts';
import { describeTrigger, findDurationMs, shortenSentence, showState, splitFailure } from './run-words.ts';
import { RUNS_TABLE, type RunLine, type RunsView, runsPage, runsTable, summarizeRuns } from './runs.view.ts';
import { describeSearch, sayPassedOver } from './search-words.ts';

/** Lines whose progress is shown and moves: each is a topic of the page's one stream, which takes a limited number. */
const LIVE_LINES = 20;
/** What was searched for stands in the order of time. */
const FOUND_ORDERS = ['created'] as const satisfies readonly RunOrder[];
/** Names that `joinNames` says; it counts the others. */
export const NAMES_SHOWN = 3;

/** `app`, `orders and shop`, `orders, shop, erp and 4 more`. `count`: of all, where only the first of them are given. */
export function joinNames(names: readonly string[], count = names.length): string {
  if (count <= 1) return names[0] ?? '';
  const shown = names.slice(0, NAMES_SHOWN);
  if (count > NAMES_SHOWN) return `${shown.join(', ')} and ${count - NAMES_SHOWN} more`;
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

function describePlace(target: Run['target']): string {
  if (target === undefined) return '';
  switch (target.kind) {
    case 'database':
      return `into database ${target.database}`;
    case 'in_place':
      return 'in place';
    default:
      return `to ${target.path}`;
  }
}

/** What a run is about, for a list: its sources, and where a restore brings them. */
export function titleOfRun(
  run: Pick<Run, 'kind' | 'target' | 'scope'>,
  sources: readonly SourceId[],
  names: Pick<Names, 'sources'>,
): string {
  const what = joinNames(sources.map((id) => nameOf(names.sources, id, 'source')));
  if (run.kind === 'backup') return what === '' ? 'Backup' : what;
  if (run.kind === 'check') return run.scope === undefined ? 'Check' : `Check: ${describeCheckScope(run.scope)}`;
  if (run.kind === 'prune') return 'Prune';
  if (run.kind === 'unlock') return 'Unlocking';
  if (run.kind === 'verify') return 'Verification';
  if (run.kind === 'delete_snapshot') return 'Deletion of snapshots';
  if (run.kind === 'copy') return 'Copy to the second repository';
  if (run.kind === 'drill') return what === '' ? 'Drill' : `Drill of ${what}`;
  if (run.kind === 'forget') return what === '' ? 'Retention' : `Retention of ${what}`;
  const target = describePlace(run.target);
  const file = findRestoredFile(run);
  // It is named after the file: the source only lends its connection.
  if (file !== undefined) return `Restore from file ${showStoredText(file.path)} ${target}`;
  return what === '' ? `Restore ${target}` : `Restore of ${what} ${target}`;
}

export interface ListedRuns {
  names: Names;
  /** The sources of each run. */
  sources: ReadonlyMap<RunId, readonly SourceId[]>;
  /** Of the runs that go on and whose hosts told. */
  figures: ReadonlyMap<RunId, ProgressFigures>;
}

/** What the lines of a list of runs speak of. */
export async function readListedRuns(
  context: CoreContext,
  caller: Caller,
  runs: readonly Run[],
  more: { host?: HostId | undefined; plan?: PlanId | undefined } = {},
): Promise<ListedRuns> {
  const parts = await context.store.runs.listPartsOf(
    caller.tenant,
    runs.map((run) => run.id),
  );
  const partsByRun = Map.groupBy(parts, (part) => part.run);
  const names = await loadNames(context, caller, {
    hosts: [more.host, ...runs.map((run) => run.host)],
    plans: [more.plan, ...runs.map((run) => run.plan)],
    sources: parts.map((part) => part.source),
  });
  return {
    names,
    sources: new Map(runs.map((run) => [run.id, (partsByRun.get(run.id) ?? []).map((part) => part.source)])),
    figures: new Map(
      runs
        .filter((run) => !isTerminal(run.state))
        .slice(0, LIVE_LINES)
        .flatMap((run) => {
          const figures = findFigures(context, run);
          return figures === undefined ? [] : [[run.id, figures] as const];
        }),
    ),
  };
}

function findBrief(figures: ProgressFigures | undefined, run: Run): RunLine['progress'] {
  const brief = figures === undefined ? undefined : progressBrief(figures);
  return brief === undefined ? undefined : { topic: TOPICS.run(run.id), brief };
}

/** One line of a list of runs; also on the pages of plans and of the overview. */
export function toRunLine(run: Run, listed: ListedRuns, urls: Urls, now: number): RunLine {
  const { names } = listed;
  const isOnline = names.hosts.get(run.host)?.standing === 'online';
  const isGoing = isOnline && !isTerminal(run.state);
  const running = isGoing && run.startedAt !== undefined ? Math.max(0, now - run.startedAt) : undefined;
  return {
    id: run.id,
    href: urls.run({ run: run.id }),
    state: showState(run, isOnline),
    title: titleOfRun(run, listed.sources.get(run.id) ?? [], names),
    host: {
      name: nameOf(names.hosts, run.host, 'host'),
      ...(names.hosts.has(run.host) ? { href: urls.host({ host: run.host }) } : {}),
    },
    ...(run.plan === undefined
      ? {}
      : {
          plan: {
            name: nameOf(names.plans, run.plan, 'plan'),
            ...(names.plans.has(run.plan) ? { href: urls.plan({ plan: run.plan }) } : {}),
          },
        }),
    cause: describeTrigger(run),
    ...(run.requestedBy === undefined ? {} : { causeHref: urls.runs({ by: run.requestedBy }) }),
    at: run.startedAt ?? run.createdAt,
    durationMs: findDurationMs(run) ?? running,
    bytes: isTerminal(run.state) && run.bytes > 0 ? run.bytes : undefined,
    progress: findBrief(listed.figures.get(run.id), run),
    problem: run.failure === undefined ? undefined : shortenSentence(splitFailure(run.failure).what, 160),
  };
}

/** The page's answer: how the last day went. */
function describeDay(counts: Readonly<Record<RunState, number>>): { heading: string; lede: string | undefined } {
  const ended = counts.succeeded + counts.partial + counts.failed + counts.cancelled;
  const going = counts.running + counts.finalizing;
  const heading =
    ended === 0
      ? 'No run has ended in the last 24 hours.'
      : `${formatCount(counts.succeeded)} of ${formatCount(ended)} runs in the last 24 hours were clean.`;
  const parts = [
    [going, 'running'],
    [counts.queued, 'queued'],
    [counts.failed, 'failed'],
    [counts.partial, 'partial'],
    [counts.cancelled, 'cancelled'],
    [counts.skipped, 'skipped'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${formatCount(count)} ${word}`);
  return { heading, lede: said.length === 0 ? undefined : said.join(' · ') };
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  shown: {
    query: RunQuery;
    sort: ListSort<RunOrder>;
    trail: CursorTrail;
    page: FoundPage<Run>;
    listed: ListedRuns;
    problem?: string | undefined;
  },
): Promise<Omit<RunsView, 'filters'>> {
  const { query, sort, trail, page, listed, problem } = shown;
  const { caller, urls } = visit;
  const address = { ...query, ...sort.query };
  const face = readClockface(context, visit);
  const { q, ...others } = query;
  const hasMore = Object.values(others).some((value) => value !== undefined);
  const filtered = q !== undefined || hasMore;
  const counts = await context.store.runs.countRunsByState(caller.tenant, face.now - 24 * 3_600_000);
  return {
    face,
    ...describeDay(counts),
    rows: page.rows.map((run) => toRunLine(run, listed, urls, face.now)),
    action: urls.runs(),
    days: { from: query.from, to: query.to },
    problem,
    filtered,
    search: q,
    searched: q === undefined ? undefined : describeSearch('run', q, hasMore),
    pager: {
      summary: `${summarizeRuns(page.rows.length)}${sayPassedOver(q ?? '', page.passedOver)}`,
      ...linkPages(trail, page.next, (cursors) => urls.runs({ ...address, after: cursors })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.runs(address) : undefined,
    sort: sort.toTable((order) => urls.runs({ ...query, ...order })),
    kept: keepSort(sort.query),
    bulk: readBulkBar(visit, 'runs', urls.runs(address)),
    plansHref: urls.plans(),
  };
}

async function showRuns(context: CoreContext, visit: Visit): Promise<PageReply> {
  const query = readRunQuery(visit);
  const sort = readSort(visit, query.q === undefined ? RUN_ORDERS : FOUND_ORDERS);
  const trail = readTrail(visit);
  const filter = toRunFilter(query, readClockface(context, visit));
  const problem = 'problem' in filter ? filter.problem : undefined;
  const page: FoundPage<Run> =
    'problem' in filter
      ? { rows: [], next: undefined }
      : await listRuns(context, visit.caller, filter, { ...trail.request, sort: sort.wish });
  const listed = await readListedRuns(context, visit.caller, page.rows, query);
  const view = await buildView(context, visit, { query, sort, trail, page, listed, problem });
  if (wantsPart(visit, RUNS_TABLE)) return { kind: 'page', html: runsTable({ ...view, filters: [] }) };
  const filters = await buildRunFilters(context, visit, query, listed.names);
  return { kind: 'page', html: runsPage(await buildShell(context, visit, 'runs'), { ...view, filters }) };
}

export const RUNS_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.runs, handle: showRuns }];
