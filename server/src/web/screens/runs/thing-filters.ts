/** The selects that narrow a list to things of the fleet; of a big one each offers its first by name, and what is chosen. */
import type { HostId, PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import { listHosts } from '../../../core/hosts/hosts.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Page } from '../../../store/page.ts';
import type { FilterOption } from '../../ui/table.ts';
import { choicesOf } from './run-filters.ts';
import { type Names, nameOf } from './run-names.ts';

/** As it stands in the address. */
export interface ThingQuery {
  repository?: RepositoryId | undefined;
  host?: HostId | undefined;
  source?: SourceId | undefined;
  plan?: PlanId | undefined;
}

type Thing = keyof ThingQuery;

export interface ThingFilter {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly options: readonly FilterOption[];
}

interface Narrowing {
  query: ThingQuery;
  /** Those of what is chosen are among them. */
  names: Names;
  /** Only the sources of this host are offered. */
  sourcesOf?: HostId | undefined;
}

const LABELS: Readonly<Record<Thing, { label: string; all: string }>> = {
  repository: { label: 'Repository', all: 'All repositories' },
  host: { label: 'Host', all: 'All hosts' },
  source: { label: 'Source', all: 'All sources' },
  plan: { label: 'Plan', all: 'All plans' },
};

const PAGE = { limit: HTTP.pageSizeMax };

interface Choices {
  page: Page<{ id: string; name: string }>;
  chosen: { id: string; name: string } | undefined;
}

const find = <K, V>(map: ReadonlyMap<K, V>, id: K | undefined): V | undefined => (id === undefined ? undefined : map.get(id));

/** A name is a source's own on its host alone: unless all are of one host, each says of which it is. */
async function listSourceChoices(context: CoreContext, caller: Caller, { query, names, sourcesOf }: Narrowing): Promise<Choices> {
  const page = await listSources(context, caller, { host: sourcesOf }, PAGE);
  const chosen = find(names.sources, query.source);
  if (sourcesOf !== undefined) return { page, chosen };
  // The names of as many hosts as there are sources: those that are kept in memory.
  const { hosts } = await context.fleet.look(caller.tenant);
  const withHost = ({ id, name, host }: { id: SourceId; name: string; host: HostId }) => ({
    id,
    name: `${name} · ${nameOf(hosts, host, 'host')}`,
  });
  return { page: { ...page, rows: page.rows.map(withHost) }, chosen: chosen && withHost(chosen) };
}

async function listChoices(context: CoreContext, caller: Caller, thing: Thing, narrowing: Narrowing): Promise<Choices> {
  const { query, names } = narrowing;
  switch (thing) {
    case 'repository':
      return { page: await listRepositories(context, caller, {}, PAGE), chosen: find(names.repositories, query.repository) };
    case 'host':
      return { page: await listHosts(context, caller, {}, PAGE), chosen: find(names.hosts, query.host) };
    case 'plan':
      return { page: await listPlans(context, caller, {}, PAGE), chosen: find(names.plans, query.plan) };
    case 'source':
      return listSourceChoices(context, caller, narrowing);
  }
}

/** In the order in which they are asked for. */
export async function readThingFilters(
  context: CoreContext,
  caller: Caller,
  things: readonly Thing[],
  narrowing: Narrowing,
): Promise<readonly ThingFilter[]> {
  return Promise.all(
    things.map(async (thing): Promise<ThingFilter> => {
      const { page, chosen } = await listChoices(context, caller, thing, narrowing);
      const { label, all } = LABELS[thing];
      return { name: thing, label, value: narrowing.query[thing] ?? '', options: choicesOf(all, page, chosen, 'pages') };
    }),
  );
}
