/** What the list of runs may be narrowed to: read from the address, offered in the bar. */
import { type HostId, idSchema, type PlanId, type RepositoryId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS, RUN_STATES, TRIGGERS, type Trigger } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { listHosts } from '../../../core/hosts/hosts.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import type { RunFilter } from '../../../store/runs.ts';
import type { Visit } from '../../http/route.ts';
import type { FilterOption } from '../../ui/table.ts';
import type { Clockface } from '../../ui/time.ts';
import { findText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { findRange, readTypedDays, type TypedDays } from '../periods/day-range.ts';
import { choicesOf } from './run-filters.ts';
import { loadNames, type Names, nameOf } from './run-names.ts';
import { RUN_KIND_WORDS } from './run-words.ts';
import type { RunsView } from './runs.view.ts';

const PERIODS = { day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const;
type Period = keyof typeof PERIODS;
const PERIOD_NAMES = Object.keys(PERIODS) as readonly Period[];

/** What a person may filter by: each state, or all that still go on. */
const STATE_WORDS = ['active', ...RUN_STATES] as const;

/** With the days it is narrowed to, as they were typed. */
export interface RunQuery extends TypedDays {
  /** What is searched for. */
  q?: string | undefined;
  state?: (typeof STATE_WORDS)[number] | undefined;
  kind?: (typeof RUN_KINDS)[number] | undefined;
  host?: HostId | undefined;
  plan?: PlanId | undefined;
  source?: SourceId | undefined;
  repository?: RepositoryId | undefined;
  trigger?: Trigger | undefined;
  /** Who asked for it, by name. */
  by?: string | undefined;
  period?: Period | undefined;
}

/** What does not read as a filter is left out: an address someone kept must not become an error. */
export function readRunQuery(visit: Pick<Visit, 'query'>): RunQuery {
  const choice = <T extends string>(name: string, known: readonly T[]): T | undefined => {
    const text = findText(visit.query, name);
    return known.find((word) => word === text);
  };
  return {
    q: findText(visit.query, 'q', TEXT.searchChars),
    state: choice('state', STATE_WORDS),
    kind: choice('kind', RUN_KINDS),
    host: findId(findText(visit.query, 'host'), idSchema('host')),
    plan: findId(findText(visit.query, 'plan'), idSchema('plan')),
    source: findId(findText(visit.query, 'source'), idSchema('source')),
    repository: findId(findText(visit.query, 'repository'), idSchema('repository')),
    trigger: choice('trigger', TRIGGERS),
    by: findText(visit.query, 'by'),
    period: choice('period', PERIOD_NAMES),
    ...readTypedDays(visit),
  };
}

/** Days are those of the reader's zone; what is wrong with them is said instead. */
export function toRunFilter(query: RunQuery, { now, zone }: Clockface): RunFilter | { problem: string } {
  const days = findRange(query, zone, now, query.period && PERIODS[query.period]);
  if ('problem' in days) return days;
  return {
    ...(query.state === 'active' ? { active: true } : { state: query.state }),
    search: query.q,
    kind: query.kind,
    host: query.host,
    plan: query.plan,
    source: query.source,
    repository: query.repository,
    trigger: query.trigger,
    requestedBy: query.by,
    ...days,
  };
}

/** What made a run begin, in the words of its list. */
function sayTrigger(trigger: string): string {
  const words: Readonly<Record<string, string>> = {
    schedule: 'by schedule',
    catch_up: 'caught up',
    manual: 'by a person',
    api: 'through the API',
    local: 'on the host itself',
    follow_up: 'after another run',
  };
  return words[trigger] ?? trigger;
}

/** The selects of the bar; of a big fleet each offers its first by name, and what is chosen. */
export async function buildRunFilters(
  context: CoreContext,
  visit: Visit,
  query: RunQuery,
  names: Names,
): Promise<RunsView['filters']> {
  const page = { limit: HTTP.pageSizeMax };
  const { caller } = visit;
  const [hosts, plans, repositories, found] = await Promise.all([
    listHosts(context, caller, {}, page),
    listPlans(context, caller, {}, page),
    listRepositories(context, caller, {}, page),
    loadNames(context, caller, { sources: [query.source], repositories: [query.repository] }),
  ]);
  const repository = query.repository === undefined ? undefined : found.repositories.get(query.repository);
  const source = query.source === undefined ? undefined : nameOf(found.sources, query.source, 'source');
  const host = query.host === undefined ? undefined : names.hosts.get(query.host);
  const plan = query.plan === undefined ? undefined : names.plans.get(query.plan);
  const words = <T extends string>(
    all: string,
    list: readonly T[],
    label: (word: T) => string = (word) => word,
  ): FilterOption[] => [{ value: '', label: all }, ...list.map((word) => ({ value: word, label: label(word) }))];
  return [
    {
      name: 'state',
      label: 'State',
      value: query.state ?? '',
      options: words('Any state', STATE_WORDS, (word) => (word === 'active' ? 'not ended' : word)),
    },
    {
      name: 'kind',
      label: 'Kind',
      value: query.kind ?? '',
      options: words('Any kind', RUN_KINDS, (kind) => RUN_KIND_WORDS[kind]),
    },
    { name: 'host', label: 'Host', value: query.host ?? '', options: choicesOf('All hosts', hosts, host) },
    { name: 'plan', label: 'Plan', value: query.plan ?? '', options: choicesOf('All plans', plans, plan) },
    {
      name: 'repository',
      label: 'Repository',
      value: query.repository ?? '',
      options: choicesOf('All repositories', repositories, repository),
    },
    { name: 'trigger', label: 'Begun', value: query.trigger ?? '', options: words('However begun', TRIGGERS, sayTrigger) },
    // What only other pages lead to is shown while it is on, with its way out.
    ...(query.source === undefined
      ? []
      : [
          {
            name: 'source',
            label: 'Source',
            value: query.source,
            options: [
              { value: query.source, label: `of ${source}` },
              { value: '', label: 'All sources' },
            ],
          },
        ]),
    ...(query.by === undefined
      ? []
      : [
          {
            name: 'by',
            label: 'Asked for by',
            value: query.by,
            options: [
              { value: query.by, label: `asked for by ${query.by}` },
              { value: '', label: 'By anybody' },
            ],
          },
        ]),
    {
      name: 'period',
      label: 'Period',
      value: query.period ?? '',
      options: words(
        'Any time',
        PERIOD_NAMES,
        (word) => `last ${word === 'day' ? '24 hours' : word === 'week' ? '7 days' : '30 days'}`,
      ),
    },
  ];
}
