/** How repositories do, as far as this server knows: what is wrong with them, when they were last seen to work, and who writes to them. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { RepositoryStanding } from '@holdfast/shared/domain/repository-standing.ts';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import type { RepositorySummary, StandingInstants } from '../../store/maintenance.ts';
import type { LockLook } from '../../store/repository-looks.ts';
import { type AlertView, judgeState } from '../alerts/alerts.ts';
import { type Caller, demand } from '../caller.ts';
import { type HostView, toHostView } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';

/** The instants that standings are judged by now. */
export function getStandingInstants({ clock }: Pick<CoreContext, 'clock'>): StandingInstants {
  const now = clock.now();
  return { now, quietBefore: now - MAINTENANCE.quietAfterMs };
}

export interface RepositoryHealth extends RepositorySummary {
  /** What is wrong and not over, acknowledged and put off included, the gravest first. */
  alerts: readonly AlertView[];
}

/** Of those that exist. */
export async function readRepositoryHealth(
  { store, clock }: Pick<CoreContext, 'store' | 'clock'>,
  caller: Caller,
  ids: readonly RepositoryId[],
): Promise<ReadonlyMap<RepositoryId, RepositoryHealth>> {
  demand(caller, 'view');
  const [summaries, alerts] = await Promise.all([
    store.maintenance.listRepositorySummaries(caller.tenant, ids, getStandingInstants({ clock })),
    store.alerts.listActiveAbout(caller.tenant, 'repository', ids),
  ]);
  const now = clock.now();
  const views = alerts.map((alert): AlertView => ({ ...alert, state: judgeState(alert, now) }));
  const byThing = Map.groupBy(views, ({ thing }) => thing.id);
  return new Map(summaries.map((summary) => [summary.repository, { ...summary, alerts: byThing.get(summary.repository) ?? [] }]));
}

/** All repositories by how they do. */
export async function countRepositoryStandings(
  context: CoreContext,
  caller: Caller,
): Promise<ReadonlyMap<RepositoryStanding, number>> {
  demand(caller, 'view');
  return context.store.maintenance.countRepositoryStandings(caller.tenant, getStandingInstants(context));
}

export interface RepositoryUsers {
  /** Some of them where there are many, by name. */
  hosts: readonly HostView[];
  /** How many there are in all. */
  total: number;
  /** The newest look at its locks. */
  locks: LockLook | undefined;
}

/** The hosts whose plans write to it, at most `limit` of them, and its locks. */
export async function readRepositoryUsers(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  limit: number,
): Promise<RepositoryUsers> {
  demand(caller, 'view');
  const { plans, hosts, repositoryLooks } = context.store;
  const [users, locks] = await Promise.all([
    plans.listHostsOfRepository(caller.tenant, id),
    repositoryLooks.findLockLook(caller.tenant, id),
  ]);
  const known = await hosts.findHosts(caller.tenant, users.slice(0, limit));
  const shown = known.map((host) => toHostView(context, host)).toSorted((a, b) => a.name.localeCompare(b.name));
  return { hosts: shown, total: users.length, locks };
}
