/** The things a page's rows speak of, by id: each is looked up once, hosts with their standing. */
import type { HostId, PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Caller } from '../../../core/caller.ts';
import { type HostView, toHostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { Source } from '../../../store/sources.ts';
import { type ProgressFigures, toProgressFigures } from '../../ui/progress.ts';

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

/** The rows of some ids; nothing is asked where there are none. */
async function findSome<K, V extends { id: K }>(
  ids: Iterable<K | undefined> | undefined,
  find: (ids: readonly K[]) => Promise<readonly V[]>,
): Promise<Map<K, V>> {
  const wanted = listUnique(ids);
  const rows = wanted.length === 0 ? [] : await find(wanted);
  return new Map(rows.map((row) => [row.id, row]));
}

/** What is gone has no entry. The caller's right to see is checked by the use case that gave the ids. */
export async function loadNames(context: CoreContext, caller: Pick<Caller, 'tenant'>, wanted: Wanted): Promise<Names> {
  const { store } = context;
  const { tenant } = caller;
  const [hostRows, sources, plans, repositories] = await Promise.all([
    findSome(wanted.hosts, async (ids) => (await store.hosts.findHosts(tenant, ids)).map((host) => toHostView(context, host))),
    findSome(wanted.sources, (ids) => store.sources.findSources(tenant, ids)),
    findSome(wanted.plans, (ids) => store.plans.findPlans(tenant, ids)),
    findSome(wanted.repositories, (ids) => store.repositories.findRepositories(tenant, ids)),
  ]);
  return { hosts: hostRows, sources, plans, repositories };
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
