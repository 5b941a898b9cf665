/** A fleet in numbers, for those who ask one question a minute. */
import type { AlertCounts } from '../../store/alerts.ts';
import { type Caller, demand } from '../caller.ts';
import { countOnlineHosts } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';
import type { ProtectionCounts } from '../protection/protection.ts';
import { countWithoutPlan } from './look.ts';

export interface FleetSummary {
  sources: {
    total: number;
    byStatus: ProtectionCounts;
    /** Switched on, and in no plan that is. */
    withoutPlan: number;
  };
  hosts: {
    total: number;
    active: number;
    /** Connected, and heard of lately. */
    online: number;
    /** Of these, with something broken that endangers their backups. */
    degraded: number;
    /** Wait for approval. */
    pending: number;
  };
  plans: { total: number; enabled: number };
  repositories: number;
  snapshots: number;
  runs: { active: number; queued: number };
  alerts: AlertCounts;
}

export async function summarizeFleet(context: CoreContext, caller: Caller): Promise<FleetSummary> {
  demand(caller, 'view');
  const { store, fleet, clock } = context;
  const { tenant } = caller;
  const now = clock.now();
  const [look, hosts, fresh, pending, plans, repositories, snapshots, figures, alerts] = await Promise.all([
    fleet.look(tenant),
    store.hosts.countHosts(tenant),
    countOnlineHosts(context, tenant),
    store.hosts.listPending(tenant, now),
    store.plans.countPlans(tenant),
    store.repositories.countRepositories(tenant),
    store.snapshots.countSnapshots(tenant),
    store.figures.getFleetFigures(tenant),
    store.alerts.countAlerts(tenant, now),
  ]);
  return {
    sources: {
      total: look.sources.length,
      byStatus: look.counts,
      withoutPlan: countWithoutPlan(look),
    },
    hosts: { ...hosts, ...fresh, pending: pending.length },
    plans: { total: plans, enabled: figures.enabledPlans },
    repositories,
    snapshots,
    runs: { active: figures.activeRuns, queued: figures.queuedRuns },
    alerts,
  };
}
