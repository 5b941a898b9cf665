/** What the side bar counts; told to open pages as it changes. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import { TOPICS } from '../../core/bus.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { LiveTellers } from '../http/live-feed.ts';
import type { NavItem } from '../ui/layout.ts';

/** More running at once is shown as `50+`: counting on would cost and say nothing more. */
export const RUNNING_SHOWN = 50;

/** What stands at the end of a line: a quiet count, or an alarm with its words; neither where there is nothing to count. */
export type NavMark = Pick<NavItem, 'count' | 'alarm'>;

/** By the line's id. The same for everybody who may look. */
export interface NavMarks {
  alerts: NavMark;
  hosts: NavMark;
  sources: NavMark;
  runs: NavMark;
}

type CountingContext = Pick<CoreContext, 'store' | 'clock'>;

/** Five counting reads. */
export async function readNavMarks({ store, clock }: CountingContext, tenant: TenantId): Promise<NavMarks> {
  const [alerts, hosts, pending, sources, running] = await Promise.all([
    store.alerts.countAlerts(tenant, clock.now()),
    store.hosts.countHosts(tenant),
    store.hosts.listPending(tenant, clock.now()),
    store.sources.countSources(tenant),
    store.runs.listRuns(tenant, { active: true }, { limit: RUNNING_SHOWN + 1 }),
  ]);
  return {
    alerts: markAlarm(alerts.open, 'alert needs a person', 'alerts need a person'),
    hosts:
      pending.length > 0
        ? markAlarm(pending.length, 'host waits for approval', 'hosts wait for approval')
        : markCount(hosts.active),
    sources: markCount(sources),
    runs: markRunning(running.rows.length),
  };
}

function markCount(count: number): NavMark {
  return count === 0 ? {} : { count };
}

function markAlarm(count: number, one: string, many: string): NavMark {
  return count === 0 ? {} : { count, alarm: count === 1 ? one : many };
}

/** `running` as it was counted, up to one more than is shown. */
export function sayRunning(running: number): string {
  return running > RUNNING_SHOWN ? `${RUNNING_SHOWN}+` : String(running);
}

function markRunning(running: number): NavMark {
  if (running === 0) return {};
  return { count: `${sayRunning(running)} running` };
}

/** Read once for all who look, at each change of a count. */
export function createNavigationTellers(context: CountingContext): LiveTellers {
  return {
    [TOPICS.counts]: async (tenant) => ({ kind: 'counts', items: await readNavMarks(context, tenant) }),
  };
}
