/** The things a page's rows speak of, by id: each is looked up once, hosts with their standing. */
import type { HostId, PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Caller } from '../../core/caller.ts';
import { type HostView, toHostView } from '../../core/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Plan, Repository, Source } from '../../store/catalog.ts';
import type { Run } from '../../store/runs.ts';
import { type ProgressFigures, toProgressFigures } from '../ui/progress.ts';

export interface Wanted {
  hosts?: Iterable<HostId | undefined> | undefined;
  sources?: Iterable<SourceId | undefined> | undefined;
  plans?: Iterable<PlanId | undefined> | undefined;
  repositories?: Iterable<RepositoryId | undefined> | undefined;
}

export interface Names {
  hosts: ReadonlyMap<HostId, HostView>;
  sources: ReadonlyMap<SourceId, Source>;
  plans: ReadonlyMap<PlanId, Plan>;
  repositories: ReadonlyMap<RepositoryId, Repository>;
}

function listUnique<T>(ids: Iterable<T | undefined> | undefined): T[] {
  return [...new Set(ids ?? [])].filter((id): id is T => id !== undefined);
}

async function findEach<K, V>(ids: readonly K[], find: (id: K) => Promise<V | undefined>): Promise<Map<K, V>> {
  const found = new Map<K, V>();
  for (const id of ids) {
    const row = await find(id);
    if (row !== undefined) found.set(id, row);
  }
  return found;
}

/** What is gone has no entry. The caller's right to see is checked by the use case that gave the ids. */
export async function loadNames(context: CoreContext, caller: Pick<Caller, 'tenant'>, wanted: Wanted): Promise<Names> {
  const { catalog, hosts } = context.store;
  const { tenant } = caller;
  const sourceIds = listUnique(wanted.sources);
  const sources = sourceIds.length === 0 ? [] : await catalog.findSources(tenant, sourceIds);
  return {
    hosts: await findEach(listUnique(wanted.hosts), async (id) => {
      const host = await hosts.findHost(tenant, id);
      return host && toHostView(context, host);
    }),
    sources: new Map(sources.map((source) => [source.id, source])),
    plans: await findEach(listUnique(wanted.plans), (id) => catalog.findPlan(tenant, id)),
    repositories: await findEach(listUnique(wanted.repositories), (id) => catalog.findRepository(tenant, id)),
  };
}

/** The name of a thing, or the words for one that was deleted since. */
export function nameOf<K, V extends { name: string }>(map: ReadonlyMap<K, V>, id: K, noun: string): string {
  return map.get(id)?.name ?? `a deleted ${noun}`;
}

/** How far a run has come, as its host told last; undefined when it told nothing or is not connected. */
export function findFigures(
  context: Pick<CoreContext, 'directory'>,
  run: Pick<Run, 'id' | 'host' | 'state'>,
): ProgressFigures | undefined {
  const told = run.state === 'running' ? context.directory.findProgress(run) : undefined;
  return told === undefined ? undefined : toProgressFigures(told);
}
