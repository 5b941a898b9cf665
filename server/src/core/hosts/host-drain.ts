/** Draining a host: it takes no new runs, ends what runs, and goes on by itself at the end. The host does so by its spec, also without this server. */
import { drainMinutesSchema } from '@holdfast/shared/domain/drain.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { HostDrain } from '../../store/hosts.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { listRuns } from '../runs/runs.ts';
import { getHost, type HostView } from './hosts.ts';

/**
 * Drains a host for so many minutes from now, or gives its drain that end. `invalid` beyond a minute and seven days, `precondition` for a host
 * that is not active.
 */
export async function drainHost(context: CoreContext, caller: Caller, id: HostId, minutes: number): Promise<HostView> {
  demand(caller, 'host.manage');
  const host = await getHost(context, caller, id);
  if (!drainMinutesSchema.safeParse(minutes).success)
    throw new AppError('invalid', 'a drain lasts from one minute to seven days', { details: { field: 'minutes' } });
  if (host.state !== 'active') throw new AppError('precondition', 'only an active host can be drained');
  const now = context.clock.now();
  const drain: HostDrain = { since: host.drain?.since ?? now, until: now + minutes * 60_000, by: caller.actor.name };
  return setDrain(context, caller, host, drain);
}

/** Ends the drain of a host; one that is not drained stays as it is. */
export async function resumeHost(context: CoreContext, caller: Caller, id: HostId): Promise<HostView> {
  demand(caller, 'host.manage');
  const host = await getHost(context, caller, id);
  return host.drain === undefined ? host : setDrain(context, caller, host, undefined);
}

async function setDrain(
  context: CoreContext,
  caller: Caller,
  { id, name }: HostView,
  drain: HostDrain | undefined,
): Promise<HostView> {
  await context.store.hosts.setHostDrain(caller.tenant, id, drain);
  context.directory.wake(id);
  await recordAct(context, caller, {
    action: drain === undefined ? 'host.resumed' : 'host.drained',
    target: { kind: 'host', id, name },
    ...(drain === undefined ? {} : { change: { until: drain.until } }),
  });
  for (const topic of [TOPICS.hosts, TOPICS.host(id)]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return getHost(context, caller, id);
}

export interface UnfinishedRuns {
  /** Runs that an upgrade of the agent would cut off. */
  active: number;
  waiting: number;
  /** There are more than were counted. */
  isMore: boolean;
}

/** Runs of a host that have not ended, as far as the host has told. */
export async function countUnfinishedRuns(context: CoreContext, caller: Caller, id: HostId): Promise<UnfinishedRuns> {
  const { rows, next } = await listRuns(context, caller, { host: id, active: true }, { limit: HTTP.pageSizeMax });
  const waiting = rows.filter(({ state }) => state === 'queued').length;
  return { active: rows.length - waiting, waiting, isMore: next !== undefined };
}
