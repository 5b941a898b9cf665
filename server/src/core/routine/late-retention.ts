/** Retention that the server orders, and that nobody could carry out for days. */
import type { Repository } from '../../store/repositories.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { hasRetentionWork } from '../retention/ordered-retention.ts';
import { type PlannedDuty, planRetentionTurn } from './planner.ts';
import type { RepositoryRoutine } from './routine.ts';

/**
 * The first of the plans that have something to remove in the repository while it is overdue; undefined where there is none. A removal that was
 * begun and failed is none: it says so itself.
 */
export async function findLateRetention(
  context: CoreContext,
  caller: Caller,
  repository: Repository,
  { stored, retention, maintainer }: RepositoryRoutine,
): Promise<PlannedDuty | undefined> {
  const { trouble, lease, host } = maintainer;
  const { settings: routine, since } = stored;
  if (trouble === undefined || retention === undefined || routine.forgetDays === 0) return undefined;
  const lastSeenAt = host && (await context.store.hosts.findHost(caller.tenant, host.id))?.lastSeenAt;
  const stuckSince = Math.max(lease.until, lastSeenAt ?? 0);
  for (const { plan, runs } of retention.plans) {
    const now = context.clock.now();
    const { dueAt, overdueSince } = planRetentionTurn(runs, { now, since, routine, stuckSince });
    if (overdueSince === undefined || !(await hasRetentionWork(context, caller, { plan, repository, runs }))) continue;
    return { duty: 'forget', doneAt: undefined, dueAt, nextAt: undefined, wait: { kind: 'host', trouble }, overdueSince };
  }
  return undefined;
}
