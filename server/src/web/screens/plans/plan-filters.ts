/** What the list of plans may be narrowed to: read from the address, offered in the bar, shown with a way out of each. */
import { type HostId, idSchema, type RepositoryId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { tagSchema } from '@holdfast/shared/domain/plan.ts';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PlanFilter } from '../../../store/plans.ts';
import type { Visit } from '../../http/route.ts';
import type { FilterChip } from '../../ui/table.ts';
import type { Urls } from '../../urls.ts';
import { findText } from '../forms/form-values.ts';
import { listTagChoices } from '../hosts/tag-choices.ts';
import { findId } from '../params.ts';
import { type Names, nameOf } from '../runs/run-names.ts';
import { readThingFilters } from '../runs/thing-filters.ts';
import type { PlansView } from './plans.view.ts';

/** As it stands in the address. */
export interface PlanQuery {
  q?: string | undefined;
  repository?: RepositoryId | undefined;
  host?: HostId | undefined;
  source?: SourceId | undefined;
  enabled?: 'true' | 'false' | undefined;
  /** Of a host that has a source in it. */
  tag?: string | undefined;
}

/** What does not read as a filter is left out: an address someone kept must not become an error. */
export function readPlanQuery({ query }: Pick<Visit, 'query'>): PlanQuery {
  const enabled = findText(query, 'enabled');
  return {
    q: findText(query, 'q'),
    repository: findId(findText(query, 'repository'), idSchema('repository')),
    host: findId(findText(query, 'host'), idSchema('host')),
    source: findId(findText(query, 'source'), idSchema('source')),
    enabled: enabled === 'true' || enabled === 'false' ? enabled : undefined,
    tag: tagSchema.safeParse(query['tag']).data,
  };
}

export function toPlanFilter({ q, enabled, ...ids }: PlanQuery): PlanFilter {
  return { ...ids, search: q, enabled: enabled === undefined ? undefined : enabled === 'true' };
}

export function isNarrowed(query: PlanQuery): boolean {
  return Object.values(query).some((value) => value !== undefined);
}

/** Each filter that is on, with the address of the list without it. */
export function listPlanChips(query: PlanQuery, names: Names, urls: Urls): readonly FilterChip[] {
  const { q, repository, host, source, enabled, tag } = query;
  const without = (name: keyof PlanQuery): string => urls.plans({ ...query, [name]: undefined });
  return [
    ...(q === undefined ? [] : [{ label: 'name', value: `“${q}”`, removeHref: without('q') }]),
    ...(repository === undefined
      ? []
      : [
          {
            label: 'repository',
            value: nameOf(names.repositories, repository, 'repository'),
            removeHref: without('repository'),
          },
        ]),
    ...(host === undefined ? [] : [{ label: 'host', value: nameOf(names.hosts, host, 'host'), removeHref: without('host') }]),
    ...(source === undefined
      ? []
      : [{ label: 'source', value: nameOf(names.sources, source, 'source'), removeHref: without('source') }]),
    ...(tag === undefined ? [] : [{ label: 'tag', value: tag, removeHref: without('tag') }]),
    ...(enabled === undefined
      ? []
      : [{ label: 'state', value: enabled === 'true' ? 'enabled' : 'paused', removeHref: without('enabled') }]),
  ];
}

/** The selects of the bar; of a big fleet each offers its first by name, and what is chosen. */
export async function readPlanChoices(
  context: CoreContext,
  caller: Caller,
  query: PlanQuery,
  names: Names,
): Promise<PlansView['filters']> {
  const [things, tags] = await Promise.all([
    readThingFilters(context, caller, ['repository', 'host', 'source'], { query, names, sourcesOf: query.host }),
    listTagChoices(context, caller, query.tag),
  ]);
  return [
    ...things,
    ...(tags.length === 0
      ? []
      : [
          {
            name: 'tag',
            label: 'Tag of a host',
            value: query.tag ?? '',
            options: [{ value: '', label: 'Any tag' }, ...tags.map((tag) => ({ value: tag, label: tag }))],
          },
        ]),
    {
      name: 'enabled',
      label: 'State',
      value: query.enabled ?? '',
      options: [
        { value: '', label: 'Enabled or paused' },
        { value: 'true', label: 'Enabled' },
        { value: 'false', label: 'Paused' },
      ],
    },
  ];
}
