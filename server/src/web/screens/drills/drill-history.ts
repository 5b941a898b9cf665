/** `/drills/history`: every drill that came to a verdict. */
import { DRILL_VERDICTS } from '@holdfast/shared/domain/drill.ts';
import { type HostId, idSchema, type PlanId, type RepositoryId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { listDrills } from '../../../core/drills/drills.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { DrillFilter } from '../../../store/drills.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import type { Clockface } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { findId, wantsPart } from '../params.ts';
import { findRange, readTypedDays, type TypedDays } from '../periods/day-range.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { readThingFilters } from '../runs/thing-filters.ts';
import { buildShell } from '../shell.ts';
import {
  DRILL_HISTORY_TABLE,
  type DrillHistoryView,
  drillHistoryPage,
  drillHistoryTable,
  type HistoryLine,
} from './drill-history.view.ts';
import { wordOfProof } from './proof.view.ts';
import { toDrillLine } from './proofs.ts';

/** As it stands in the address. */
interface DrillQuery extends TypedDays {
  state?: (typeof DRILL_VERDICTS)[number] | undefined;
  source?: SourceId | undefined;
  host?: HostId | undefined;
  plan?: PlanId | undefined;
  repository?: RepositoryId | undefined;
}

/** What does not read as a filter is left out: an address someone kept must not become an error. */
function readQuery(visit: Pick<Visit, 'query'>): DrillQuery {
  const { query } = visit;
  const state = findText(query, 'state');
  return {
    state: DRILL_VERDICTS.find((known) => known === state),
    source: findId(findText(query, 'source'), idSchema('source')),
    host: findId(findText(query, 'host'), idSchema('host')),
    plan: findId(findText(query, 'plan'), idSchema('plan')),
    repository: findId(findText(query, 'repository'), idSchema('repository')),
    ...readTypedDays(visit),
  };
}

/** Days are those of the reader's zone; what is wrong with them is said instead. */
function toFilter({ state, from, to, ...ids }: DrillQuery, { zone, now }: Clockface): DrillFilter | { problem: string } {
  const days = findRange({ from, to }, zone, now);
  return 'problem' in days ? days : { ...ids, ...days, isProven: state === undefined ? undefined : state === 'proven' };
}

/** Of a big fleet each offers its first by name, and what is chosen. */
async function readFilters(
  context: CoreContext,
  { caller }: Visit,
  query: DrillQuery,
  names: Names,
): Promise<DrillHistoryView['filters']> {
  return [
    {
      name: 'state',
      label: 'Verdict',
      value: query.state ?? '',
      options: [
        { value: '', label: 'Any verdict' },
        ...DRILL_VERDICTS.map((state) => ({ value: state, label: wordOfProof(state) })),
      ],
    },
    // A drill may take place on another host than that of its source, whose sources are therefore all offered.
    ...(await readThingFilters(context, caller, ['source', 'plan', 'host', 'repository'], { query, names })),
  ];
}

/** What the list says of what it shows; `hasMore`: there is another page. */
function describeHistory(rows: readonly HistoryLine[], hasMore: boolean, isNarrowed: boolean): string {
  if (rows.length === 0) return isNarrowed ? 'No drill fits.' : 'No drill has come to a verdict yet.';
  const proven = rows.filter(({ isProven }) => isProven).length;
  const those = `${hasMore ? 'the newest ' : ''}${formatNoun(rows.length, 'drill')} that ${isNarrowed ? 'fit' : 'came to a verdict'}`;
  return `${formatCount(proven)} of ${those} proved a recovery.`;
}

async function showHistory(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const face = readClockface(context, visit);
  const query = readQuery(visit);
  const trail = readTrail(visit);
  const filter = toFilter(query, face);
  const page = 'problem' in filter ? { rows: [], next: undefined } : await listDrills(context, caller, filter, trail.request);
  const names = await loadNames(context, caller, {
    sources: [query.source, ...page.rows.map(({ source }) => source)],
    hosts: [query.host, ...page.rows.map(({ host }) => host)],
    plans: [query.plan],
    repositories: [query.repository],
  });
  const rows = page.rows.map((drill): HistoryLine => {
    const { run, source, host, isProven } = drill;
    return {
      ...toDrillLine(drill, names.sources.get(source)?.kind, urls),
      id: `${run}-${source}`,
      source: nameOf(names.sources, source, 'source'),
      host: { name: nameOf(names.hosts, host, 'host'), href: urls.host({ host }) },
      isProven,
    };
  });
  const isNarrowed = Object.values(query).some((value) => value !== undefined);
  const bare: Omit<DrillHistoryView, 'filters'> = {
    face,
    heading: describeHistory(rows, page.next !== undefined, isNarrowed),
    action: urls.drillHistory(),
    drillsHref: urls.drills(),
    rows,
    isNarrowed,
    days: { from: query.from, to: query.to },
    problem: 'problem' in filter ? filter.problem : undefined,
    ...linkPages(trail, page.next, (after) => urls.drillHistory({ ...query, after })),
  };
  if (wantsPart(visit, DRILL_HISTORY_TABLE)) return { kind: 'page', html: drillHistoryTable({ ...bare, filters: [] }) };
  const view = { ...bare, filters: await readFilters(context, visit, query, names) };
  return { kind: 'page', html: drillHistoryPage(await buildShell(context, visit, 'drills'), view) };
}

export const DRILL_HISTORY_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.drillHistory, handle: showHistory }];
